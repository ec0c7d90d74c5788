package server

import (
	"errors"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
)

// PeerTransport is a transport between processes, with what a node uses of it beside the driver's port.
type PeerTransport interface {
	replica.Transport
	// Addr returns the address that it listens on.
	Addr() string
	// SetPeers replaces the peers; see package transport.
	SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error
	// TimesRefused returns how often peers refused this node for reason. It is cheap.
	TimesRefused(reason transport.Refusal) uint64
	// Metrics returns what was counted since it was opened. Where the kernel counts, it is asked about each connection:
	// call it when somebody wants to know, not with every heartbeat.
	Metrics() transport.Metrics
}

// OpenTransport opens the transport that a node of this configuration has, without the node: it tells of no disk, and
// its gate admits every peer that the transport itself does. It is for measuring the transport alone.
func OpenTransport(c Config) (PeerTransport, error) {
	c = c.WithDefaults()
	p := parts{gate: &gate{node: c.Node, logger: c.Logger}}
	t, err := p.newTransport(c)
	if err != nil {
		return nil, errors.Join(err, p.release())
	}
	opened, ok := t.(PeerTransport)
	if !ok {
		return nil, ConfigError{transportNotBetweenProcesses(c.Transport)}
	}
	return aloneTransport{opened, &p}, nil
}

// aloneTransport closes what else was opened for it.
type aloneTransport struct {
	PeerTransport
	parts *parts
}

// Close closes the transport, then the rest.
func (t aloneTransport) Close() error { return errors.Join(t.PeerTransport.Close(), t.parts.release()) }

// transportNotBetweenProcesses is the error of a transport that OpenTransport cannot open, by name.
type transportNotBetweenProcesses string

// Error implements error.
func (t transportNotBetweenProcesses) Error() string {
	return "transport: " + string(t) + " works within one process only"
}
