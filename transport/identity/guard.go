package identity

import (
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"
)

// guardInterval is how long after a certificate's end at most it is noticed when the clock was set meanwhile.
const guardInterval = time.Minute

// guards are the connections that are looked after.
type guards struct {
	mu   sync.Mutex
	live map[*guard]struct{}
}

// guard looks after one connection.
type guard struct {
	certs []*x509.Certificate // as the peer showed them
	// vouched are the certificates that were vouched for it when it was connected: its authority may be no longer known
	// when it is revoked.
	vouched []*x509.Certificate
	end     func(error)
	timer   *time.Timer // set and used under guards.mu
}

// Guard looks after a connection that was made with a configuration of this identity: end is called, once and in a
// goroutine of its own, when the certificate of its peer has expired or was revoked. Other changes do not end it: it
// stays when the peer's certificate was renewed, or its authority is not trusted any more. The caller calls release
// when the connection has ended; end may be running then.
func (id *Identity) Guard(connection tls.ConnectionState, end func(err error)) (release func()) {
	g := &guard{certs: connection.PeerCertificates, end: end}
	if len(g.certs) > 0 {
		if chains, err := id.current.Load().chains(g.certs[0], g.certs[1:], time.Now()); err == nil {
			g.vouched = chains[0]
		}
	}
	all := &id.guards
	all.mu.Lock()
	if all.live == nil {
		all.live = map[*guard]struct{}{}
	}
	all.live[g] = struct{}{}
	g.timer = time.AfterFunc(g.wait(), func() { id.guards.due(id, g) })
	all.mu.Unlock()
	all.look(id, g) // it may have been revoked since the handshake
	return func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.remove(g)
	}
}

// wait is how long until the connection is looked at again.
func (g *guard) wait() time.Duration {
	if len(g.certs) == 0 {
		return 0
	}
	return min(max(time.Until(g.certs[0].NotAfter), 0)+time.Millisecond, guardInterval)
}

// due looks at one connection when its time has come.
func (s *guards) due(id *Identity, g *guard) {
	s.look(id, g)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, live := s.live[g]; live {
		g.timer.Reset(g.wait())
	}
}

// look ends the connection if its peer's certificate has expired or was revoked.
func (s *guards) look(id *Identity, g *guard) {
	_, err := id.verifyPeer(g.certs)
	if id.current.Load().anyRevoked(g.vouched) {
		err = refuse(ReasonRevoked, "serial %s, or its authority", Serial(g.certs[0]))
	}
	switch reasonOf(err) {
	case ReasonExpired, ReasonRevoked, ReasonNone:
	default:
		return
	}
	s.mu.Lock()
	_, live := s.live[g]
	s.remove(g)
	s.mu.Unlock()
	if live {
		go g.end(err)
	}
}

// check looks at all connections.
func (s *guards) check(id *Identity) {
	s.mu.Lock()
	all := make([]*guard, 0, len(s.live))
	for g := range s.live {
		all = append(all, g)
	}
	s.mu.Unlock()
	for _, g := range all {
		s.look(id, g)
	}
}

// remove forgets a connection. s.mu is held.
func (s *guards) remove(g *guard) {
	g.timer.Stop()
	delete(s.live, g)
}
