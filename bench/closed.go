package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/loadgen"
)

// proposer is what a closed loop drives: Propose returns when data is committed and applied.
type proposer interface {
	Propose(ctx context.Context, data []byte) error
}

// closedPoint runs n proposers, each with one command under way, for duration after the warm-up: the rate is of what is
// applied within it, the times are of all that is proposed within it. Times of what is applied within it only would
// leave out the slowest. CPU and allocations are of the whole process: all nodes and the loop itself.
func closedPoint(
	ctx context.Context, p proposer, n int, payload int, warmup, duration time.Duration,
) (result.ClosedPoint, error) {
	loop := &closedLoop{
		proposer: p, payload: payload, from: time.Now().Add(warmup),
		responses: hdrhistogram.New(1000, int64(time.Minute), 3),
	}
	loop.to = loop.from.Add(duration)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for i := range n {
		workers.Add(1)
		go func() {
			defer workers.Done()
			if err := loop.work(ctx, i); err != nil {
				cancel(err)
			}
		}()
	}
	err := pause(ctx, warmup)
	var before, after resources
	if err == nil {
		before = readResources()
		err = pause(ctx, duration)
		after = readResources()
	}
	workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return result.ClosedPoint{}, fmt.Errorf("closed loop of %d: %w", n, err)
	}
	return loop.point(n, duration, before, after)
}

// closedLoop is what the workers of one point share.
type closedLoop struct {
	proposer proposer
	payload  int
	from, to time.Time

	mu        sync.Mutex
	responses *hdrhistogram.Histogram // of what was proposed in the window, nanoseconds
	completed int64                   // in the window, whenever it was proposed
}

// work proposes until the end of the window. It notes its times apart and hands them over once, so that the loop
// measures the cluster and not a lock.
func (l *closedLoop) work(ctx context.Context, worker int) error {
	key := binary.BigEndian.AppendUint64(nil, uint64(worker))
	value := make([]byte, l.payload)
	var own []time.Duration
	var completed int64
	for {
		start := time.Now()
		if !start.Before(l.to) || ctx.Err() != nil {
			break
		}
		// A fresh buffer for each: the log keeps what it is given.
		if err := l.proposer.Propose(ctx, kv.AppendSet(nil, key, value, 0)); err != nil {
			if ctx.Err() != nil {
				break
			}
			return err
		}
		end := time.Now()
		if !start.Before(l.from) {
			own = append(own, end.Sub(start)) // also when it ends late: the slowest are those that do
		}
		if !end.Before(l.from) && end.Before(l.to) {
			completed++
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.completed += completed
	for _, d := range own {
		if err := l.responses.RecordValue(min(int64(d), int64(time.Minute))); err != nil {
			return err
		}
	}
	return nil
}

func (l *closedLoop) point(n int, duration time.Duration, before, after resources) (result.ClosedPoint, error) {
	count := l.completed
	if count == 0 || l.responses.TotalCount() == 0 {
		return result.ClosedPoint{}, errors.New("nothing was committed within the measured time")
	}
	us := func(q float64) float64 { return float64(l.responses.ValueAtQuantile(q)) / 1000 }
	timed := l.responses.TotalCount()
	var p99 *float64
	if timed >= int64(loadgen.MinimumSample(0.99)) {
		value := us(99)
		p99 = &value
	}
	return result.ClosedPoint{
		Proposers: n, PayloadBytes: l.payload,
		PerS:  float64(count) / duration.Seconds(),
		N:     timed,
		P50Us: us(50), P99Us: p99,
		CPUUsPerOp:  float64((after.cpu - before.cpu).Microseconds()) / float64(count),
		AllocsPerOp: float64(after.mallocs-before.mallocs) / float64(count),
	}, nil
}

// resources is a reading of what the process has used.
type resources struct {
	cpu     time.Duration // user and system
	mallocs uint64
}

func readResources() resources {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return resources{cpu: processCPU(), mallocs: memory.Mallocs}
}
