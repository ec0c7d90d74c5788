package loadgen

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// preloadInflight is how many writes a preload keeps under way.
const preloadInflight = 128

// preload writes every key once. Its writes are recorded, outside of every window; all have to end ok, because reads
// that find nothing would be another workload.
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
		select {
		case <-ctx.Done():
		case slots <- struct{}{}:
		}
		if ctx.Err() != nil || bad.any() {
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
	select {
	case <-all:
	case <-time.After(g.opts.Timeout + stuckAfter):
		return ErrStuck
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return bad.first()
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
