package identity

import (
	"crypto/tls"
	"net"

	"github.com/raftmark/raftmark/raft"
)

// sessionsMax bounds the sessions that are kept to be resumed.
const sessionsMax = 1024

// TLSOptions say what a configuration is for.
type TLSOptions struct {
	// Protocol is the ALPN name of what is spoken. Required.
	Protocol string
	// Resumption lets a peer that was connected before come back with a ticket, which saves the signatures of a
	// handshake. All of its certificate is checked again, and tickets of another process, or from before the
	// certificates changed, are void. There is never any early data. Default: every handshake is a full one.
	Resumption bool
	// Refused, when not nil, hears of each handshake that the accepting side refuses because of the certificate, for
	// transports that do not learn of it otherwise. It is called concurrently and must not block.
	Refused func(remote net.Addr, err error)
}

// ServerTLS returns the configuration of the accepting side: it wants a certificate of any node of the cluster, and
// leaves it to the caller to ask which one with [PeerOf].
func (id *Identity) ServerTLS(o TLSOptions) *tls.Config {
	config := id.serverTLS(o, nil)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		var remote net.Addr
		if hello.Conn != nil {
			remote = hello.Conn.RemoteAddr()
		}
		return id.serverTLS(o, remote), nil
	}
	return config
}

// serverTLS returns the configuration as of now, for one connection.
func (id *Identity) serverTLS(o TLSOptions, remote net.Addr) *tls.Config {
	now := id.current.Load()
	config := now.baseTLS(o)
	if o.Resumption {
		config.SetSessionTicketKeys([][32]byte{now.ticketKey})
	}
	// VerifyConnection refuses whoever shows none, so that it is counted like the others.
	config.ClientAuth = tls.RequestClientCert
	config.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := id.verifyPeer(state.PeerCertificates)
		if err != nil && o.Refused != nil {
			o.Refused(remote, err)
		}
		if err == nil {
			id.shaken.note(state)
		}
		return err
	}
	return config
}

// ClientTLS returns the configuration of the dialing side for one connection: it wants the certificate of that peer.
func (id *Identity) ClientTLS(o TLSOptions, peer raft.NodeID) *tls.Config {
	now := id.current.Load()
	config := now.baseTLS(o)
	if o.Resumption {
		config.ClientSessionCache = &sessionCache{of: now, peer: peer}
	}
	// Names of hosts are not part of an identity, so the default check cannot be used: VerifyConnection checks the
	// chain, the use, the cluster and the node instead, on every connection.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		node, err := id.verifyPeer(state.PeerCertificates)
		if err == nil && node != peer {
			err = refuse(ReasonNode, "node %d, want node %d", node, peer)
		}
		if err == nil {
			id.shaken.note(state)
		}
		return err
	}
	return config
}

func (s *state) baseTLS(o TLSOptions) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{s.pair},
		NextProtos:             []string{o.Protocol},
		SessionTicketsDisabled: !o.Resumption,
		// Records of full size from the start: the peer waits for whole frames anyway.
		DynamicRecordSizingDisabled: true,
	}
}

// sessionCache keeps the newest session with one peer, whatever the name that it was dialed by.
type sessionCache struct {
	of   *state
	peer raft.NodeID
}

// Get implements tls.ClientSessionCache. A ticket is used once, so that connections cannot be linked by it, and one
// that the peer would refuse does not keep this node out.
func (c *sessionCache) Get(string) (*tls.ClientSessionState, bool) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	session, ok := c.of.sessions[c.peer]
	delete(c.of.sessions, c.peer)
	return session, ok
}

// Put implements tls.ClientSessionCache.
func (c *sessionCache) Put(_ string, session *tls.ClientSessionState) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	_, known := c.of.sessions[c.peer]
	switch {
	case session == nil:
		delete(c.of.sessions, c.peer)
	case known || len(c.of.sessions) < sessionsMax:
		c.of.sessions[c.peer] = session
	}
}

// PeerOf returns the node that the peer's certificate names. The connection must have been made with a
// configuration of this package, which has checked it.
func PeerOf(state tls.ConnectionState) (raft.NodeID, error) {
	if len(state.PeerCertificates) == 0 {
		return raft.None, refuse(ReasonNone, "none was shown")
	}
	name, err := NameOf(state.PeerCertificates[0])
	if err != nil {
		return raft.None, err
	}
	if name.Role != RolePeer {
		return raft.None, refuse(ReasonRole, "%s, want a peer", name.label())
	}
	return name.Node, nil
}
