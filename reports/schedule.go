package reports

import (
	"github.com/raftmark/raftmark/reports/table"
)

// scheduleTable shows the steps of a schedule, each run's by itself.
func (s *study) scheduleTable() *table.Table {
	t := &table.Table{
		Caption: "Steps of the schedule, response time by the intended instant.",
		Columns: table.Columns("arm", "run", "step", "rate", "offered", "achieved", "p50", "p99", "max", "not ok"),
	}
	for _, a := range s.arms {
		for _, p := range a.SteadySteps {
			q := p.ResponseUs
			t.Add(table.Of(a.Name), table.Of(table.Count(int64(p.Run))), table.Of(table.Count(int64(p.Step))),
				table.PerSecond(p.RatePerS), table.PerSecond(p.OfferedPerS), table.PerSecond(p.AchievedPerS),
				us(q.P50, q.N, .5), us(q.P99, q.N, .99), usMax(q.Max), countBad(p.NotOK))
		}
	}
	return t
}
