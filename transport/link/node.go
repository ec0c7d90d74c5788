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

// Node is one node's end of a transport.
type Node struct {
	options transport.Options
	dial    Dial

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	// Set by Start, then immutable.
	started atomic.Bool
	peers   map[raft.NodeID]*Peer
	deliver func(raft.Message)
	hint    func(id raft.NodeID, up bool)

	mu     sync.Mutex // of Start, SetPeers, Shutdown and Go
	closed bool

	counters   counters
	refusalLog [transport.RefusalCount]atomic.Int64 // when it was logged last, wall clock, ns
}

// NewNode checks the options and returns a node that dials with dial.
func NewNode(options transport.Options, dial Dial) (*Node, error) {
	options = options.WithDefaults()
	if options.Incarnation == 0 {
		options.Incarnation = uint64(time.Now().UnixNano())
	}
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("transport options: %w", err)
	}
	n := &Node{options: options, dial: dial}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n, nil
}

// Options returns the effective options.
func (n *Node) Options() transport.Options {
	n.mu.Lock()
	defer n.mu.Unlock()
	options := n.options
	options.Peers = maps.Clone(options.Peers)
	return options
}

// Context ends when the node is shut down.
func (n *Node) Context() context.Context { return n.ctx }

// SetPeers replaces the addresses of the peers. It fails after Start.
func (n *Node) SetPeers(peers map[raft.NodeID]string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.started.Load() {
		return fmt.Errorf("set peers: %w", transport.ErrStarted)
	}
	options := n.options
	options.Peers = maps.Clone(peers)
	if err := options.Validate(); err != nil {
		return fmt.Errorf("set peers: %w", err)
	}
	n.options = options
	return nil
}

// Start makes the peers and begins to dial them.
func (n *Node) Start(deliver func(raft.Message), hint func(id raft.NodeID, up bool)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return fmt.Errorf("start transport: %w", raft.ErrClosed)
	case n.started.Load():
		return fmt.Errorf("start transport: %w", transport.ErrStarted)
	case deliver == nil || hint == nil:
		return errors.New("start transport: deliver and peer must not be nil")
	}
	n.deliver, n.hint = deliver, hint
	n.peers = make(map[raft.NodeID]*Peer, len(n.options.Peers))
	for id, address := range n.options.Peers {
		if id != n.options.Self {
			n.peers[id] = newPeer(n, id, address)
		}
	}
	n.started.Store(true)
	for _, p := range n.peers {
		for i := range p.senders {
			n.work.Go(p.senders[i].run)
		}
	}
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
	peer := n.peers[m.To]
	if peer == nil {
		return n.Dropped(transport.DropUnknownPeer, 1)
	}
	size := wire.SizeBound(&m)
	if size > n.options.FrameBytesMax-wire.HeaderBytes {
		return n.Dropped(transport.DropTooLarge, 1)
	}
	if reason, ok := peer.senders[transport.LaneOf(m.Kind)].queue.Put(&m, size); !ok {
		return n.Dropped(reason, 1)
	}
	return true
}

// Dropped counts messages that were not sent and returns false.
func (n *Node) Dropped(reason transport.Drop, messages int) bool {
	n.counters.drops[reason].Add(uint64(messages))
	return false
}

// Peer returns the peer of that id, or nil. The node must be started.
func (n *Node) Peer(id raft.NodeID) *Peer { return n.peers[id] }

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
	for _, p := range n.peers {
		p.shutdown()
	}
	return true
}

// Wait returns when every goroutine of the node has ended.
func (n *Node) Wait() { n.work.Wait() }

// refusalLogInterval is how often refusals of one reason are logged.
const refusalLogInterval = 5 * time.Second

// Refuse counts err under its reason, if it has one, and logs it once a while.
func (n *Node) Refuse(err error, remote string) {
	reason := transport.ReasonOf(err)
	if reason == transport.RefusedNone || reason >= transport.RefusalCount {
		return
	}
	n.counters.refusals[reason].Add(1)
	now, last := time.Now().UnixNano(), n.refusalLog[reason].Load()
	if (last == 0 || now-last > int64(refusalLogInterval)) && n.refusalLog[reason].CompareAndSwap(last, now) {
		n.options.Logger.Warn("connection refused", "node", n.options.Self, "remote", remote, "err", err)
	}
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
