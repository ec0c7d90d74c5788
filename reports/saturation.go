package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/table"
)

// saturated returns the arms in which the knee was searched for.
func (s *study) saturated() []*armStudy {
	var arms []*armStudy
	for _, a := range s.arms {
		if a.Saturation != nil {
			arms = append(arms, a)
		}
	}
	return arms
}

const saturationQuestion = "What is the highest rate that the cluster holds, and what latency does a commit have " +
	"below it"

// kneeText writes the knee of an arm: the median over runs, and its interval or the range of the runs.
func kneeText(x *result.Saturation) string {
	if x.Knee.Median == nil {
		return "none"
	}
	text := rate(*x.Knee.Median)
	if x.LowerBound {
		text = "≥ " + text
	}
	switch low, high := kneeRange(x); {
	case x.Knee.Low != nil && x.Knee.High != nil:
		text += fmt.Sprintf(" [%s, %s]", table.Significant(*x.Knee.Low), table.Significant(*x.Knee.High))
	case x.Knee.N > 1:
		text += fmt.Sprintf(" (runs: %s to %s)", table.Significant(low), table.Significant(high))
	}
	return text
}

// kneeRange returns the lowest and the highest knee of the runs; NaN where there is none.
func kneeRange(x *result.Saturation) (low, high float64) {
	low, high = math.NaN(), math.NaN()
	for _, run := range x.Runs {
		if run.KneePerS != nil {
			if !(*run.KneePerS >= low) {
				low = *run.KneePerS
			}
			if !(*run.KneePerS <= high) {
				high = *run.KneePerS
			}
		}
	}
	return low, high
}

// boundText says what ended the searches of an arm.
func boundText(x *result.Saturation) string {
	counts := map[string]int{}
	for _, run := range x.Runs {
		counts[run.Bound]++
	}
	var parts []string
	for _, bound := range []string{result.BoundSystem, result.BoundGenerator, result.BoundRange} {
		if n := counts[bound]; n == len(x.Runs) {
			return boundWords(bound)
		} else if n > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", n, boundWords(bound)))
		}
	}
	return strings.Join(parts, ", ")
}

func boundWords(bound string) string {
	switch bound {
	case result.BoundSystem:
		return "the system"
	case result.BoundGenerator:
		return "the generator"
	case result.BoundRange:
		return "the highest rate"
	}
	return bound
}

// kneeTable is the headline of a search.
func (s *study) kneeTable() *table.Table {
	t := &table.Table{
		Caption: "The knee: the highest offered rate that was held, over runs.",
		Columns: table.Columns("arm", "limit of p99", "runs", "knee", "bounded by", "not ok", "lost acks"),
	}
	for _, a := range s.saturated() {
		x := a.Saturation
		knee, bound := table.Of(kneeText(x)), table.Of(boundText(x))
		if x.Knee.Median == nil {
			knee.Tone = table.Missing
		}
		if x.LowerBound {
			bound.Tone = table.Bad
		}
		t.Add(table.Of(a.Name), table.Time(x.SLOP99Us), table.Of(table.Count(int64(len(x.Runs)))), knee, bound,
			table.Of(table.Count(s.saturationNotOK(a.Name))), lost(a.Safety))
	}
	return t
}

// saturationHeadline are the tables that a reader looks at first.
func (s *study) saturationHeadline() []*table.Table {
	return []*table.Table{s.kneeTable(), s.shareTable()}
}

const saturationHeadlineNote = "A knee of six runs or more has the 95 % interval of its median in brackets; of " +
	"fewer, the range of the runs. ≥ is a lower bound: something else than the system ended a search. Not ok counts " +
	"the failed, unknown and shed operations of all points, those beyond the knee included; max is the largest " +
	"value seen, not an upper bound."

// saturationNotOK counts the operations of all points of an arm that were not acknowledged.
func (s *study) saturationNotOK(arm string) (n int64) {
	for i := range s.Saturation {
		if r := &s.Saturation[i]; r.Arm == arm {
			n += r.Failed + r.Unknown + r.Shed
		}
	}
	return n
}

