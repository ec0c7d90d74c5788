package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// Bounds of the checks after a run.
const (
	readBackTimeout   = 10 * time.Second
	linearizableLimit = 10 * time.Second
	stateHashLimit    = 5 * time.Second
)

// checkSafety reads every written key back through the cluster and decides whether an acknowledged write is lost,
// whether what the clients saw is linearizable, and whether the nodes hold the same state (rule R21).
func (r *run) checkSafety(ctx context.Context) error {
	r.progress.phase("check", 0, 0)
	if r.scenario.Machine == "null" {
		r.safety.Linearizable = string(check.VerdictUnknown)
		r.warnings = append(r.warnings, "the null machine keeps nothing: safety was not checked")
		return nil
	}
	if r.saturation != nil {
		return r.checkSaturation(ctx)
	}
	history, err := r.readBack(ctx, r.trace, r.generator.Options())
	if err != nil {
		r.safety.Linearizable = string(check.VerdictUnknown)
		return fmt.Errorf("read all keys back: %w", err)
	}
	r.judge("", check.LostWrites(history), check.Linearizable(history, linearizableLimit))
	if r.backlog != nil {
		history, err := r.readBack(ctx, r.backlog, r.backlogOptions)
		if err != nil {
			return fmt.Errorf("read the keys of the backlog back: %w", err)
		}
		r.judge("backlog: ", check.LostWrites(history), check.Linearizable(history, linearizableLimit))
	}
	return r.checkStateHashes(ctx)
}

// readBack returns what the clients of a load saw, with a read of each written key at the end.
func (r *run) readBack(ctx context.Context, trace *loadgen.Trace, o loadgen.Options) (*check.History, error) {
	history := check.FromTrace(trace, o.Workload)
	final := loadgen.NewTrace(o.Seed, 0)
	err := loadgen.ReadBack(ctx, r.target, history.WrittenKeys(), uint64(trace.Len()), readBackTimeout, r.clock, final)
	if err != nil {
		return nil, err
	}
	history.AddFinal(final, o.Workload)
	return history, nil
}

// judge notes what the checks found, of which part of the run. A check that was not finished makes the result invalid:
// nobody may take it for one that passed.
func (r *run) judge(part string, lost check.LostReport, linear check.Result) {
	r.safety = sumOf(r.safety, result.Safety{
		Acked: lost.Acked, Checkable: lost.Checkable, Lost: lost.Lost,
		CheckedOps: linear.Checked, Linearizable: string(linear.Verdict),
	})
	if lost.Verdict() == check.VerdictViolation {
		r.unsafe = append(r.unsafe, fmt.Sprintf("run %d: %s%d of %d acknowledged writes lost, %d values that nobody "+
			"wrote", r.number, part, lost.Lost, lost.Acked, lost.Phantom))
		for _, example := range lost.Examples {
			r.unsafe = append(r.unsafe, fmt.Sprintf("run %d: %s%s", r.number, part, example))
		}
	}
	if lost.Unread > 0 {
		r.invalid = append(r.invalid, fmt.Sprintf("run %d: %s%d of %d keys could not be read back",
			r.number, part, lost.Unread, lost.Keys))
	}
	switch linear.Verdict {
	case check.VerdictViolation:
		r.unsafe = append(r.unsafe, fmt.Sprintf("run %d: %s%s", r.number, part, linear.Violation))
	case check.VerdictUnknown:
		r.invalid = append(r.invalid, fmt.Sprintf("run %d: %slinearizability of %d of %d operations was not decided",
			r.number, part, linear.Ops-linear.Checked, linear.Ops))
	case check.VerdictOK:
	}
}

// sumOf adds the findings of two checks; the worse verdict is that of both.
func sumOf(a, b result.Safety) result.Safety {
	worst := b.Linearizable
	for _, verdict := range []string{"violation", "unknown", "ok"} {
		if a.Linearizable == verdict || b.Linearizable == verdict {
			worst = verdict
			break
		}
	}
	return result.Safety{
		Acked: a.Acked + b.Acked, Checkable: a.Checkable + b.Checkable, Lost: a.Lost + b.Lost,
		CheckedOps: a.CheckedOps + b.CheckedOps, Linearizable: worst,
	}
}

// checkStateHashes compares the state of all nodes once they have applied the same index.
func (r *run) checkStateHashes(ctx context.Context) error {
	var statuses []nodeStatus
	aligned, err := poll(ctx, stateHashLimit, func() bool {
		statuses = r.sys.status(ctx, true)
		return len(statuses) == r.scenario.Nodes && sameApplied(statuses)
	})
	if err != nil {
		return err
	}
	if !aligned {
		r.warnings = append(r.warnings, fmt.Sprintf("run %d: the nodes did not reach the same index: states not compared",
			r.number))
		return nil
	}
	for _, s := range statuses[1:] {
		if s.hash != statuses[0].hash {
			r.unsafe = append(r.unsafe, fmt.Sprintf("run %d: at index %d node %d has state %s and node %d has %s",
				r.number, s.applied, s.node, s.hash, statuses[0].node, statuses[0].hash))
		}
	}
	return nil
}

func sameApplied(statuses []nodeStatus) bool {
	for _, s := range statuses {
		if s.applied != statuses[0].applied {
			return false
		}
	}
	return true
}
