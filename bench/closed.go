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

// closedDrainMax bounds the wait for the commands that are under way when a point ends. It is the longest time that the
// histogram holds: what has not ended then counts as having taken as long as it was waited for.
const closedDrainMax = time.Minute

// errNotAnswered ends the commands that were not answered within closedDrainMax.
var errNotAnswered = fmt.Errorf("commands were not answered within %v", closedDrainMax)

// closedPoint runs n proposers, each with one command under way, for duration after the warm-up: the rate is of what is
// applied within it, the times are of all that is proposed within it. Times of what is applied within it only would
// leave out the slowest. A point at which nothing is committed, or commands are not answered, has a reason in Why;
// the error is of a proposal that failed, or of ctx.
// CPU and allocations are of the whole process: all nodes and the loop itself.
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
	drain := time.AfterFunc(closedDrainMax, func() { cancel(errNotAnswered) })
	defer drain.Stop()
	workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, errNotAnswered) {
		return result.ClosedPoint{}, fmt.Errorf("closed loop of %d: %w", n, err)
	}
	point := loop.point(n, duration, before, after)
	if err != nil {
		point.Why = err.Error()
	}
	return point, nil
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
			if ctx.Err() == nil {
				return err
			}
			if !start.Before(l.from) {
				own = append(own, time.Since(start)) // it was not answered: it would have taken longer
			}
			break
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

// point sums the loop up. Nothing is said of the times and the costs of a point at which nothing was committed.
func (l *closedLoop) point(n int, duration time.Duration, before, after resources) result.ClosedPoint {
	point := result.ClosedPoint{Proposers: n, PayloadBytes: l.payload}
	if l.completed == 0 || l.responses.TotalCount() == 0 {
		point.Why = "nothing was committed within the measured time"
		return point
	}
	us := func(q float64) float64 { return float64(l.responses.ValueAtQuantile(q)) / 1000 }
	point.PerS, point.N, point.P50Us = float64(l.completed)/duration.Seconds(), l.responses.TotalCount(), us(50)
	if point.N >= int64(loadgen.MinimumSample(0.99)) {
		p99 := us(99)
		point.P99Us = &p99
	}
	point.CPUUsPerOp = float64((after.cpu - before.cpu).Microseconds()) / float64(l.completed)
	point.AllocsPerOp = float64(after.mallocs-before.mallocs) / float64(l.completed)
	return point
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
