package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// runInproc measures one system in this process: the closed loop, the open one, and what it takes to lose its leader.
func (e *experiment) runInproc(ctx context.Context, arm *armRecord, number int, dir string) (err error) {
	s := arm.scenario
	e.progress.phase(phaseStart, 0, 0)
	candidate, err := e.candidate(s)
	if err != nil {
		return err
	}
	arm.settings = candidate.Settings
	runtime.GC() // what the system before has left is not this one's
	boot, cancel := context.WithTimeout(ctx, bootMax)
	defer cancel()
	system, err := candidate.Start(boot, SystemOptions{
		Dir: dir, Nodes: s.Nodes, Heartbeat: time.Duration(s.Heartbeat),
		ElectionMin: time.Duration(s.Election.Min), ElectionMax: time.Duration(s.Election.Max),
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", s.System, err)
	}
	defer func() { err = errors.Join(err, system.Close()) }()
	if err := e.runClosed(ctx, arm, number, system); err != nil {
		return err
	}
	if err := e.runOpen(ctx, arm, number, system); err != nil {
		return err
	}
	return e.runStops(ctx, arm, number, system)
}

// candidate returns the system that a scenario names.
func (e *experiment) candidate(s Scenario) (Candidate, error) {
	for _, c := range slices.Concat(ours(s), e.opts.Systems) {
		if c.Name == s.System {
			return c, nil
		}
	}
	return Candidate{}, &FieldError{Field: "system", Value: quoted(s.System), Bound: "one that the runner has"}
}

// runClosed measures all points of the closed loop.
func (e *experiment) runClosed(ctx context.Context, arm *armRecord, number int, system System) error {
	closed := arm.scenario.Closed
	var points []result.ClosedPoint
	defer func() { arm.closed = append(arm.closed, points) }()
	for at, payload := range closed.sizes() {
		for i, n := range closed.Proposers {
			e.progress.phase(fmt.Sprintf("%d proposers, %s", n, payload),
				at*len(closed.Proposers)+i+1, len(closed.Proposers)*len(closed.sizes()))
			point, err := closedPoint(ctx, system, n, int(payload),
				time.Duration(closed.Warmup), time.Duration(closed.Duration))
			if err != nil {
				return err
			}
			e.progress.note("%d proposers, %s: %s", n, payload, closedNote(point))
			points = append(points, point)
			if point.Why != "" {
				// It says something about this system; the others are measured all the same.
				arm.invalid = append(arm.invalid, fmt.Sprintf("run %d: closed loop of %d proposers, %s: %s",
					number, n, payload, point.Why))
			}
		}
	}
	return nil
}

// closedNote is the progress line of a point.
func closedNote(p result.ClosedPoint) string {
	if p.Why != "" {
		return p.Why
	}
	p99 := "-"
	if p.P99Us != nil {
		p99 = fmt.Sprintf("%.0fµs", *p.P99Us)
	}
	return fmt.Sprintf("%.0f/s  p50 %.0fµs  p99 %s", p.PerS, p.P50Us, p99)
}

// sizes returns all payloads, the first one first.
func (c *Closed) sizes() []Size {
	sizes := []Size{c.Payload}
	for _, size := range c.Payloads {
		if !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// inprocPlanned estimates a run, its start and end left out.
func (s Scenario) inprocPlanned() time.Duration {
	const trial = time.Second // what a stop takes beside its settling
	points := len(s.Closed.Proposers) * len(s.Closed.sizes())
	total := time.Duration(points) * time.Duration(s.Closed.Warmup+s.Closed.Duration)
	if o := s.Open; o != nil {
		total += time.Duration(len(o.Rates)) * time.Duration(o.Warmup+o.Duration)
	}
	if k := s.Stops; k != nil {
		total += time.Duration(k.Trials) * (time.Duration(k.Settle) + trial)
	}
	return total
}

// closedPoints returns, for each number of proposers and payload, the run of median throughput.
func closedPoints(runs [][]result.ClosedPoint) []result.ClosedPoint {
	return medians(runs, func(a, b result.ClosedPoint) int { return cmp.Compare(a.PerS, b.PerS) })
}

// openPoints returns, for each rate, the run of median p99. One that did not hold is slower than any that did: its
// latency is that of a queue, and leaving it out would make a system look better by its failures.
func openPoints(runs [][]result.OpenPoint) []result.OpenPoint {
	points := medians(runs, func(a, b result.OpenPoint) int {
		return cmp.Or(cmp.Compare(b.Held, a.Held), cmp.Compare(a.P99Us, b.P99Us))
	})
	for at := range points {
		all, held, why := 0, 0, ""
		for _, run := range runs {
			if at >= len(run) {
				continue
			}
			all, held = all+1, held+run[at].Held
			why = cmp.Or(why, run[at].Why)
		}
		points[at].Runs, points[at].Held, points[at].Why = all, held, why
	}
	return points
}

// ratesNobodyHeld returns the rates of the open loop that no arm held: they measured nothing.
func ratesNobodyHeld(arms []*armRecord) map[Rate]bool {
	nobody := map[Rate]bool{}
	for _, arm := range arms {
		for i := range openPoints(arm.open) {
			nobody[arm.scenario.Open.Rates[i]] = true
		}
	}
	for _, arm := range arms {
		for i, p := range openPoints(arm.open) {
			if p.Valid() {
				delete(nobody, arm.scenario.Open.Rates[i])
			}
		}
	}
	return nobody
}

// medians returns, for each point of runs that have the same ones, the median by order.
func medians[P any](runs [][]P, order func(a, b P) int) []P {
	var points []P
	for at := 0; ; at++ {
		var same []P
		for _, run := range runs {
			if at < len(run) {
				same = append(same, run[at])
			}
		}
		if len(same) == 0 {
			return points
		}
		slices.SortFunc(same, order)
		points = append(points, same[rank(len(same), 0.5)])
	}
}
