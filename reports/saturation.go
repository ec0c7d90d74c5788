package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
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

const saturationQuestion = "What is the highest rate that the cluster holds, and what latency does a commit have below it"

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
		t.Add(table.Of(a.Name), table.Of(table.Duration(x.SLOP99Us)), table.Of(table.Count(int64(len(x.Runs)))), knee, bound,
			table.Of(table.Count(s.saturationNotOK(a.Name))), lost(a.Safety))
	}
	return t
}

// saturationHeadline are the tables that a reader looks at first.
func (s *study) saturationHeadline() []*table.Table {
	return []*table.Table{s.kneeTable(), s.shareTable()}
}

const saturationHeadlineNote = "A knee of six runs or more has the 95 % interval of its median in brackets; of fewer, the " +
	"range of the runs. ≥ is a lower bound: something else than the system ended a search. Not ok counts the failed, " +
	"unknown and shed operations of all points, those beyond the knee included; max is the largest value seen, not an " +
	"upper bound."

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
	floor, known := s.floorUs()
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
			times := missing()
			if known && p.P50Us.Median != nil {
				times = table.Ofn("×%s", table.Significant(*p.P50Us.Median/floor))
			}
			t.Add(table.Of(a.Name), table.Ofn("%.0f %%", 100*p.Share), table.Of(rate(*p.OfferedPerS.Median)),
				table.Of(rate(*p.AchievedPerS.Median)), over(p.P50Us), over(p.P99Us), over(p.P999Us),
				table.Of(table.Duration(p.MaxUs)), times)
		}
	}
	return t
}

// saturationTable is the curve.
func (s *study) saturationTable() *table.Table {
	t := &table.Table{
		Caption: "Every rate of the search: medians over the attempts whose generator was on time. A rate that was not held " +
			"at once was tried again, and the best of three counts.",
		Columns: table.Columns("arm", "offered", "achieved", "p50", "p99", "runs", "held", "missed", "invalid"),
	}
	for _, a := range s.saturated() {
		for _, p := range a.Saturation.Points {
			cells := []table.Cell{missing(), missing(), missing()}
			if p.Held+p.Missed > 0 {
				cells = []table.Cell{table.Of(rate(p.AchievedPerS)), table.Of(table.Duration(p.P50Us)),
					table.Of(table.Duration(p.P99Us))}
			}
			cells = append([]table.Cell{table.Of(a.Name), table.Of(rate(p.OfferedPerS))}, cells...)
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
		return table.Of(rate(*v))
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
		page.Paragraph("Each rate was offered by an open loop of its own on the same cluster, after a warm-up of its own. It " +
			"is held when p99 is within the limit, 99 % of the offered operations were acknowledged within the window, none " +
			"failed or was shed, and the generator was on time. A rate at which the generator was late is invalid, and " +
			"bounds nothing but the measurement."),
		page.Table{Table: s.saturationTable()}, page.Table{Table: s.searchTable()},
	})
	return section
}

