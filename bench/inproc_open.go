package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/loadgen"
)

// openTimeout is when a command of an open loop at the core is given up: far beyond any outage that is measured.
const openTimeout = 10 * time.Second

// coreTarget hands the generator's operations to a system, a goroutine each.
type coreTarget struct {
	system System
	clock  clock.Clock
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

func newCoreTarget(system System, clk clock.Clock) *coreTarget {
	ctx, cancel := context.WithCancel(context.Background())
	return &coreTarget{system: system, clock: clk, ctx: ctx, cancel: cancel}
}

// Submit proposes op. A command that was not acknowledged may have been applied.
func (t *coreTarget) Submit(op *loadgen.Op, done func(*loadgen.Op)) {
	t.work.Go(func() {
		op.Sent, op.Attempts = t.clock.Now(), 1
		op.Err = t.system.Propose(t.ctx, kv.AppendSet(nil, op.Key, op.Value, 0))
		op.Done = t.clock.Now()
		op.Outcome = loadgen.OK
		if op.Err != nil {
			op.Outcome = loadgen.Unknown
		}
		done(op)
	})
}

// Close ends what is under way, and returns when it has.
func (t *coreTarget) Close() error {
	t.cancel()
	t.work.Wait()
	return nil
}

// openLoad returns the load of an open loop at the core.
func (e *experiment) openLoad(s Scenario, rate Rate, number int) loadgen.Options {
	return loadgen.Options{
		Rate: float64(rate), Schedule: loadgen.ScheduleConst, InflightMax: s.Load.MaxInflight, Timeout: openTimeout,
		Seed: s.Seed + uint64(number), Clock: e.clock,
		Workload: loadgen.Workload{KeyDist: loadgen.KeysSequential, PayloadBytes: int(s.Closed.Payload)},
	}
}

// runOpen measures the points of the open loop.
func (e *experiment) runOpen(ctx context.Context, arm *armRecord, number int, system System) error {
	s := arm.scenario
	if s.Open == nil {
		return nil
	}
	var points []result.OpenPoint
	defer func() { arm.open = append(arm.open, points) }()
	for i, rate := range s.Open.Rates {
		e.progress.phase(fmt.Sprintf("open loop, %s", rate), i+1, len(s.Open.Rates))
		load := e.openLoad(s, rate, number)
		load.Warmup, load.Duration = time.Duration(s.Open.Warmup), time.Duration(s.Open.Duration)
		target, histograms := newCoreTarget(system, e.clock), loadgen.NewHistograms()
		generator, err := loadgen.New(load, target, histograms)
		if err != nil {
			return err
		}
		before, _ := workOf(system)
		if err := errors.Join(generator.Run(ctx), target.Close()); err != nil {
			return fmt.Errorf("open loop of %s: %w", rate, err)
		}
		stats := histograms.Stats()
		stats.Self = generator.Self()
		reasons := stats.Invalid()
		for _, reason := range reasons {
			// One system that cannot keep up, or that takes the CPU from its generator, says nothing about the others: the
			// point is marked. A rate that nobody holds makes the result invalid: see ratesNobodyHeld.
			arm.warnings = append(arm.warnings, fmt.Sprintf("warning: run %d, open loop of %s: %s", number, rate, reason))
		}
		point := result.OpenPoint{
			OfferedPerS: stats.OfferedPerS, AchievedPerS: stats.AchievedPerS, P999Us: stats.ResponseUs.P999,
			N: stats.ResponseUs.N, NotOK: stats.Failed + stats.Unknown + stats.Shed, Runs: 1,
			Why: strings.Join(reasons, "; "), TailMax: s.Open.TailMax, Work: openWork(before, system),
		}
		if len(reasons) == 0 {
			point.Held = 1
		}
		if stats.ResponseUs.P50 == nil || stats.ResponseUs.P99 == nil {
			return fmt.Errorf("open loop of %s: %d commands are too few for a p99", rate, stats.Offered)
		}
		point.P50Us, point.P99Us = *stats.ResponseUs.P50, *stats.ResponseUs.P99
		arm.judgeTail(number, rate, point)
		e.progress.note("open loop, %s: p50 %.0fµs  p99 %.0fµs  %s", rate, point.P50Us, point.P99Us, tailText(point))
		points = append(points, point)
	}
	return nil
}

// judgeTail warns of a cliff: what a system does now and then is a finding, and no fault of the measurement.
func (a *armRecord) judgeTail(run int, rate Rate, p result.OpenPoint) {
	if p.Held > 0 && p.Cliff() {
		a.warnings = append(a.warnings, fmt.Sprintf("warning: run %d, open loop of %s: the p99.9 is %.2f times the p99, "+
			"above %v", run, rate, *p.Tail(), p.TailMax))
	}
}

// tailText says how the two high percentiles stand to each other.
func tailText(p result.OpenPoint) string {
	tail := p.Tail()
	if tail == nil {
		return "p99.9 -"
	}
	return fmt.Sprintf("p99.9 %.0fµs, %.2f times the p99", *p.P999Us, *tail)
}