// shareTable is the latency at shares of the knee.
func (s *study) shareTable() *table.Table {
	t := &table.Table{
		Caption: "Response time at shares of the knee, each run at its own: medians over runs.",
		Columns: table.Columns("arm", "of the knee", "offered", "achieved", "p50", "p99", "p99.9", "max", "p50 / floor"),
	}
	over := func(m result.Median) table.Cell {
		if m.Median == nil {
			return missing()
		}
		text := table.Duration(*m.Median)
		if m.Low != nil && m.High != nil {
			text += fmt.Sprintf(" [%s, %s]", table.Duration(*m.Low), table.Duration(*m.High))
		}
		return table.Of(text)
	}
	for _, a := range s.saturated() {
		for i := range a.Saturation.Shares {
			p := &a.Saturation.Shares[i]
			if p.OfferedPerS.Median == nil || p.AchievedPerS.Median == nil {
				continue
			}
			t.Add(table.Of(a.Name), table.Ofn("%.0f %%", 100*p.Share), table.PerSecond(*p.OfferedPerS.Median),
				table.PerSecond(*p.AchievedPerS.Median), over(p.P50Us), over(p.P99Us), over(p.P999Us),
				table.Time(p.MaxUs), a.timesFloor(p.P50Us.Median))
		}
	}
	return t
}

// saturationTable is the curve.
func (s *study) saturationTable() *table.Table {
	t := &table.Table{
		Caption: "Every rate of the search: medians over the attempts whose generator was on time. A rate that was " +
			"not held at once was tried again, and the best of three counts.",
		Columns: table.Columns("arm", "offered", "achieved", "p50", "p99", "runs", "held", "missed", "invalid"),
	}
	for _, a := range s.saturated() {
		for _, p := range a.Saturation.Points {
			cells := []table.Cell{missing(), missing(), missing()}
			if p.Held+p.Missed > 0 {
				cells = []table.Cell{table.PerSecond(p.AchievedPerS), table.Time(p.P50Us),
					table.Time(p.P99Us)}
			}
			cells = append([]table.Cell{table.Of(a.Name), table.PerSecond(p.OfferedPerS)}, cells...)
			t.Add(append(cells, table.Of(table.Count(int64(p.Runs))), table.Of(table.Count(int64(p.Held))),
				table.Of(table.Count(int64(p.Missed))), table.Of(table.Count(int64(p.Invalid))))...)
		}
	}
	return t
}

// searchTable says how each search ended.
func (s *study) searchTable() *table.Table {
	t := &table.Table{
		Caption: "How the search of each run ended.",
		Columns: table.Columns("arm", "run", "knee", "not held", "bounded by", "because of"),
	}
	t.Columns[5].Text = true
	cell := func(v *float64) table.Cell {
		if v == nil {
			return missing()
		}
		return table.PerSecond(*v)
	}
	for _, a := range s.saturated() {
		for _, run := range a.Saturation.Runs {
			t.Add(table.Of(a.Name), table.Of(table.Count(int64(run.Run))), cell(run.KneePerS), cell(run.NextPerS),
				table.Of(boundWords(run.Bound)), table.Of(orText(run.Why, "-")))
		}
	}
	return t
}

// saturationSection is the search in full.
func (s *study) saturationSection() page.Section {
	section := page.Section{ID: "saturation", Title: "The search"}
	if len(s.saturated()) == 0 {
		return section
	}
	section.Blocks = present([]page.Block{
		page.Paragraph("Each rate was offered by an open loop of its own on the same cluster, after a warm-up of " +
			"its own. It is held when p99 is within the limit, 99 % of the offered operations were acknowledged " +
			"within the window, none failed or was shed, and the generator was on time. A rate at which the " +
			"generator was late is invalid, and bounds nothing but the measurement."),
		page.Table{Table: s.saturationTable()}, page.Table{Table: s.searchTable()}, s.searchTimeline(),
	})
	return section
}
