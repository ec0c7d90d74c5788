package reports

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// segmentNames says what the segments of a course are.
func segmentMeaning(kind, name string) string {
	switch name {
	case "before":
		return "before: nothing is done"
	case "during":
		return "during: all steps and what follows each"
	case "down":
		return "down: one node stopped, nothing else is done"
	case "return":
		return "return: from the start of the node until it has caught up"
	case "after":
		return "after: nothing is done"
	}
	return kind + " " + name
}

// over is a cell for one number a run: the number, or from the smallest to the largest of them.
func over(values []float64, text func(float64) string) table.Cell {
	sample := stat.Sorted(values)
	low, ok := sample.Min()
	if !ok {
		return missing()
	}
	high, _ := sample.Max()
	if text(low) == text(high) {
		return table.Of(text(low))
	}
	return table.Ofn("%s – %s", text(low), text(high))
}

// quantilesOver is over for a quantile of segments or steps. A run whose sample is too small makes none of the cell.
func quantilesOver(all []result.Quantiles, q float64, of func(result.Quantiles) *float64) table.Cell {
	var values []float64
	least := -1
	for _, one := range all {
		if v := of(one); v != nil {
			values = append(values, *v)
		} else if least < 0 || one.N < least {
			least = one.N
		}
	}
	if least >= 0 {
		return tooFew(least, q)
	}
	return over(values, table.Duration)
}

func p50(q result.Quantiles) *float64  { return q.P50 }
func p99(q result.Quantiles) *float64  { return q.P99 }
func p999(q result.Quantiles) *float64 { return q.P999 }
func most(q result.Quantiles) *float64 { return q.Max }

// segmentsTable puts the same percentiles of all segments side by side.
func (s *study) segmentsTable() *table.Table {
	t := &table.Table{
		Caption: "Response time from the intended start, by segment of the course.",
		Columns: table.Columns("arm", "segment", "runs", "offered", "p50", "p99", "p99.9", "max", "longest gap", "not ok"),
	}
	t.Columns[1].Text = true
	for _, a := range s.arms {
		for _, name := range a.segmentNames() {
			var quantiles []result.Quantiles
			var offered, gaps []float64
			notOK := int64(0)
			for _, c := range a.courses {
				if g := c.segment(name); g != nil {
					quantiles, offered, gaps = append(quantiles, g.ResponseUs), append(offered, g.OfferedPerS), append(gaps, g.GapMs)
					notOK += g.Failed + g.Unknown + g.Shed
				}
			}
			t.Add(table.Of(a.Name), table.Of(name), table.Of(table.Count(int64(len(quantiles)))), over(offered, rate),
				quantilesOver(quantiles, .5, p50), quantilesOver(quantiles, .99, p99), quantilesOver(quantiles, .999, p999),
				quantilesOver(quantiles, 0, most), over(gaps, milliseconds), countBad(notOK))
		}
	}
	return t
}

// segmentNames returns the names in the order of the first run.
func (a *armStudy) segmentNames() []string {
	var names []string
	for _, c := range a.courses {
		for i := range c.Segments {
			if !slices.Contains(names, c.Segments[i].Name) {
				names = append(names, c.Segments[i].Name)
			}
		}
	}
	return names
}

// stepsTable is what each step took, and what the load saw of it.
func (s *study) stepsTable() *table.Table {
	t := &table.Table{
		Caption: "Steps: how long each took, and what the load saw from its order to the next one.",
		Columns: table.Columns("arm", "step", "took", "longest gap", "no leader", "p99", "max", "debt (op·s)", "not ok"),
	}
	t.Columns[1].Text = true
	for _, a := range s.arms {
		if len(a.courses) == 0 {
			continue
		}
		for i := range a.courses[0].Steps {
			step := &a.courses[0].Steps[i]
			var took, gaps, leaderless, debts []float64
			var quantiles []result.Quantiles
			notOK, names := int64(0), []string{}
			for _, c := range a.courses {
				if i >= len(c.Steps) || c.Steps[i].Kind != step.Kind {
					continue
				}
				run := &c.Steps[i]
				if run.DoneUs >= run.FromUs {
					took = append(took, float64(run.DoneUs-run.FromUs)/1e3)
				}
				gaps, leaderless = append(gaps, run.OutageMs), append(leaderless, run.LeaderlessMs)
				debts, quantiles = append(debts, run.LatencyDebtOpS), append(quantiles, run.ResponseUs)
				notOK += run.NotOK
				if !slices.Contains(names, run.Name) {
					names = append(names, run.Name)
				}
			}
			t.Add(table.Of(a.Name), table.Of(stepName(step.Kind, names)), over(took, milliseconds), over(gaps, milliseconds),
				over(leaderless, orZero), quantilesOver(quantiles, .99, p99), quantilesOver(quantiles, 0, most),
				over(debts, table.Significant), countBad(notOK))
		}
	}
	return t
}

func orZero(ms float64) string {
	if ms == 0 {
		return "0"
	}
	return milliseconds(ms)
}

// stepName is the name that all runs share, or the kind when they chose different nodes.
func stepName(kind string, names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	switch kind {
	case "stop":
		return "kill a follower"
	case "return":
		return "start the follower"
	}
	return kind
}

// catchUpTable is how a follower came back.
func (s *study) catchUpTable() *table.Table {
	t := &table.Table{
		Caption: "The follower's return: from the order to start its process. Caught up is when it had applied what was " +
			"committed at that order.",
		Columns: table.Columns("arm", "run", "entries behind", "committed at", "snapshot", "ports answer", "installed",
			"caught up", "entries a second"),
	}
	for _, a := range s.arms {
		for _, c := range a.courses {
			u := c.CatchUp
			if u == nil {
				continue
			}
			perS := missing()
			if u.CaughtUpUs > u.StartUs {
				perS = table.PerSecond(float64(u.Behind) / (float64(u.CaughtUpUs-u.StartUs) / 1e6))
			}
			t.Add(table.Of(a.Name), table.Of(fmt.Sprint(c.Run)), table.Of(table.Count(u.Behind)), table.PerSecond(u.BacklogPerS),
				table.Of(mebibytes(u.SnapshotBytes)), sinceCell(u.StartUs, u.AnswersUs), sinceCell(u.StartUs, u.InstalledUs),
				sinceCell(u.StartUs, u.CaughtUpUs), perS)
		}
	}
	return t
}

func sinceCell(from, to int64) table.Cell {
	if from < 0 || to < from {
		return missing()
	}
	return table.Time(float64(to - from))
}

func mebibytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// runsTable is the segments run by run.
func (s *study) runsTable() *table.Table {
	t := &table.Table{
		Caption: "The same segments run by run. Comparisons are of runs, not of operations: those of a run depend on each " +
			"other.",
		Columns: table.Columns("arm", "run", "segment", "n", "achieved", "p50", "p90", "p99", "p99.9", "max", "longest gap"),
	}
	t.Columns[2].Text = true
	for _, a := range s.arms {
		for _, c := range a.courses {
			for i := range c.Segments {
				g := &c.Segments[i]
				r := g.ResponseUs
				t.Add(table.Of(a.Name), table.Of(fmt.Sprint(c.Run)), table.Of(g.Name), table.Of(table.Count(int64(r.N))),
					table.PerSecond(g.AchievedPerS), us(r.P50, r.N, .5), us(r.P90, r.N, .9), us(r.P99, r.N, .99),
					us(r.P999, r.N, .999), usMax(r.Max), msCell(g.GapMs))
			}
		}
	}
	return t
}
