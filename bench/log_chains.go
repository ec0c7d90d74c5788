package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
)

// chainTries is how often the nodes are asked for the same part of their logs: one compacted meanwhile has less.
const chainTries = 3

// checkLogs compares the state of all nodes once they have applied the same index, and the entries that all of them
// still hold. Nodes that do not get there, or do not answer, leave it undecided, but what there is of them is compared
// all the same: one whose log went another way may be the one that got stuck.
func (r *run) checkLogs(ctx context.Context) error {
	var statuses []nodeStatus
	aligned, err := poll(ctx, stateHashLimit, func() bool {
		statuses = r.sys.status(ctx, true)
		return len(statuses) == r.scenario.Nodes && sameApplied(statuses)
	})
	if err != nil {
		return err
	}
	if !aligned {
		r.undecidedLogs("the nodes did not reach the same index within %v", stateHashLimit)
	}
	r.compareStates(statuses)
	return r.compareChains(ctx, statuses)
}

// compareStates compares the states of those nodes that have applied the same index.
func (r *run) compareStates(statuses []nodeStatus) {
	for i, s := range statuses {
		first := slices.IndexFunc(statuses, func(o nodeStatus) bool { return o.applied == s.applied })
		if other := statuses[first]; first < i && s.hash != other.hash {
			r.differentLogs("at index %d node %d has state %s and node %d has %s",
				s.applied, s.node, s.hash, other.node, other.hash)
		}
	}
}

func sameApplied(statuses []nodeStatus) bool {
	return !slices.ContainsFunc(statuses, func(s nodeStatus) bool { return s.applied != statuses[0].applied })
}

func (r *run) undecidedLogs(format string, args ...any) {
	r.safety.Logs = worseOf(r.safety.Logs, string(check.VerdictUnknown))
	r.invalid = append(r.invalid, fmt.Sprintf("run %d: logs undecided: %s", r.number, fmt.Sprintf(format, args...)))
}

func (r *run) differentLogs(format string, args ...any) {
	r.safety.Logs = string(check.VerdictViolation)
	r.unsafe = append(r.unsafe, fmt.Sprintf("run %d: ", r.number)+fmt.Sprintf(format, args...))
}

// compareChains compares the chain hashes of the entries that all nodes that answer hold and have applied.
func (r *run) compareChains(ctx context.Context, statuses []nodeStatus) error {
	var rows []result.LogChain
	var err error
	for range chainTries {
		if len(statuses) < 2 {
			err = fmt.Errorf("%d of %d nodes answer", len(statuses), r.scenario.Nodes)
			break
		}
		if rows, err = r.chains(ctx, statuses); err == nil {
			break
		}
		statuses = r.sys.status(ctx, true)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err != nil {
		r.undecidedLogs("%v", err)
		return nil
	}
	r.chainRows = rows
	r.judgeChains(ctx, rows)
	return nil
}

// judgeChains makes a verdict of the chains. A node that has no row leaves it undecided, and so do nodes that have
// neither entries nor a state to compare.
func (r *run) judgeChains(ctx context.Context, rows []result.LogChain) {
	first := rows[0]
	for _, row := range rows[1:] {
		if row.Chain != first.Chain {
			r.differentLogs("%s", r.firstDifference(ctx, &first, &row))
		}
	}
	switch {
	case len(rows) < r.scenario.Nodes:
		r.undecidedLogs("%d of %d nodes answer", len(rows), r.scenario.Nodes)
	case first.After == first.Upto && !sameState(rows):
		r.undecidedLogs("there is no entry that all nodes still hold, and no state of the same index")
	}
	r.safety.Logs = worseOf(r.safety.Logs, string(check.VerdictOK))
	r.safety.LogEntries += int64(first.Upto - first.After)
	if first.After > 0 {
		there := "nothing was compared"
		if sameState(rows) {
			there = "the states were compared, and not the entries"
		}
		r.warnings = append(r.warnings, fmt.Sprintf("note: run %d: a node had compacted its log up to index %d: there %s",
			r.number, first.After, there))
	}
}

// sameState reports whether all nodes told their state, and that of the same index.
func sameState(rows []result.LogChain) bool {
	return !slices.ContainsFunc(rows, func(row result.LogChain) bool {
		return row.State == "" || row.StateIndex != rows[0].StateIndex
	})
}

// chains asks the nodes for the chain hash of what all of them hold.
func (r *run) chains(ctx context.Context, statuses []nodeStatus) ([]result.LogChain, error) {
	after := slices.MaxFunc(statuses, func(a, b nodeStatus) int { return cmp.Compare(a.first, b.first) }).first
	upto := slices.MinFunc(statuses, func(a, b nodeStatus) int { return cmp.Compare(a.applied, b.applied) }).applied
	if after > upto {
		return nil, fmt.Errorf("a node has compacted its log up to %d, and another has applied no more than %d", after, upto)
	}
	rows := make([]result.LogChain, 0, len(statuses))
	for _, s := range statuses {
		sum, err := r.sys.logChain(ctx, s.node, after, upto)
		if err != nil {
			return nil, err
		}
		rows = append(rows, result.LogChain{
			Run: r.number, Nodes: r.scenario.Nodes, Node: s.node, After: after, Upto: upto, Chain: sum,
			StateIndex: s.applied, State: s.hash,
		})
	}
	return rows, nil
}

// firstDifference says where the entries of two nodes part, as far as the nodes tell.
func (r *run) firstDifference(ctx context.Context, a, b *result.LogChain) string {
	same, other := a.After, a.Upto // equal up to here, and different up to there
	for other-same > 1 {
		middle := same + (other-same)/2
		x, errX := r.sys.logChain(ctx, a.Node, a.After, middle)
		y, errY := r.sys.logChain(ctx, b.Node, a.After, middle)
		if errX != nil || errY != nil {
			break
		}
		if x == y {
			same = middle
		} else {
			other = middle
		}
	}
	if other-same == 1 {
		return fmt.Sprintf("the logs of nodes %d and %d differ from entry %d on", a.Node, b.Node, other)
	}
	return fmt.Sprintf("the logs of nodes %d and %d differ in (%d, %d]", a.Node, b.Node, same, other)
}
