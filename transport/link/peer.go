package link

import (
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// Peer is another node, as one node sees it.
type Peer struct {
	node    *Node
	id      raft.NodeID
	address string
	senders [transport.LaneCount]*sender

	// mu orders what happens to the peer's connections, and the hints about them.
	mu       sync.Mutex
	incoming [transport.LaneCount]*incoming
}

// incoming is one accepted connection.
type incoming struct {
	incarnation uint64
	close       func()
}

func newPeer(n *Node, id raft.NodeID, address string) *Peer {
	p := &Peer{node: n, id: id, address: address}
	for lane := range p.senders {
		p.senders[lane] = newSender(p, transport.Lane(lane))
	}
	return p
}

// ID returns the peer's id.
func (p *Peer) ID() raft.NodeID { return p.id }

// Address returns the peer's address.
func (p *Peer) Address() string { return p.address }

// CheckStale returns why a connection of that incarnation would not be admitted, or nil.
func (p *Peer) CheckStale(incarnation uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checkStale(incarnation)
}

// checkStale is CheckStale with p.mu held.
func (p *Peer) checkStale(incarnation uint64) error {
	for _, other := range p.incoming {
		if other != nil && other.incarnation > incarnation {
			return transport.Refused(transport.RefusedStale, "incarnation %d of node %d, %d is connected",
				incarnation, p.id, other.incarnation)
		}
	}
	return nil
}

// Admit registers an accepted connection, which close ends, and applies the rules of admission. The caller calls leave
// once when the connection ended.
func (p *Peer) Admit(lane transport.Lane, incarnation uint64, close func()) (leave func(), err error) {
	self := &incoming{incarnation: incarnation, close: close}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkStale(incarnation); err != nil {
		return nil, err
	}
	returned := true // nobody was connected from this incarnation: the peer is back
	for i, other := range p.incoming {
		returned = returned && (other == nil || other.incarnation < incarnation)
		if other != nil && (i == int(lane) || other.incarnation < incarnation) {
			p.incoming[i] = nil
			other.close()
			p.hint(false)
		}
	}
	p.incoming[lane] = self
	p.node.counters.accepts.Add(1)
	p.hint(true)
	if returned {
		for _, s := range p.senders {
			s.kick(incarnation)
		}
	}
	return func() { p.leave(lane, self) }, nil
}

func (p *Peer) leave(lane transport.Lane, self *incoming) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.node.counters.disconnects.Add(1)
	if p.incoming[lane] == self {
		p.incoming[lane] = nil
		p.hint(false)
	}
}

// shutdown ends what a sender may be blocked in; the node's context has ended.
func (p *Peer) shutdown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.senders {
		s.queue.Close()
		if s.out != nil {
			_ = s.out.Close()
		}
	}
}

// hint tells the caller of Start, unless the node is being shut down: what it does to itself says nothing about the
// peer. p.mu is held.
func (p *Peer) hint(up bool) {
	if p.node.ctx.Err() == nil {
		p.node.hint(p.id, up)
	}
}
