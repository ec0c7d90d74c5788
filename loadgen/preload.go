package loadgen

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// preloadInflight is how many writes a preload keeps under way.
const preloadInflight = 128

// preload writes every key once. Its writes are recorded, outside of every window; all have to end ok, because reads
// that find nothing would be another workload. Writes that do not end in time are ended by closing the target, as in
// drain: after an interruption in a second.
func (g *Generator) preload(ctx context.Context) error {
	if w, ok := g.recorder.(Windowed); ok {
		w.SetWindow(Forever, Forever)
	}
	source := g.source.clone()
	slots := make(chan struct{}, preloadInflight)
	var writes sync.WaitGroup
	var bad badWrites
	done := func(op *Op) {
		bad.look(op)
		if source.seen != nil {
			source.seen.learn(op, source.run)
		}
		g.recorder.Record(op)
		<-slots
		writes.Done()
	}
	for n := range uint64(g.opts.Workload.Keys) {
		if !g.takeSlot(ctx, slots) || bad.any() {
			break
		}
		now := g.clock.Now()
		op := &Op{
			Seq: preloadSeq + n, Intended: now, Dispatched: now, Sent: -1, Done: -1, Deadline: now + g.opts.Timeout,
		}
		source.fill(op)
		writes.Add(1)
		g.target.Submit(op, done)
	}
	all := make(chan struct{})
	go func() { writes.Wait(); close(all) }()
	err := g.awaitPreload(ctx, all)
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return errors.Join(err, bad.first())
}

// takeSlot waits until one more write may be under way. It returns false when ctx has ended, or when no write ended for
// longer than each of them may take.
func (g *Generator) takeSlot(ctx context.Context, slots chan<- struct{}) bool {
	select {
	case slots <- struct{}{}:
		return ctx.Err() == nil
	default:
	}
	stuck := time.NewTimer(g.opts.Timeout + stuckAfter)
	defer stuck.Stop()
	select {
	case slots <- struct{}{}:
		return ctx.Err() == nil
	case <-stuck.C:
	case <-ctx.Done():
	}
	return false
}

// awaitPreload waits for all writes to end, and closes the target when they do not.
func (g *Generator) awaitPreload(ctx context.Context, all <-chan struct{}) error {
	late := time.After(g.opts.Timeout + stuckAfter)
	select {
	case <-all:
		return nil
	case <-late:
	case <-ctx.Done():
		select {
		case <-all:
			return nil
		case <-time.After(interruptedDrain):
		}
	}
	// Close may itself hang on a broken target; the run ends all the same.
	closed := make(chan error, 1)
	go func() { closed <- g.target.Close() }()
	select {
	case <-all:
		if ctx.Err() != nil {
			return nil
		}
		return errors.New("writes outlasted their timeout: the target was closed")
	case <-time.After(stuckAfter):
		return ErrStuck
	}
}

// badWrites keeps the first write that did not end ok.
type badWrites struct {
	mu  sync.Mutex
	err error
}

func (b *badWrites) look(op *Op) {
	if op.Outcome == OK {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = fmt.Errorf("write of key %s ended %v", op.Key, op.Outcome)
		if op.Err != nil {
			b.err = fmt.Errorf("%w: %w", b.err, op.Err)
		}
	}
}

func (b *badWrites) any() bool { return b.first() != nil }

func (b *badWrites) first() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
