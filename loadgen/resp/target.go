package resp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
)

// Target executes operations on a cluster, or on any server of the Redis protocol. It implements
// loadgen.Target.
type Target struct {
	opts   Options
	clock  clock.Clock
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // connections and the minder
	calls  sync.Pool
	kick   chan struct{} // capacity 1: the minder looks now

	leader  atomic.Pointer[node]
	suspect atomic.Bool // the leader owes an answer for too long

	waitingN atomic.Int64 // len(waiting), to look without the lock

	mu           sync.Mutex // before conn.mu, never after it
	closed       bool
	nodes        []*node
	waiting      []*call // for a leader with room, oldest first
	waitingBytes int64
	delayed      []*call // after TRYAGAIN
}

// stickyCalls is how many calls in a row go to the same connection, so that those of one burst leave in one
// write.
const stickyCalls = 16

// node is one server.
type node struct {
	addr     string
	conns    []*conn
	next     atomic.Uint32 // calls given to connections
	probing  atomic.Bool
	probedAt atomic.Int64
	dialErr  atomic.Pointer[error] // of the last attempt to connect
}

// New starts connecting to the nodes and returns at once; WaitReady waits for a leader.
func New(opts Options) (*Target, error) {
	opts = opts.WithDefaults()
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("target options: %w", err)
	}
	t := &Target{opts: opts, clock: opts.Clock, kick: make(chan struct{}, 1)}
	t.calls.New = func() any { return new(call) }
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for _, addr := range opts.Addrs {
		t.nodeAt(addr)
	}
	t.work.Go(t.mind)
	return t, nil
}

// Options returns the effective options.
func (t *Target) Options() Options { return t.opts }

// Leader returns the address of the node that takes the load now, or "".
func (t *Target) Leader() string {
	if n := t.leader.Load(); n != nil {
		return n.addr
	}
	return ""
}

// WaitReady returns when a leader is known, or with the context's error and why the nodes cannot be reached.
func (t *Target) WaitReady(ctx context.Context) error {
	ticker := time.NewTicker(t.opts.ProbeInterval)
	defer ticker.Stop()
	for t.leader.Load() == nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a leader: %w", errors.Join(append(t.dialErrors(), ctx.Err())...))
		case <-t.ctx.Done():
			return ErrClosed
		case <-ticker.C:
		}
	}
	return nil
}

func (t *Target) dialErrors() []error {
	var all []error
	for _, n := range t.known() {
		if err := n.dialErr.Load(); err != nil {
			all = append(all, *err)
		}
	}
	return all
}

func (t *Target) known() []*node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nodes // only ever appended to
}

// Know tells the target of nodes that it may not have heard of, as somebody who adds nodes to a cluster
// tells its clients.
func (t *Target) Know(addrs ...string) {
	for _, addr := range addrs {
		t.nodeAt(addr)
	}
}

// nodeAt returns the node at addr, which it makes known when it is new; nil when there are too many, or
// after Close.
func (t *Target) nodeAt(addr string) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.nodes {
		if n.addr == addr {
			return n
		}
	}
	if t.closed || len(t.nodes) == NodesMax {
		return nil
	}
	n := &node{addr: addr}
	n.probedAt.Store(int64(-t.opts.ProbeInterval))
	for range t.opts.Conns {
		n.conns = append(n.conns, newConn(t, n))
	}
	for _, c := range n.conns {
		t.work.Go(c.run)
	}
	t.nodes = append(t.nodes, n)
	return n
}

// Submit implements loadgen.Target.
func (t *Target) Submit(op *loadgen.Op, done func(*loadgen.Op)) {
	now := t.clock.Now()
	op.Sent = -1
	c, _ := t.calls.Get().(*call)
	*c = call{op: op, done: done}
	if t.waitingN.Load() == 0 && t.trySend(c, now) {
		return
	}
	t.wait(c, now)
	t.drainWaiting()
}

// trySend gives c to a connection of the leader, which then owns it.
func (t *Target) trySend(c *call, now time.Duration) bool {
	n := t.leader.Load()
	return n != nil && n.push(c, now)
}

func (n *node) push(c *call, now time.Duration) bool {
	first := n.next.Add(1) / stickyCalls
	for i := range n.conns {
		if n.conns[(int(first)+i)%len(n.conns)].push(c, now) {
			return true
		}
	}
	return false
}

