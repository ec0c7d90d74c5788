package mem

import (
	"fmt"
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
)

// Network connects transports of one process. Any number of clusters may share it, one at a time per node id.
type Network struct {
	mu    sync.RWMutex
	nodes map[raft.NodeID]*Transport
	cut   map[direction]bool
}

type direction struct{ from, to raft.NodeID }

// NewNetwork returns a network without nodes, whose links are up.
func NewNetwork() *Network {
	return &Network{nodes: map[raft.NodeID]*Transport{}, cut: map[direction]bool{}}
}

// SetLink cuts or mends the link in one direction. What is sent over a link that is cut vanishes, and is counted.
func (n *Network) SetLink(from, to raft.NodeID, up bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if up {
		delete(n.cut, direction{from, to})
	} else {
		n.cut[direction{from, to}] = true
	}
}

func (n *Network) linked(from, to raft.NodeID) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return !n.cut[direction{from, to}]
}

func (n *Network) find(id raft.NodeID) *Transport {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.nodes[id]
}

// Transport returns a new node's transport. It can be reached once it is started and until it is closed.
func (n *Network) Transport(options transport.Options) (*Transport, error) {
	t := &Transport{network: n}
	node, err := link.NewNode(options, t.dial, named)
	if err != nil {
		return nil, err
	}
	t.node, t.self = node, options.Self
	t.node.Listens(t.Addr())
	return t, nil
}

// named says that an address is none here.
func named(address string) error {
	if address == "" {
		return fmt.Errorf("%w: no name", transport.ErrUnreachable)
	}
	return nil
}

// Transport is one node's transport.
type Transport struct {
	network *Network
	node    *link.Node
	self    raft.NodeID
}

// Addr returns a name for the node.
func (t *Transport) Addr() string { return fmt.Sprintf("mem:%d", t.self) }

// SetPeers replaces Options.Peers, at any time; see the obligations in the comment of package transport.
func (t *Transport) SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error {
	return t.node.SetPeers(peers, removedUpTo)
}

// Start begins to accept, to connect and to deliver; see the driver's port. It fails when a node of that id is started.
func (t *Transport) Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	if t.network.nodes[t.self] != nil {
		return fmt.Errorf("start transport: node %d is in the network already", t.self)
	}
	if err := t.node.Start(deliver, peer); err != nil {
		return err
	}
	t.network.nodes[t.self] = t
	return nil
}

// Send queues m for m.To and returns at once; false says that it was dropped.
func (t *Transport) Send(m raft.Message) bool { return t.node.Send(m) }

// TimesRefused returns how often peers refused this node for reason.
func (t *Transport) TimesRefused(reason transport.Refusal) uint64 { return t.node.TimesRefused(reason) }

// Metrics returns what was counted since New. Bytes are upper bounds of what frames would take.
func (t *Transport) Metrics() transport.Metrics { return t.node.Metrics() }

// Close stops everything, drops what is queued, and returns when no delivery is under way or will come.
func (t *Transport) Close() error {
	t.network.mu.Lock()
	if t.network.nodes[t.self] == t {
		delete(t.network.nodes, t.self)
	}
	t.network.mu.Unlock()
	t.node.Shutdown()
	t.node.Wait()
	return nil
}
