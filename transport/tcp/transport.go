package tcp

import (
	"fmt"
	"net"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
)

// Transport is one node's TCP transport.
type Transport struct {
	node     *link.Node
	options  transport.Options
	listener net.Listener
	// greetings has one slot for each accepted connection that has not been greeted.
	greetings chan struct{}
}

// greetingsMax bounds the accepted connections that have not been greeted; more are closed at once.
const greetingsMax = 64

// protocol is the ALPN name of what is spoken over TLS.
const protocol = "raftmark/1"

// New checks the options and binds the listener; nothing is accepted before Start.
func New(options transport.Options) (*Transport, error) {
	t := &Transport{greetings: make(chan struct{}, greetingsMax)}
	node, err := link.NewNode(options, t.dial, t.reach)
	if err != nil {
		return nil, err
	}
	t.node, t.options = node, node.Options()
	if err := t.checkPlaintext(t.options.Peers); err != nil {
		return nil, err
	}
	if t.options.Identity == nil {
		if err := transport.CheckLoopback(t.options.Listen); err != nil {
			return nil, fmt.Errorf("Listen: %w", err)
		}
		if err := transport.CheckLoopback(t.options.Advertise); t.options.Advertise != "" && err != nil {
			return nil, fmt.Errorf("Advertise: %w", err)
		}
	}
	t.listener, err = net.Listen("tcp", t.options.Listen)
	if err != nil {
		return nil, fmt.Errorf("Listen = %s: %w", t.options.Listen, err)
	}
	t.node.Listens(t.Addr())
	return t, nil
}

// Addr returns the address that the transport listens on.
func (t *Transport) Addr() string { return t.listener.Addr().String() }

// SetPeers replaces Options.Peers, at any time; see the obligations in the comment of package transport.
func (t *Transport) SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error {
	if err := t.checkPlaintext(peers); err != nil {
		return err
	}
	return t.node.SetPeers(peers, removedUpTo)
}

// reach says why a learned peer cannot be answered at that address, or nil.
func (t *Transport) reach(address string) error {
	if t.options.Identity == nil {
		if err := transport.CheckLoopback(address); err != nil {
			return err
		}
	}
	return transport.CheckReachable(address)
}

func (t *Transport) checkPlaintext(peers map[raft.NodeID]string) error {
	if t.options.Identity != nil {
		return nil
	}
	for id, address := range peers {
		if err := transport.CheckLoopback(address); err != nil {
			return fmt.Errorf("Peers[%d]: %w", id, err)
		}
	}
	return nil
}

// Start begins to accept, to connect and to deliver; see the driver's port.
func (t *Transport) Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error {
	if err := t.node.Start(deliver, peer); err != nil {
		return err
	}
	t.node.Go(t.accept)
	return nil
}

// Send queues m for m.To and returns at once; false says that it was dropped.
func (t *Transport) Send(m raft.Message) bool { return t.node.Send(m) }

// Metrics returns what was counted since New.
func (t *Transport) Metrics() transport.Metrics { return t.node.Metrics() }

// Close stops everything, drops what is queued, and returns when no delivery is under way or will come.
func (t *Transport) Close() error {
	var err error
	if t.node.Shutdown() {
		err = t.listener.Close()
	}
	t.node.Wait()
	return err
}