// wait puts c at the end of the waiting list.
func (t *Target) wait(c *call, now time.Duration) {
	t.mu.Lock()
	switch {
	case t.closed:
		t.mu.Unlock()
		t.end(c, loadgen.Failed, ErrClosed, now)
		return
	case len(t.waiting) >= t.opts.WaitingMax || t.waitingBytes+c.bytes() > t.opts.WaitingBytesMax:
		t.mu.Unlock()
		t.end(c, loadgen.Failed, ErrOverload, now)
		return
	}
	t.waiting = append(t.waiting, c)
	t.waitingBytes += c.bytes()
	t.waitingN.Store(int64(len(t.waiting)))
	t.mu.Unlock()
}

// drainWaiting gives to the leader what waits, as far as there is room.
func (t *Target) drainWaiting() {
	if t.waitingN.Load() == 0 || t.leader.Load() == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	sent := 0
	for _, c := range t.waiting {
		size := c.bytes() // before it is another's
		if !t.trySend(c, now) {
			break
		}
		t.waitingBytes -= size
		sent++
	}
	t.shiftWaiting(sent)
}

// shiftWaiting drops the first n of the waiting list.
func (t *Target) shiftWaiting(n int) {
	clear(t.waiting[:n])
	t.waiting = t.waiting[n:]
	t.waitingN.Store(int64(len(t.waiting)))
}

// answered takes the reply to c from n.
func (t *Target) answered(n *node, c *call, reply redcon.RESP, now time.Duration) {
	if c.op == nil {
		t.probed(n, reply, now)
		return
	}
	verdict := classify(reply)
	if verdict == served {
		c.keep(reply)
		t.end(c, loadgen.OK, nil, now)
		return
	}
	c.op.Err = ReplyError(reply.Data)
	switch verdict {
	case moved:
		c.op.Redirects++
		if addr := movedTo(reply.Data, n.addr); addr != "" {
			t.nodeAt(addr)
		}
		t.letGo(n)
		t.again(c, now)
	case leaderless:
		t.letGo(n)
		t.again(c, now)
	case tryAgain:
		t.delay(c, now)
	case unknown:
		t.unanswered(n, c, c.op.Err, now)
	default:
		t.end(c, loadgen.Failed, c.op.Err, now)
	}
}

// again lets c, which was definitely not applied, wait for a leader.
func (t *Target) again(c *call, now time.Duration) {
	if now >= c.op.Deadline {
		t.end(c, loadgen.Failed, late(c.op), now)
		return
	}
	t.wait(c, now)
}

func late(op *loadgen.Op) error {
	if op.Err == nil {
		return ErrDeadline
	}
	return fmt.Errorf("%w; last answer: %w", ErrDeadline, op.Err)
}

// delay lets c wait for its back-off, then for a leader.
func (t *Target) delay(c *call, now time.Duration) {
	c.backoff = min(max(2*c.backoff, t.opts.BackoffMin), t.opts.BackoffMax)
	c.retryAt = now + c.backoff
	t.mu.Lock()
	if t.closed || len(t.delayed) >= t.opts.WaitingMax {
		t.mu.Unlock()
		t.wait(c, now) // which knows what to say
		return
	}
	t.delayed = append(t.delayed, c)
	t.mu.Unlock()
	t.kickMinder()
}

// unanswered takes back c, which was written to n and not answered, because of err.
func (t *Target) unanswered(n *node, c *call, err error, now time.Duration) {
	switch {
	case c.op == nil:
		n.probing.Store(false)
	case c.isWrite():
		t.end(c, loadgen.Unknown, err, now)
	default:
		t.again(c, now)
	}
}

// unsent takes back c, which was never written to n.
func (t *Target) unsent(n *node, c *call, now time.Duration) {
	if c.op == nil {
		n.probing.Store(false)
		return
	}
	t.again(c, now)
}

// end hands the operation back with its outcome.
func (t *Target) end(c *call, outcome loadgen.Outcome, err error, at time.Duration) {
	op, done := c.op, c.done
	*c = call{}
	t.calls.Put(c)
	op.Outcome, op.Err, op.Done = outcome, err, at
	done(op)
}

// Close implements loadgen.Target: what waits ends Failed, writes that were sent end Unknown.
func (t *Target) Close() error {
	t.mu.Lock()
	t.closed = true
	waiting := append(t.waiting, t.delayed...)
	t.waiting, t.delayed, t.waitingBytes = nil, nil, 0
	t.waitingN.Store(0)
	t.mu.Unlock()
	t.cancel()
	now := t.clock.Now()
	for _, c := range waiting {
		t.end(c, loadgen.Failed, ErrClosed, now)
	}
	t.work.Wait()
	return nil
}
