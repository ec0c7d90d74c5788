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
		Columns: table.Columns("arm", "offered", "achieved", "held", "p50", "p99", "p99.9", "not ok"),
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
			t.Add(table.Of(a.Name), table.PerSecond(p.OfferedPerS), table.PerSecond(p.AchievedPerS), heldCell(p), p50, p99,
				p999, countBad(p.NotOK))
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
