package quic

import (
	"context"
	"fmt"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
)

const (
	// youngFor is how long a connection is not replaced by another one of the same life of the peer: dials that cross
	// each other are over by then.
	youngFor = 250 * time.Millisecond
	// crossingWait is how long a dialer that was told of a crossing waits for the other connection.
	crossingWait = 100 * time.Millisecond
)

// session is what this node has with one peer: the connection that it writes on, whoever dialed it.
//
// Both nodes write on the same connection, so that acknowledgements travel with the answers. When their dials cross,
// the one with the smaller id decides; when they differ for a while, each writes on its own: all greeted connections
// are read.
type session struct {
	// turn has one slot: who holds it may dial.
	turn chan struct{}

	mu      sync.Mutex
	current *connection // nil when there never was one; may have ended
	changed chan struct{}
	attempt context.CancelFunc // gives up the dial under way
}

// connection is a greeted connection.
type connection struct {
	*quicgo.Conn
	peer        raft.NodeID
	incarnation uint64
	address     string    // that was dialed, or that the dialer says is its own
	since       time.Time // it is the session's
	dialed      bool

	mu    sync.Mutex
	lanes [transport.LaneCount]*link.Peer // whose streams are read

	// ready says that both have agreed to talk. Under the session's mu.
	ready bool
}

func (c *connection) live() bool { return c != nil && c.Context().Err() == nil }

// session returns the session of a peer.
func (t *Transport) session(peer raft.NodeID) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[peer]
	if s == nil {
		s = &session{turn: make(chan struct{}, 1), changed: make(chan struct{})}
		t.sessions[peer] = s
	}
	return s
}

// forget drops the sessions of nodes that are no peers and have no connection.
func (t *Transport) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, s := range t.sessions {
		if len(s.turn) == 0 && !s.connected() && t.node.Peer(id) == nil {
			delete(t.sessions, id)
		}
	}
}

func (s *session) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.live()
}

// verdict is what a node makes of a connection that may become its session's.
type verdict int

const (
	// adopted: it writes on it from now on.
	adopted verdict = iota
	// alone: it only reads from it.
	alone
	// crossed: there is another one, just made, that both use.
	crossed
)

// offer decides about a connection. usable says that the peer is where this node would dial it.
func (s *session) offer(c *connection, usable bool) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.current
	switch {
	case now.live() && now.Conn == c.Conn:
		return adopted
	case !usable, now.live() && c.incarnation < now.incarnation:
		return alone
	case now.live() && c.incarnation == now.incarnation && time.Since(now.since) < youngFor:
		return crossed
	}
	s.adopt(c)
	return adopted
}

// adopt makes c the connection to write on. s.mu is held.
func (s *session) adopt(c *connection) {
	if s.current.live() {
		old := s.current
		go func() { _ = old.CloseWithError(codeClosed, "replaced") }()
	}
	c.since = time.Now()
	s.current = c
	s.tell()
	if s.attempt != nil {
		s.attempt()
	}
}

// tell wakes who waits for a change. s.mu is held.
func (s *session) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// confirm says that the dialer of a connection has opened a lane on it: it agrees with what was said in the greeting.
func (s *session) confirm(c *connection, usable bool) {
	_ = s.offer(c, usable)
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.current; now != nil && now.Conn == c.Conn && !now.ready {
		now.ready = true
		s.tell()
	}
}

// await returns the connection to write on to the peer at address, if it is there or about to be.
func (s *session) await(ctx context.Context, address string) *connection {
	var timeout <-chan time.Time
	for {
		s.mu.Lock()
		now, changed := s.current, s.changed
		if !now.live() || !now.at(address) {
			s.mu.Unlock()
			return nil
		}
		ready := now.ready
		s.mu.Unlock()
		if ready {
			return now
		}
		if timeout == nil {
			timer := time.NewTimer(crossingWait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-now.Context().Done():
		case <-timeout:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// usable reports whether a peer that is connected is where this node would dial it.
func (t *Transport) usable(c *connection) bool {
	p := t.node.Peer(c.peer)
	return p == nil || c.at(p.Address()) // who is not known yet becomes a learned peer, at the address that it says
}

// at reports whether the peer's end is at that address: both ends dial from the socket that they listen on.
func (c *connection) at(address string) bool {
	return c.address == address || c.RemoteAddr().String() == address
}

// connection returns the connection to the peer, made now if there is none.
func (t *Transport) connection(ctx context.Context, peer *link.Peer) (*connection, error) {
	s := t.session(peer.ID())
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("dial node %d: %w", peer.ID(), context.Cause(ctx))
	}
	if c := s.await(ctx, peer.Address()); c != nil {
		return c, nil
	}
	attempt, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	changed := s.changed
	s.attempt = cancel
	s.mu.Unlock()
	c, err := t.connect(attempt, peer)
	s.mu.Lock()
	s.attempt = nil
	s.mu.Unlock()
	if err == nil {
		err = t.take(s, c)
	}
	if err == nil {
		return c, nil
	}
	if isCrossing(err) {
		timer := time.NewTimer(crossingWait)
		defer timer.Stop()
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if c := s.await(ctx, peer.Address()); c != nil {
		return c, nil // the peer's dial came first
	}
	return nil, err
}

// take makes a connection that this node dialed its session's and reads from it.
func (t *Transport) take(s *session, c *connection) error {
	c.dialed, c.ready = true, true
	if s.offer(c, true) != adopted {
		_ = c.CloseWithError(codeCrossed, "")
		return errCrossed
	}
	if !t.node.Go(func() { t.read(c) }) {
		_ = c.CloseWithError(codeClosed, "")
		return raft.ErrClosed
	}
	return nil
}
