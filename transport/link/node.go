package link

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// Dial makes one attempt to connect the lane to the peer, greeting included, within the bounds of ctx and of
// Options.DialTimeout and Options.HandshakeTimeout.
type Dial func(ctx context.Context, peer *Peer, lane transport.Lane) (Outgoing, error)

// Outgoing is one lane's connection to a peer, greeted. Write is called by one goroutine; the others by any.
type Outgoing interface {
	// Write sends the messages, at least one, in order and returns the bytes of the frame. After an error the
	// connection is closed.
	Write(messages []raft.Message) (bytes int, err error)
	// Done is closed when the connection broke or was closed.
	Done() <-chan struct{}
	// Incarnation returns the peer's.
	Incarnation() uint64
	// Close ends the connection, a Write under way included. It does not block for long and may be called twice.
	Close() error
}

// Prober is an Outgoing that must be written to, at least twice in Options.DeadPeerTimeout, for its peer to know that
// this node is alive.
type Prober interface {
	// Probe writes something that is no message. It is called by the goroutine that calls Write.
	Probe() error
}

// Node is one node's end of a transport.
type Node struct {
	options transport.Options // immutable once started; the peers are in members
	dial    Dial
	reach   func(address string) error

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	// Set by Start, then immutable.
	started atomic.Bool
	deliver func(raft.Message)
	hint    func(id raft.NodeID, up bool)

	members members
	door    doorway

	mu     sync.Mutex // of Go and closed; the last to be locked
	closed bool

	// instance is a random number of this process's transport.
	instance uint64

	counters     counters
	refusalLog   [transport.RefusalCount]logTimes
	refusedByLog [transport.RefusalCount]logTimes
	duplicateLog logTimes
}

// NewNode checks the options and returns a node that dials with dial. reach says why the transport would not connect
// to an address that a learned peer advertises, or nil.
func NewNode(options transport.Options, dial Dial, reach func(address string) error) (*Node, error) {
	options = options.WithDefaults()
	if options.Incarnation == 0 {
		options.Incarnation = uint64(time.Now().UnixNano())
	}
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("transport options: %w", err)
	}
	n := &Node{options: options, dial: dial, reach: reach, instance: rand.Uint64()}
	n.members.addresses = options.Peers
	n.door.expect(options.Peers)
	n.options.Peers = nil
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n, nil
}

// Listens says, before Start, at which address the node listens: what it advertises unless the options say otherwise.
func (n *Node) Listens(address string) {
	if n.options.Advertise == "" {
		n.options.Advertise = address
	}
}

// Options returns the effective options.
func (n *Node) Options() transport.Options {
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	options := n.options
	options.Peers = maps.Clone(n.members.addresses)
	return options
}

// Context ends when the node is shut down.
func (n *Node) Context() context.Context { return n.ctx }

// Start makes the peers and begins to dial them.
func (n *Node) Start(deliver func(raft.Message), hint func(id raft.NodeID, up bool)) error {
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	switch {
	case n.ctx.Err() != nil:
		return fmt.Errorf("start transport: %w", raft.ErrClosed)
	case n.started.Load():
		return fmt.Errorf("start transport: %w", transport.ErrStarted)
	case deliver == nil || hint == nil:
		return errors.New("start transport: deliver and peer must not be nil")
	}
	n.deliver, n.hint = deliver, hint
	n.started.Store(true)
	n.arrange()
	return nil
}

// Go runs f in a goroutine that Wait waits for; false says that the node is shut down and f will not run.
func (n *Node) Go(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.work.Go(f)
	return true
}

// Send queues m for m.To.
func (n *Node) Send(m raft.Message) bool {
	if !n.started.Load() {
		return n.Dropped(transport.DropClosed, 1)
	}
	peer := n.Peer(m.To)
	if peer == nil {
		return n.Dropped(transport.DropUnknownPeer, 1)
	}
	size := wire.SizeBound(&m)
	if size > n.options.FrameBytesMax-wire.HeaderBytes {
		return n.Dropped(transport.DropTooLarge, 1)
	}
	if reason, ok := peer.senders[transport.LaneOf(m.Kind)].queue.Put(&m, size); !ok {
		if reason == transport.DropClosed {
			reason = n.dropWhenGone()
		}
		return n.Dropped(reason, 1)
	}
	return true
}

// dropWhenGone is why messages are dropped whose peer is gone: the node was shut down, or the peer removed.
func (n *Node) dropWhenGone() transport.Drop {
	if n.ctx.Err() != nil {
		return transport.DropClosed
	}
	return transport.DropUnknownPeer
}

// Dropped counts messages that were not sent and returns false.
func (n *Node) Dropped(reason transport.Drop, messages int) bool {
	n.counters.drops[reason].Add(uint64(messages))
	return false
}

// Shutdown ends everything without waiting for it; true says that this call was the first.
func (n *Node) Shutdown() bool {
	n.mu.Lock()
	first := !n.closed
	n.closed = true
	n.mu.Unlock()
	if !first {
		return false
	}
	n.cancel()
	n.members.mu.Lock()
	defer n.members.mu.Unlock()
	for _, p := range n.members.load() {
		p.stop()
	}
	return true
}

// Wait returns when every goroutine of the node has ended.
func (n *Node) Wait() { n.work.Wait() }

// Refuse counts err under its reason, if this node has one, and logs it once a while. A peer's silence is counted, too.
func (n *Node) Refuse(err error, remote string) {
	if errors.Is(err, ErrSilent) {
		n.counters.deadPeers.Add(1)
	}
	reason := transport.OwnReasonOf(err)
	if reason == transport.RefusedNone || reason >= transport.RefusalCount {
		return
	}
	n.counters.refusals[reason].Add(1)
	if n.refusalLog[reason].due() {
		n.options.Logger.Warn("connection refused", "node", n.options.Self, "remote", remote, "err", err)
	}
}

// RefusedBy counts that a peer refused this node, logs it once a while, and returns it as an error.
func (n *Node) RefusedBy(peer raft.NodeID, reason transport.Refusal) error {
	err := fmt.Errorf("peer %d: %w", peer, &transport.RefusedError{Reason: reason, Detail: reason.Advice(), ByPeer: true})
	if reason >= transport.RefusalCount {
		reason = transport.RefusedNone // of a later version
	}
	n.counters.refusedBy[reason].Add(1)
	if n.refusedByLog[reason].due() {
		n.options.Logger.Warn("connection refused by peer", "node", n.options.Self, "err", err)
	}
	return err
}

// refusalLogInterval is how often refusals of one reason are logged.
const refusalLogInterval = 5 * time.Second

// logTimes is when something was logged last, wall clock, in nanoseconds.
type logTimes struct{ last atomic.Int64 }

// due reports whether it is time to log again, and if so takes that time.
func (l *logTimes) due() bool {
	now, last := time.Now().UnixNano(), l.last.Load()
	return (last == 0 || now-last > int64(refusalLogInterval)) && l.last.CompareAndSwap(last, now)
}

// backoff is the pause between attempts to dial.
type backoff struct {
	least, most, next time.Duration
}

// pause returns the next pause, within a fifth of its nominal length so that nodes do not dial in step.
func (b *backoff) pause() time.Duration {
	nominal := max(b.next, b.least)
	b.next = min(2*nominal, b.most)
	return nominal - time.Duration(rand.Int64N(int64(nominal)/5+1))
}

func (b *backoff) reset() { b.next = 0 }
