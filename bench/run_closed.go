package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/bench/floor"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/storage"
)

// runClosed measures all points of a closed loop on one system in this process.
func (e *experiment) runClosed(ctx context.Context, arm *armRecord, dir string) (err error) {
	s := arm.scenario
	e.progress.phase(phaseStart, 0, 0)
	boot, cancel := context.WithTimeout(ctx, bootMax)
	defer cancel()
	nodes, err := startClosed(boot, s, dir)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.System, err)
	}
	defer func() { err = errors.Join(err, nodes.Close()) }()
	var points []result.ClosedPoint
	defer func() { arm.closed = append(arm.closed, points) }()
	for i, n := range s.Closed.Proposers {
		e.progress.phase(fmt.Sprintf("%d proposers", n), i+1, len(s.Closed.Proposers))
		point, err := closedPoint(ctx, nodes, n, int(s.Closed.Payload),
			time.Duration(s.Closed.Warmup), time.Duration(s.Closed.Duration))
		if err != nil {
			return err
		}
		p99 := "-"
		if point.P99Us != nil {
			p99 = fmt.Sprintf("%.0fµs", *point.P99Us)
		}
		e.progress.note("%d proposers: %.0f/s  p50 %.0fµs  p99 %s", n, point.PerS, point.P50Us, p99)
		points = append(points, point)
	}
	return nil
}

// closedSystem is what a closed loop measures.
type closedSystem interface {
	proposer
	Close() error
}

func startClosed(ctx context.Context, s Scenario, dir string) (closedSystem, error) {
	if s.System == SystemFloor {
		return floor.Start(floor.Options{Dir: dir, Nodes: s.Nodes})
	}
	return cluster.StartInproc(ctx, cluster.InprocOptions{
		Nodes: s.Nodes, Dir: dir, Transport: s.Transport, LogStorage: s.Log, Machine: s.Machine, Sync: storage.Sync(s.Sync),
		Heartbeat:   time.Duration(s.Heartbeat),
		ElectionMin: time.Duration(s.Election.Min), ElectionMax: time.Duration(s.Election.Max),
		LinkFaults: s.Link.rules(), TraceOneIn: s.traceOneIn(),
	})
}

// closedPoints returns, for each number of proposers, the run of median throughput.
func closedPoints(runs [][]result.ClosedPoint) []result.ClosedPoint {
	var points []result.ClosedPoint
	for at := 0; ; at++ {
		var same []result.ClosedPoint
		for _, run := range runs {
			if at < len(run) {
				same = append(same, run[at])
			}
		}
		if len(same) == 0 {
			return points
		}
		slices.SortFunc(same, func(a, b result.ClosedPoint) int { return cmp.Compare(a.PerS, b.PerS) })
		points = append(points, same[rank(len(same), 0.5)])
	}
}
