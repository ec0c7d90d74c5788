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
// still hold. Nodes that do not get there, or do not answer, leave it undecided.
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
		return nil
	}
	for _, s := range statuses[1:] {
		if s.hash != statuses[0].hash {
			r.differentLogs("at index %d node %d has state %s and node %d has %s",
				s.applied, s.node, s.hash, statuses[0].node, statuses[0].hash)
		}
	}
	return r.compareChains(ctx, statuses)
}

func sameApplied(statuses []nodeStatus) bool {
	return !slices.ContainsFunc(statuses, func(s nodeStatus) bool { return s.applied != statuses[0].applied })
}

func (r *run) undecidedLogs(format string, args ...any) {
	r.safety.Logs = worseOf(r.safety.Logs, string(check.VerdictUnknown))
	r.invalid = append(r.invalid, fmt.Sprintf("run %d: logs not compared: %s", r.number, fmt.Sprintf(format, args...)))
}

func (r *run) differentLogs(format string, args ...any) {
	r.safety.Logs = string(check.VerdictViolation)
	r.unsafe = append(r.unsafe, fmt.Sprintf("run %d: ", r.number)+fmt.Sprintf(format, args...))
}

// compareChains compares the chain hashes of the entries that all nodes hold and have applied.
func (r *run) compareChains(ctx context.Context, statuses []nodeStatus) error {
	var rows []result.LogChain
	var err error
	for range chainTries {
		if rows, err = r.chains(ctx, statuses); err == nil {
			break
		}
		statuses = r.sys.status(ctx, true)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(statuses) != r.scenario.Nodes {
			break
		}
	}
	if err != nil {
		r.undecidedLogs("%v", err)
		return nil
	}
	r.chainRows = rows
	first := rows[0]
	for _, row := range rows[1:] {
		if row.Chain != first.Chain {
			r.differentLogs("%s", r.firstDifference(ctx, &first, &row))
		}
	}
	r.safety.Logs = worseOf(r.safety.Logs, string(check.VerdictOK))
	r.safety.LogEntries += int64(first.Upto - first.After)
	if first.After > 0 {
		r.warnings = append(r.warnings, fmt.Sprintf("note: run %d: a node had compacted its log up to index %d: there "+
			"the states were compared, and not the entries", r.number, first.After))
	}
	return nil
}

// chains asks all nodes for the chain hash of what all of them hold.
func (r *run) chains(ctx context.Context, statuses []nodeStatus) ([]result.LogChain, error) {
	after := slices.MaxFunc(statuses, func(a, b nodeStatus) int { return cmp.Compare(a.first, b.first) }).first
	upto := slices.MinFunc(statuses, func(a, b nodeStatus) int { return cmp.Compare(a.applied, b.applied) }).applied
	after = min(after, upto) // who restored a snapshot may have nothing else
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
