package loadgen

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// readBackInflight is how many reads a ReadBack keeps under way.
const readBackInflight = 128

// ReadBack reads every key once and records each read, for the check that no acknowledged write is lost. It runs
// when the load has ended; Seq counts from firstSeq. A read that fails is recorded as it ended: the key counts as
// unread. It returns early, with the context's error, when that ends: after a second at most, in which the reads under
// way may end. The recorder may be called after that, until the target is closed.
func ReadBack(
	ctx context.Context, target Target, keys []string, firstSeq uint64, timeout time.Duration, clk clock.Clock,
	recorder Recorder,
) error {
	if timeout <= 0 || timeout > TimeoutMax {
		return fmt.Errorf("timeout = %v: want above 0 and at most %v", timeout, TimeoutMax)
	}
	slots := make(chan struct{}, readBackInflight)
	var reads sync.WaitGroup
	done := func(op *Op) {
		recorder.Record(op)
		<-slots
		reads.Done()
	}
	for i, key := range keys {
		select {
		case <-ctx.Done():
		case slots <- struct{}{}:
		}
		if ctx.Err() != nil {
			break
		}
		now := clk.Now()
		reads.Add(1)
		target.Submit(&Op{
			Seq: firstSeq + uint64(i), Kind: Get, Key: []byte(key),
			Intended: now, Dispatched: now, Sent: -1, Done: -1, Deadline: now + timeout,
		}, done)
	}
	all := make(chan struct{})
	go func() { reads.Wait(); close(all) }()
	stuck := time.After(timeout + stuckAfter)
	select {
	case <-all:
		return ctx.Err()
	case <-stuck:
	case <-ctx.Done():
		select {
		case <-all:
		case <-time.After(interruptedDrain):
		}
		return ctx.Err()
	}
	return fmt.Errorf("read back %d keys: %w", len(keys), ErrStuck)
}
