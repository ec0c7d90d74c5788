package bench

import (
	"cmp"
	"context"
	"errors"
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
// whether what the clients saw is linearizable, and whether the nodes hold the same log and state (rule R21). What the
// verdict is made from is kept: see runHistory.
func (r *run) checkSafety(ctx context.Context) error {
	r.progress.phase("check", 0, 0)
	if r.scenario.Machine == "null" {
		r.safety.Linearizable = string(check.VerdictUnknown)
		r.warnings = append(r.warnings, "the null machine keeps nothing: only the logs were checked")
		return r.checkLogs(ctx)
	}
	if r.saturation != nil {
		return r.checkSaturation(ctx)
	}
	err := r.checkLoad(ctx, "", r.trace, r.generator.Options())
	if r.backlog != nil {
		err = errors.Join(err, r.checkLoad(ctx, "backlog", r.backlog, r.backlogOptions))
	}
	// The logs are compared also when the clients cannot be asked: they may be why.
	return errors.Join(err, r.checkLogs(ctx))
}

// checkLoad reads the keys of one load back and judges it. part names it among the others; "" is the run's own.
func (r *run) checkLoad(ctx context.Context, part string, trace *loadgen.Trace, o loadgen.Options) error {
	history, err := r.readBack(ctx, trace, o)
	if err != nil {
		r.safety.Linearizable = worseOf(r.safety.Linearizable, string(check.VerdictUnknown))
		return fmt.Errorf("read the keys of %s back: %w", cmp.Or(part, "the load"), err)
	}
	r.histories = append(r.histories, runHistory{part: part, history: history})
	prefix := ""
	if part != "" {
		prefix = part + ": "
	}
	r.judge(prefix, check.LostWrites(history), check.Linearizable(history, linearizableLimit))
	return nil
}

// runHistory is what the clients saw of a run, or of one part of it: a load with keys of its own.
type runHistory struct {
	part    string
	history *check.History
}

// writeHistories writes what the clients of a run saw, for raftmark check. Of a run that was broken off there is what
// they saw until then, without the reads of the end.
func (a *armRecord) writeHistories(r *run, out *result.Writer) error {
	histories := r.histories
	if len(histories) == 0 && r.generator != nil {
		histories = []runHistory{{history: check.FromTrace(r.trace, r.generator.Options().Workload)}}
	}
	var errs []error
	for _, h := range histories {
		run := fmt.Sprintf("run%d-%s", r.number, fileName(a.name))
		errs = append(errs, out.WriteHistory(run, h.part, h.history.Write))
	}
	r.histories = nil // they are large
	for _, row := range r.chainRows {
		row.Arm = a.name
		a.chains = append(a.chains, row)
	}
	return errors.Join(errs...)
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
	return result.Safety{
		Acked: a.Acked + b.Acked, Checkable: a.Checkable + b.Checkable, Lost: a.Lost + b.Lost,
		CheckedOps: a.CheckedOps + b.CheckedOps, Linearizable: worseOf(a.Linearizable, b.Linearizable),
		Logs: worseOf(a.Logs, b.Logs), LogEntries: a.LogEntries + b.LogEntries,
	}
}

// worseOf returns the worse of two verdicts; "" is none.
func worseOf(a, b string) string {
	for _, verdict := range []check.Verdict{check.VerdictViolation, check.VerdictUnknown, check.VerdictOK} {
		if v := string(verdict); a == v || b == v {
			return v
		}
	}
	return ""
}
