package mem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

var errUnreachable = errors.New("no such node, or the link is cut")

// pipe is one lane's connection, seen from both ends. It holds one batch beyond the queue of its sender.
type pipe struct {
	from, to    *Transport
	incarnation uint64 // of the accepter
	batches     chan []raft.Message

	once sync.Once
	done chan struct{}
}

// dial implements link.Dial.
func (t *Transport) dial(_ context.Context, peer *link.Peer, lane transport.Lane) (link.Outgoing, error) {
	to := t.network.find(peer.ID())
	if to == nil || !t.network.linked(t.self, peer.ID()) {
		return nil, fmt.Errorf("dial node %d: %w", peer.ID(), errUnreachable)
	}
	hello := t.node.Hello(peer.ID(), lane)
	authenticated := raft.None
	if identity := t.node.Options().Identity; identity != nil {
		authenticated = identity.Node()
	}
	refused := to.node.CheckHello(hello, authenticated)
	if refused == nil {
		refused = to.node.CheckStale(hello)
	}
	to.node.Refuse(refused, t.Addr())
	if err := t.node.CheckWelcome(to.node.Welcome(refused), peer.ID()); err != nil {
		if reason := transport.OwnReasonOf(err); reason != transport.RefusedNone {
			_ = to.node.RefusedBy(t.self, reason)
		}
		return nil, fmt.Errorf("greet node %d: %w", peer.ID(), err)
	}
	p := &pipe{
		from: t, to: to, incarnation: to.node.Options().Incarnation,
		batches: make(chan []raft.Message), done: make(chan struct{}),
	}
	sender, leave, err := to.node.Admit(hello, p.hangUp)
	if err != nil {
		to.node.Refuse(err, t.Addr())
		return nil, fmt.Errorf("greet node %d: %w", peer.ID(), err)
	}
	if !to.node.Go(func() { p.receive(sender, lane, leave) }) {
		leave()
		return nil, fmt.Errorf("dial node %d: %w", peer.ID(), raft.ErrClosed)
	}
	return p, nil
}

// receive delivers on the accepter's side.
func (p *pipe) receive(peer *link.Peer, lane transport.Lane, leave func()) {
	defer leave()
	defer p.hangUp()
	for {
		select {
		case batch := <-p.batches:
			for i := range batch {
				if err := peer.Deliver(batch[i]); err != nil {
					p.to.node.Refuse(err, p.from.Addr())
					return
				}
			}
			peer.Received(lane, len(batch), sizeOf(batch))
		case <-p.done:
			return
		case <-p.to.node.Context().Done():
			return
		}
	}
}

// Write implements link.Outgoing.
func (p *pipe) Write(messages []raft.Message) (int, error) {
	bytes := sizeOf(messages)
	if !p.from.network.linked(p.from.self, p.to.self) {
		p.from.node.Dropped(transport.DropCut, len(messages))
		return bytes, nil
	}
	select {
	case p.batches <- slices.Clone(messages): // the sender uses its array again
		return bytes, nil
	case <-p.done:
		return 0, fmt.Errorf("write to node %d: %w", p.to.self, raft.ErrClosed)
	}
}

func sizeOf(messages []raft.Message) int {
	bytes := wire.HeaderBytes
	for i := range messages {
		bytes += wire.SizeBound(&messages[i])
	}
	return bytes
}

func (p *pipe) hangUp() { p.once.Do(func() { close(p.done) }) }

// Done implements link.Outgoing.
func (p *pipe) Done() <-chan struct{} { return p.done }

// Incarnation implements link.Outgoing.
func (p *pipe) Incarnation() uint64 { return p.incarnation }

// Close implements link.Outgoing.
func (p *pipe) Close() error {
	p.hangUp()
	return nil
}
