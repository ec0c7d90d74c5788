package reports

import (
	"fmt"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// significance is the probability, after Holm's correction, below which a difference counts.
const significance = .05

// The verdicts on a metric of one arm against the first.
const (
	verdictBetter  = "better"
	verdictWorse   = "worse"
	cannotResolve  = "cannot resolve"
	comparedRunMin = 4 // 2 of 70 orders of 4 and 4 runs are as far apart as can be: fewer resolve nothing
)

// comparison is one metric of an arm against the first arm, over runs.
type comparison struct {
	arm, metric string
	a, b        stat.Sample
	shift, p    float64
	verdict     string
}

// comparisons compares the steady phases of all arms with the first one's, run by run (rules R8, R17, R18). Less is
// better for each metric.
func (s *study) comparisons() []comparison {
	if len(s.arms) < 2 {
		return nil
	}
	var all []comparison
	for _, b := range s.arms[1:] {
		for _, m := range []struct {
			name string
			of   func(result.Quantiles) *float64
		}{{"response p50", p50}, {"response p99", p99}} {
			c := comparison{arm: b.Name, metric: m.name, a: s.arms[0].runValues(m.of), b: b.runValues(m.of)}
			if len(c.a) < comparedRunMin || len(c.b) < comparedRunMin {
				continue
			}
			c.shift, _ = stat.Shift(c.a, c.b)
			c.p, _ = stat.RankSum(c.a, c.b)
			all = append(all, c)
		}
	}
	raw := make([]float64, len(all))
	for i := range all {
		raw[i] = all[i].p
	}
	for i, p := range stat.Holm(raw) {
		c := &all[i]
		c.p = p
		switch {
		case c.p >= significance || c.shift == 0:
			c.verdict = cannotResolve
		case c.shift < 0:
			c.verdict = verdictBetter
		default:
			c.verdict = verdictWorse
		}
	}
	return all
}

func (a *armStudy) runValues(of func(result.Quantiles) *float64) stat.Sample {
	var values []float64
	for i := range a.SteadyRuns {
		if v := of(a.SteadyRuns[i].ResponseUs); v != nil {
			values = append(values, *v)
		}
	}
	return stat.Sorted(values)
}

func (s *study) comparisonTable() *table.Table {
	t := &table.Table{Columns: table.Columns("arm", "metric", "runs", "first arm", "this arm", "shift", "p", "verdict")}
	t.Columns[1].Text, t.Columns[7].Text = true, true
	for _, c := range s.comparisons() {
		t.Caption = fmt.Sprintf("Each arm against %s, over the steady phases of single runs: the median run with the "+
			"smallest and largest, the shift (Hodges and Lehmann), and the probability of as much by chance (exact rank sum "+
			"test, corrected after Holm).", s.arms[0].Name)
		tone := table.Plain
		switch c.verdict {
		case verdictBetter:
			tone = table.Good
		case verdictWorse:
			tone = table.Bad
		}
		t.Add(table.Of(c.arm), table.Of(c.metric), table.Ofn("%d, %d", len(c.a), len(c.b)), runCell(c.a), runCell(c.b),
			table.Of(signed(c.shift)), table.Ofn("%.3f", c.p), table.Cell{Text: c.verdict, Tone: tone})
	}
	return t
}

func signed(us float64) string {
	if us > 0 {
		return "+" + table.Duration(us)
	}
	return table.Duration(us)
}

func runCell(s stat.Sample) table.Cell {
	return table.Ofn("%s (%s – %s)", table.Duration(s.OrderStatistic(.5)), table.Duration(s[0]),
		table.Duration(s[len(s)-1]))
}

func (s *study) comparisonSection() page.Section {
	section := page.Section{ID: "comparison", Title: "Comparison of the arms"}
	t := s.comparisonTable()
	if t.Empty() {
		return section
	}
	section.Blocks = []page.Block{page.Table{Table: t}, page.Paragraph("The runs of the arms were interleaved. A " +
		"difference that is resolved is one between these runs on this machine; how much two arms of identical code " +
		"differ here was not measured. Cannot resolve does not mean that there is no difference.")}
	return section
}

func (s *study) comparisonSentences() []string {
	var lines []string
	for _, c := range s.comparisons() {
		lines = append(lines, fmt.Sprintf("%s against %s, %s: %s (%s against %s at the median run, shift %s, p = %.3f, "+
			"n = %d and %d runs).", c.arm, s.arms[0].Name, c.metric, c.verdict, table.Duration(c.b.OrderStatistic(.5)),
			table.Duration(c.a.OrderStatistic(.5)), signed(c.shift), c.p, len(c.a), len(c.b)))
	}
	return lines
}
