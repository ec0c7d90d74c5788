package link

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// Peer is another node, as one node sees it.
type Peer struct {
	node *Node
	id   raft.NodeID
	// ctx ends when the node is shut down, or the peer is none any more.
	ctx     context.Context
	cancel  context.CancelFunc
	senders [transport.LaneCount]*sender
	// learned says that the peer is not among those of SetPeers. Written under mu.
	learned atomic.Bool

	// mu orders what happens to the peer's connections, and the hints about them.
	mu       sync.Mutex
	address  string
	incoming [transport.LaneCount]*incoming
	// answered is the process that was reached last, and rivals are those that are refused as duplicates.
	answered process
	rivals   []rival
	// Of a learned peer without connections: since when, and what will forget it.
	idleSince time.Time
	forget    *time.Timer
}

// incoming is one accepted connection.
type incoming struct {
	process
	close func()
}

func newPeer(n *Node, id raft.NodeID, address string) *Peer {
	p := &Peer{node: n, id: id, address: address}
	p.ctx, p.cancel = context.WithCancel(n.ctx)
	for lane := range p.senders {
		p.senders[lane] = newSender(p, transport.Lane(lane))
	}
	return p
}

// run starts the peer's senders.
func (p *Peer) run() {
	for _, s := range p.senders {
		p.node.Go(s.run)
	}
}

// ID returns the peer's id.
func (p *Peer) ID() raft.NodeID { return p.id }

// Context ends when the node is shut down, or the peer is none any more.
func (p *Peer) Context() context.Context { return p.ctx }

// Address returns the peer's address.
func (p *Peer) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// moveTo says where the peer is now, and has it dialed there when it was elsewhere. p.mu is held.
func (p *Peer) moveTo(address string) {
	if p.address == address {
		return
	}
	p.address = address
	for _, s := range p.senders {
		s.again()
	}
}

// configure makes the peer one of SetPeers, at that address.
func (p *Peer) configure(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.learned.Swap(false) {
		p.stayOnMind()
		for _, s := range p.senders {
			s.kick(0) // it is dialed from now on without being asked to
		}
	}
	p.moveTo(address)
}

// checkStale returns why a connection of that incarnation would not be admitted, or nil. p.mu is held.
func (p *Peer) checkStale(incarnation uint64) error {
	for _, other := range p.incoming {
		if other != nil && other.incarnation > incarnation {
			return transport.Refused(transport.RefusedStale, "incarnation %d of node %d, %d is connected",
				incarnation, p.id, other.incarnation)
		}
	}
	return nil
}

// admit registers an accepted connection, which close ends, of the process that sent h, and applies the rules of
// admission.
func (p *Peer) admit(h wire.Hello, close func()) (leave func(), err error) {
	lane, incarnation, self := h.Lane, h.Incarnation, &incoming{process: processOf(h), close: close}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkStale(incarnation); err != nil {
		return nil, err
	}
	if err := p.checkDuplicate(self.process); err != nil {
		return nil, err
	}
	if p.answered.incarnation == incarnation { // of another process, it is gone
		p.answered = self.process
	}
	returned := true // nobody was connected from this incarnation: the peer is back
	for i, other := range p.incoming {
		returned = returned && (other == nil || other.incarnation < incarnation)
		if other != nil && (i == int(lane) || other.incarnation < incarnation) {
			p.incoming[i] = nil
			other.close()
			p.changed(false)
		}
	}
	p.incoming[lane] = self
	p.node.counters.accepts.Add(1)
	p.changed(true)
	if returned {
		for _, s := range p.senders {
			s.kick(incarnation)
		}
	}
	if p.learned.Load() {
		p.moveTo(h.Address)
	}
	return func() { p.leave(lane, self) }, nil
}

func (p *Peer) leave(lane transport.Lane, self *incoming) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.node.counters.disconnects.Add(1)
	if p.incoming[lane] == self {
		p.incoming[lane] = nil
		p.changed(false)
	}
}

// stop ends all that the peer has. Nothing is hinted about it afterwards.
func (p *Peer) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.incoming {
		if other != nil {
			p.incoming[i] = nil
			other.close()
			p.changed(false)
		}
	}
	for _, s := range p.senders {
		s.queue.Close()
		if s.out != nil {
			_ = s.out.Close()
			s.out = nil
			p.changed(false)
		}
	}
	p.stayOnMind()
	p.cancel()
}

// changed says that a connection was made (up) or broke. It tells the caller of Start, unless the node is being shut
// down: what it does to itself says nothing about the peer. p.mu is held.
func (p *Peer) changed(up bool) {
	if p.ctx.Err() != nil {
		return
	}
	p.node.hint(p.id, up)
	if !p.learned.Load() {
		return
	}
	if p.connected() {
		p.stayOnMind()
	} else {
		p.idleSince = time.Now()
		p.forget = time.AfterFunc(p.node.options.LearnedIdleTimeout, func() { p.node.forget(p) })
	}
}

// connected reports whether there is any connection. p.mu is held.
func (p *Peer) connected() bool {
	for lane, s := range p.senders {
		if s.out != nil || p.incoming[lane] != nil {
			return true
		}
	}
	return false
}

// stayOnMind keeps the peer from being forgotten. p.mu is held.
func (p *Peer) stayOnMind() {
	if p.forget != nil {
		p.forget.Stop()
		p.forget = nil
	}
	p.idleSince = time.Time{}
}

// idle returns since when a learned peer has no connection, or false.
func (p *Peer) idle() (since time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.idleSince, !p.idleSince.IsZero()
}
