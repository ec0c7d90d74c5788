package reports

import (
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// openTable is the open loop at the core, of systems in one process.
func (s *study) openTable() *table.Table {
	t := &table.Table{
		Caption: "Open loop at the core: latency from the intended time; of each rate the run of median p99.",
		Columns: table.Columns("arm", "offered", "achieved", "p50", "p99", "p99.9", "not ok"),
	}
	for _, a := range s.arms {
		for _, p := range a.Open {
			p999 := tooFew(p.N, .999)
			if p.P999Us != nil && p.N >= stat.MinSample(.999) {
				p999 = table.Time(*p.P999Us)
			}
			t.Add(table.Of(a.Name), table.PerSecond(p.OfferedPerS), table.PerSecond(p.AchievedPerS),
				table.Time(p.P50Us), table.Time(p.P99Us), p999, countBad(p.NotOK))
		}
	}
	return t
}