// saturationFigure is latency against offered load (P7).
func (s *study) saturationFigure() page.Block {
	arms := s.saturated()
	if len(arms) == 0 {
		return nil
	}
	floor, _ := s.floorUs()
	runs, interval := 0, "median over runs; band: lowest to highest run"
	var drawn []plot.SaturationArm
	invalid := 0
	for _, a := range arms {
		x := a.Saturation
		runs = max(runs, len(x.Runs))
		drawn = append(drawn, s.saturationArm(a))
		for _, p := range x.Points {
			invalid += p.Invalid
		}
	}
	if runs == 1 {
		interval = "of the one run"
	} else if runs >= stat.MinSample(.5) {
		interval = "median over runs; band: 95 % interval"
	}
	caption := fmt.Sprintf("Response time from the intended start against the offered rate, %d runs an arm. Each dot is one "+
		"rate held for a while in one run; lines join the medians over runs. The vertical line is the knee, the limit is "+
		"what p99 was allowed, the floor two round trips and one fsync of the calibration.", runs)
	if runs == 1 {
		caption = strings.Replace(caption, "1 runs an arm", "1 run an arm", 1)
	}
	if invalid > 0 {
		caption += fmt.Sprintf(" %d attempts are left out, because the generator was late.", invalid)
	}
	return page.Figure{
		Figure: plot.Saturation(plot.SaturationOptions{
			Name: "saturation", Title: "Response time against offered load (log), open loop, without faults",
			SLOUs: arms[0].Saturation.SLOP99Us, FloorUs: floor, Runs: runs, IntervalOfKnees: interval,
		}, drawn),
		Caption: caption,
		How: "Left of the knee the lines are nearly flat: batches grow with the load, and pay for it. Right of it a queue " +
			"grows as long as the rate is offered. A knee far below where p50 rises is the tail's: look for what stops the " +
			"cluster now and then, such as compactions and flushes.",
		Not: "How slow it becomes beyond the knee: that depends on how long the rate is held. Nor what other machines " +
			"would do: generator and nodes take processor time from each other, and all the more at the knee.",
	}
}

// saturationArm prepares the curve of an arm.
func (s *study) saturationArm(a *armStudy) plot.SaturationArm {
	x := a.Saturation
	curve := plot.SaturationArm{Label: a.Name, Knee: math.NaN(), LowerBound: x.LowerBound}
	if x.Knee.Median != nil {
		curve.Knee = *x.Knee.Median
		curve.KneeLow, curve.Top = kneeRange(x)
		if x.Knee.Low != nil && x.Knee.High != nil {
			curve.KneeLow, curve.Top = *x.Knee.Low, *x.Knee.High
		}
	}
	known := func(us float64) float64 {
		if us < 0 {
			return math.NaN()
		}
		return us
	}
	for i := range s.Saturation {
		r := &s.Saturation[i]
		if r.Arm == a.Name && r.Phase == result.SaturationSearch && r.Outcome != result.OutcomeInvalid && r.P50Us > 0 {
			curve.Points = append(curve.Points, plot.SaturationPoint{
				OfferedPS: r.RatePerS, P50: r.P50Us, P99: known(r.P99Us), Held: r.Outcome == result.OutcomeHeld,
			})
		}
	}
	for _, p := range x.Points {
		if p.Held+p.Missed > 0 {
			curve.Medians = append(curve.Medians, plot.SaturationMedian{OfferedPS: p.OfferedPerS, P50: p.P50Us, P99: p.P99Us})
		}
	}
	return curve
}

// saturationSentences are the findings.
func (s *study) saturationSentences() []string {
	var lines []string
	for _, a := range s.saturated() {
		x := a.Saturation
		if x.Knee.Median == nil {
			lines = append(lines, fmt.Sprintf("%s held no rate with a p99 of %s.", a.Name, table.Duration(x.SLOP99Us)))
			continue
		}
		line := fmt.Sprintf("%s held %s with a p99 within %s", a.Name, kneeText(x), table.Duration(x.SLOP99Us))
		if x.LowerBound {
			line += fmt.Sprintf("; that is a lower bound, because not the system ended every search (%s did)", boundText(x))
		}
		if n := len(x.Shares); n > 0 {
			p := x.Shares[n-1]
			if p.P50Us.Median != nil && p.P99Us.Median != nil {
				line += fmt.Sprintf("; at %.0f %% of it p50 was %s and p99 %s", 100*p.Share, table.Duration(*p.P50Us.Median),
					table.Duration(*p.P99Us.Median))
			}
		}
		lines = append(lines, line+".")
	}
	if arms := s.saturated(); len(arms) > 1 {
		lines = append(lines, compareKnees(arms[0], arms[1:])...)
	}
	return lines
}

