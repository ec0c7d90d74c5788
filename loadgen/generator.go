package loadgen

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/internal/invariant"
)

// stuckAfter is how long a closed target has to end its operations.
const stuckAfter = time.Second

// interruptedDrain bounds Options.Drain when the run was interrupted: somebody waits for it to end.
const interruptedDrain = time.Second

// Generator drives a Target with the load of its Options. Create it with [New].
type Generator struct {
	opts     Options
	clock    clock.Clock
	target   Target
	recorder Recorder
	live     *live
	source   *source   // of the open loop
	ops      sync.Pool // *Op
	done     func(*Op) // finish, bound once
	sleeper  func(clock.Clock) (sleepUntil func(time.Duration), release func())
	watch    *selfWatch
	self     atomic.Pointer[Self]
	seq      atomic.Uint64
	ran      atomic.Bool

	start   atomic.Int64  // on the clock; 0 before Run
	stopped atomic.Bool   // no operation is started any more
	idle    chan struct{} // signalled when stopped and nothing is in flight

	mu        sync.Mutex
	from, to  time.Duration // the measured phase as planned
	stoppedAt time.Duration // when the context ended; Forever when it did not
}

// New returns a generator that has not started.
func New(opts Options, target Target, recorder Recorder) (*Generator, error) {
	opts = opts.WithDefaults()
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("load options: %w", err)
	}
	g := &Generator{
		opts:     opts,
		clock:    opts.Clock,
		target:   target,
		recorder: recorder,
		live:     newLive(),
		source:   newSource(opts.Workload, opts.Seed),
		ops:      sync.Pool{New: func() any { return new(Op) }},
		idle:     make(chan struct{}, 1),
		sleeper:  newSleeper,
		watch:    newSelfWatch(opts.Clock),

		stoppedAt: Forever,
	}
	g.done = g.finish
	return g, nil
}

// Options returns the effective options.
func (g *Generator) Options() Options { return g.opts }

// Self returns what happened to this process in the measured phase, for Stats.Self; nil before its end.
func (g *Generator) Self() *Self { return g.self.Load() }

// Counters returns where the run stands; from any goroutine, at any time.
func (g *Generator) Counters() Counters {
	start := time.Duration(g.start.Load())
	if start == 0 {
		return Counters{}
	}
	now := g.clock.Now()
	c := g.live.counters(now - start)
	g.mu.Lock()
	defer g.mu.Unlock()
	c.Warmup = now < g.from
	return c
}

// Run offers the load: preload, warm-up, then the measured phase, then the drain. With a Duration it returns nil when
// all operations have ended, or the context's error when that ended first; without one the end of the context is the
// regular end. What was under way at the end is waited for, for Options.Drain; after an interruption for a second at
// most.
func (g *Generator) Run(ctx context.Context) error {
	invariant.Check(!g.ran.Swap(true), "a Generator runs once")
	if g.opts.Workload.Preload {
		if err := g.preload(ctx); err != nil {
			return fmt.Errorf("preload: %w", err)
		}
	}
	start := g.clock.Now()
	g.start.Store(int64(start))
	from := start + g.opts.Warmup
	g.setWindow(from, g.end(from))
	unwatch := context.AfterFunc(ctx, g.stop)
	defer unwatch()
	if g.opts.Closed {
		g.runClosed(ctx, from)
	} else {
		g.runOpen(start)
	}
	g.stopped.Store(true)
	self := g.watch.end()
	g.self.Store(&self)
	interrupted, limit := g.cut() && g.opts.Duration > 0, g.opts.Drain
	if interrupted {
		limit = min(limit, interruptedDrain)
	}
	if err := g.drain(limit); err != nil {
		return err
	}
	if interrupted {
		return ctx.Err()
	}
	return nil
}

// end returns the end of a measured phase that begins at from.
func (g *Generator) end(from time.Duration) time.Duration {
	if g.opts.Duration == 0 {
		return Forever
	}
	return from + g.opts.Duration
}

// stop ends the starting of operations, and the measured phase with it.
func (g *Generator) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stoppedAt = g.clock.Now()
	g.stopped.Store(true)
	g.tellWindow()
}

// setWindow plans the measured phase.
func (g *Generator) setWindow(from, to time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.from, g.to = from, to
	g.tellWindow()
}

func (g *Generator) tellWindow() {
	if w, ok := g.recorder.(Windowed); ok {
		w.SetWindow(g.from, min(g.to, max(g.from, g.stoppedAt)))
	}
}

// stopAt returns when the context ended: what was due before is still started.
func (g *Generator) stopAt() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stoppedAt
}

// cut says whether the context ended before the measured phase did.
func (g *Generator) cut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stoppedAt < g.to
}

// newOp returns operation seq, intended at the given instant.
func (g *Generator) newOp(source *source, seq uint64, intended time.Duration) *Op {
	op, ok := g.ops.Get().(*Op)
	invariant.Check(ok, "the pool holds operations")
	*op = Op{
		Seq: seq, Key: op.Key, Value: op.Value, Old: op.Old,
		Intended: intended, Dispatched: -1, Sent: -1, Done: -1, Deadline: intended + g.opts.Timeout,
	}
	source.fill(op)
	return op
}

// submit hands op to the target. The clock is read here, after op was made: what the generator took is its own lag.
func (g *Generator) submit(op *Op, done func(*Op)) {
	op.Dispatched = g.clock.Now()
	g.target.Submit(op, done)
}

// finish is called by the target with each operation that ended.
func (g *Generator) finish(op *Op) {
	invariant.Check(op.Outcome == Shed || op.Done >= 0, "operation %d ended at no time", op.Seq)
	g.live.ended(op, op.Done-time.Duration(g.start.Load()))
	if g.source.seen != nil {
		g.source.seen.learn(op, g.source.run)
	}
	g.recorder.Record(op)
	g.ops.Put(op)
	if g.live.inflight.Add(-1) == 0 && g.stopped.Load() {
		select {
		case g.idle <- struct{}{}:
		default:
		}
	}
}

// drain waits until no operation is in flight. After limit it closes the target, which must end them.
func (g *Generator) drain(limit time.Duration) error {
	if g.waitIdle(limit) {
		return nil
	}
	// Close may itself hang on a broken target; the run ends all the same.
	closed := make(chan error, 1)
	go func() { closed <- g.target.Close() }()
	if g.waitIdle(stuckAfter) {
		return nil
	}
	return fmt.Errorf("%w: %d under way %v after the last one was due",
		ErrStuck, g.live.inflight.Load(), limit+stuckAfter)
}

func (g *Generator) waitIdle(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for g.live.inflight.Load() > 0 {
		select {
		case <-g.idle:
		case <-timer.C:
			return g.live.inflight.Load() == 0
		}
	}
	return true
}
