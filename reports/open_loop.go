package reports

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// openTable is the open loop at the core, of systems in one process.
func (s *study) openTable() *table.Table {
	t := &table.Table{
		Caption: "Open loop at the core: latency from the intended time; of each rate the run of median p99 " +
			"of those that held: 99 % was achieved, and the generator was on time.",
		Columns: table.Columns("arm", "offered", "achieved", "held", "p50", "p99", "p99.9", "p99.9 / p99", "not ok"),
	}
	for _, a := range s.arms {
		for _, p := range a.Open {
			p999 := tooFew(p.N, .999)
			if p.P999Us != nil && p.N >= stat.MinSample(.999) {
				p999 = table.Time(*p.P999Us)
			}
			p50, p99 := table.Time(p.P50Us), table.Time(p.P99Us)
			if !p.Valid() { // of a queue that grew as long as it was measured
				p50, p99, p999 = missing(), missing(), missing()
			}
			tail := tailCell(p)
			t.Add(table.Of(a.Name), table.PerSecond(p.OfferedPerS), table.PerSecond(p.AchievedPerS), heldCell(p), p50, p99,
				p999, tail, countBad(p.NotOK))
		}
	}
	return t
}

// tailCell says how many times the p99 the p99.9 is, and when it is a cliff.
func tailCell(p result.OpenPoint) table.Cell {
	tail := p.Tail()
	switch {
	case tail == nil || !p.Valid() || p.N < stat.MinSample(.999):
		return missing()
	case p.Cliff():
		return table.Cell{Text: fmt.Sprintf("%.2f, a cliff: above %v", *tail, p.TailMax), Tone: table.Bad}
	case p.TailMax > 0:
		return table.Ofn("%.2f, at most %v", *tail, p.TailMax)
	default:
		return table.Ofn("%.2f", *tail)
	}
}

// openWorkTable is what the nodes did beside serving: what a tail could come from.
func (s *study) openWorkTable() *table.Table {
	t := &table.Table{
		Caption: "What all nodes did beside serving the open loop, its warm-up included. Memory is flushed to tables and " +
			"tables are merged by the engines of the log and of the state machine; before its log is compacted a node makes " +
			"its state durable, from a view of it; snapshots are sent to followers that lack what was compacted.",
		Columns: table.Columns("arm", "offered", "log: flushes", "merges", "state: flushes", "merges", "log compactions",
			"snapshots sent"),
	}
	for _, a := range s.arms {
		for _, p := range a.Open {
			if w := p.Work; w != nil {
				t.Add(table.Of(a.Name), table.PerSecond(p.OfferedPerS), table.Of(table.Count(w.LogFlushes)),
					table.Of(table.Count(w.LogMerges)), table.Of(table.Count(w.StateFlushes)),
					table.Of(table.Count(w.StateMerges)), table.Of(table.Count(w.LogCompactions)),
					table.Of(table.Count(w.SnapshotsSent)))
			}
		}
	}
	return t
}

// heldCell says in how many of its runs a rate held.
func heldCell(p result.OpenPoint) table.Cell {
	switch {
	case p.Runs == 0: // a result from before that was counted
		return missing()
	case !p.Valid():
		return table.Cell{Text: fmt.Sprintf("INVALID (%d of %d runs): %s", p.Held, p.Runs, p.Why), Tone: table.Bad}
	default:
		return table.Ofn("%d of %d runs", p.Held, p.Runs)
	}
}
