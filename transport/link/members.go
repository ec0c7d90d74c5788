package link

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// members are the peers of a node, which may change while it runs.
//
// Invariant: a peer is in the table exactly from before its senders start until it is stopped.
type members struct {
	// table is replaced, never changed: Send reads it without a lock.
	table atomic.Pointer[map[raft.NodeID]*Peer]

	mu sync.Mutex // before that of any peer
	// addresses and removedUpTo are as SetPeers was told.
	addresses   map[raft.NodeID]string
	removedUpTo raft.NodeID
}

func (m *members) load() map[raft.NodeID]*Peer {
	if table := m.table.Load(); table != nil {
		return *table
	}
	return nil
}

// Peer returns the peer of that id, learned or not, or nil.
func (n *Node) Peer(id raft.NodeID) *Peer { return n.members.load()[id] }

// SetPeers replaces the peers, at any time: those that are new are dialed, those that moved are dialed at their new
// address, the others are disconnected, but for learned ones that were not removed. The nodes up to removedUpTo that
// are not among the addresses were removed, and are refused.
func (n *Node) SetPeers(addresses map[raft.NodeID]string, removedUpTo raft.NodeID) error {
	options := n.options
	options.Peers = addresses
	if err := options.Validate(); err != nil {
		return fmt.Errorf("set peers: %w", err)
	}
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	if n.ctx.Err() != nil {
		return fmt.Errorf("set peers: %w", raft.ErrClosed)
	}
	n.members.addresses, n.members.removedUpTo = maps.Clone(addresses), removedUpTo
	n.door.expect(addresses)
	if n.started.Load() {
		n.arrange()
	}
	return nil
}

// arrange makes the table what addresses and removedUpTo say. members.mu is held.
func (n *Node) arrange() {
	m := &n.members
	table := make(map[raft.NodeID]*Peer, len(m.addresses))
	var added, gone []*Peer
	for id, p := range m.load() {
		address, ok := m.addresses[id]
		switch {
		case ok:
			p.configure(address)
			table[id] = p
		case p.learned.Load() && id > m.removedUpTo:
			table[id] = p
		default:
			gone = append(gone, p)
		}
	}
	for id, address := range m.addresses {
		if id != n.options.Self && table[id] == nil {
			table[id] = newPeer(n, id, address)
			added = append(added, table[id])
		}
	}
	m.table.Store(&table)
	for _, p := range gone {
		p.stop()
	}
	for _, p := range added {
		p.run()
	}
}

// checkMember returns why the node that sent h is no peer and would not be learned, or nil.
func (n *Node) checkMember(h wire.Hello) error {
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	_, _, err := n.peerOf(h)
	return err
}

// CheckStale returns why Admit would refuse the incarnation of h, or nil.
func (n *Node) CheckStale(h wire.Hello) error {
	p := n.Peer(h.From)
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checkStale(h.Incarnation)
}

// peerOf returns the peer that sent h. When it is none and may be learned, both peers are nil, or the second is the one
// that must be forgotten for it. members.mu is held.
func (n *Node) peerOf(h wire.Hello) (p, instead *Peer, err error) {
	if p := n.Peer(h.From); p != nil {
		return p, nil, nil
	}
	switch {
	case n.ctx.Err() != nil:
		return nil, nil, raft.ErrClosed
	case h.From != raft.None && h.From <= n.members.removedUpTo:
		return nil, nil, transport.Refused(transport.RefusedRemoved, "node %d", h.From)
	case h.From == raft.None || n.options.PeersOnly:
		return nil, nil, transport.Refused(transport.RefusedUnknownPeer, "node %d", h.From)
	}
	if err := n.reach(h.Address); err != nil {
		return nil, nil, transport.Refused(transport.RefusedAddress, "node %d: %v", h.From, err)
	}
	learned := 0
	var since time.Time
	for _, p := range n.members.load() {
		if !p.learned.Load() {
			continue
		}
		learned++
		if idle, ok := p.idle(); ok && (instead == nil || idle.Before(since)) {
			instead, since = p, idle
		}
	}
	switch {
	case learned < n.options.LearnedPeersMax:
		return nil, nil, nil
	case instead == nil:
		return nil, nil, transport.Refused(transport.RefusedCrowd, "%d nodes are connected that are no peers", learned)
	default:
		return nil, instead, nil
	}
}

// Admit registers an accepted connection from the node that sent h, which close ends. The node becomes a learned peer
// when it is none yet. The caller checked h before, and calls leave once when the connection ended.
func (n *Node) Admit(h wire.Hello, close func()) (p *Peer, leave func(), err error) {
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	p, instead, err := n.peerOf(h)
	if err != nil {
		return nil, nil, err
	}
	if instead != nil {
		n.drop(instead)
	}
	if p == nil {
		p = n.learn(h)
	}
	leave, err = p.admit(h, close)
	return p, leave, err
}

// learn makes a peer of the node that sent h. members.mu is held.
func (n *Node) learn(h wire.Hello) *Peer {
	p := newPeer(n, h.From, h.Address)
	p.learned.Store(true)
	table := maps.Clone(n.members.load())
	table[h.From] = p
	n.members.table.Store(&table)
	p.run()
	n.options.Logger.Info("peer learned", "node", n.options.Self, "peer", h.From, "address", h.Address)
	return p
}

// drop takes a learned peer from the table and stops it. members.mu is held.
func (n *Node) drop(p *Peer) {
	table := maps.Clone(n.members.load())
	delete(table, p.id)
	n.members.table.Store(&table)
	p.stop()
	n.options.Logger.Info("peer forgotten", "node", n.options.Self, "peer", p.id)
}

// forget drops a learned peer that has had no connection for long enough.
func (n *Node) forget(p *Peer) {
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	if n.Peer(p.id) != p || !p.learned.Load() {
		return
	}
	if since, ok := p.idle(); ok && time.Since(since) >= n.options.LearnedIdleTimeout {
		n.drop(p)
	}
}