// compareKnees says which of two arms held more, or that this cannot be said.
func compareKnees(first *armStudy, others []*armStudy) (lines []string) {
	knees := func(a *armStudy) stat.Sample {
		var values []float64
		for _, run := range a.Saturation.Runs {
			if run.KneePerS != nil {
				values = append(values, *run.KneePerS)
			}
		}
		return stat.Sorted(values)
	}
	for _, other := range others {
		x, y := knees(first), knees(other)
		disjoint, ok := stat.Disjoint(x, y, .5)
		step := 100 * (max(first.Saturation.Step, other.Saturation.Step) - 1)
		switch {
		case first.Saturation.LowerBound || other.Saturation.LowerBound:
			lines = append(lines, fmt.Sprintf("%s and %s: cannot resolve a difference of the knees, one is a lower bound.",
				first.Name, other.Name))
		case !ok:
			lines = append(lines, fmt.Sprintf("%s and %s: cannot resolve a difference of the knees. A median's interval needs "+
				"%d runs an arm; there are %d and %d.", first.Name, other.Name, stat.MinSample(.5), len(x), len(y)))
		case !disjoint:
			lines = append(lines, fmt.Sprintf("%s and %s: cannot resolve a difference of the knees (95 %% intervals over runs "+
				"overlap; rates are %.0f %% apart).", first.Name, other.Name, step))
		default:
			more, less := first, other
			if *other.Saturation.Knee.Median > *first.Saturation.Knee.Median {
				more, less = other, first
			}
			lines = append(lines, fmt.Sprintf("%s held more than %s: the 95 %% intervals of the knees over runs do not overlap.",
				more.Name, less.Name))
		}
	}
	return lines
}

// saturationOddities are what was odd in the searches.
func (s *study) saturationOddities() (notes []string) {
	for i := range s.Saturation {
		r := &s.Saturation[i]
		at := fmt.Sprintf("%s, run %d, %s, attempt %d", r.Arm, r.Run, rate(r.RatePerS), r.Attempt)
		switch {
		case r.Outcome == result.OutcomeInvalid:
			notes = append(notes, at+": "+r.Why)
		case r.Phase == result.SaturationShare && r.Outcome == result.OutcomeMissed:
			notes = append(notes, fmt.Sprintf("%s, %.0f %% of the knee: over the limit although below the knee: %s", at,
				100*r.Share, r.Why))
		case r.Phase == result.SaturationSearch && r.Outcome == result.OutcomeHeld && r.Attempt > 1:
			notes = append(notes, at+": held, after it was not")
		}
	}
	if left := len(notes) - saturationOdditiesMax; left > 0 {
		notes = append(notes[:saturationOdditiesMax:saturationOdditiesMax], fmt.Sprintf("%d more attempts were odd; see `%s`.",
			left, result.SaturationFile))
	}
	return notes
}

const saturationOdditiesMax = 20

// saturationMethod is how the numbers of a search are made.
func (s *study) saturationMethod() []string {
	arms := s.saturated()
	if len(arms) == 0 {
		return nil
	}
	steps := slices.MaxFunc(arms, func(a, b *armStudy) int { return int(1e6 * (a.Saturation.Step - b.Saturation.Step)) })
	return []string{
		fmt.Sprintf("The search climbs while rates are held, then halves the gap between the highest that was and the lowest "+
			"that was not. All runs and arms search on one grid of rates, %.0f %% apart: the knee is known to no more than "+
			"that.", 100*(steps.Saturation.Step-1)),
		"A rate that was not held at its first attempt is tried again, and the best of three counts: one hiccup of the " +
			"machine ends no climb, and one lucky attempt lifts no knee. Both misses must be the system's to bound it.",
		"A miss is the system's only when the generator's send lag p99 is within 1 ms or a tenth of the response p99; a " +
			"rate that was held kept all conditions of a steady phase.",
		"The shares of the knee are measured after the search, in an order from the seed, with warm-ups of their own. Their " +
			"p99 may be above the limit, which is a finding; the other conditions of a steady phase hold, or the result is " +
			"invalid.",
		"The unit is the run: the knee's interval is over runs, each on a fresh cluster; arms alternate.",
	}
}
