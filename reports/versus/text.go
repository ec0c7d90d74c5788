package versus

import (
	"fmt"
	"math"
	"strings"

	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

// Table returns the comparison as a table.
func (c *Comparison) Table() *table.Table {
	t := &table.Table{
		Columns: table.Columns("arm", "metric", "n", "base", "new", "new / base", "95 % interval", "noise", "p", "verdict"),
		Caption: "Medians of runs or trials; the ratio after Hodges and Lehmann, its interval and p of the rank sum test, " +
			"p corrected after Holm. Less is better.",
	}
	t.Columns[1].Text, t.Columns[9].Text = true, true
	for i := range c.Rows {
		r := &c.Rows[i]
		t.Add(table.Of(c.rowName(r)), table.Of(r.Metric), countCell(r),
			table.Time(r.unit.us(middle(r.BaseValues))), table.Time(r.unit.us(middle(r.NewValues))),
			table.Ofn("%.3f", r.Ratio), intervalCell(r), floorCell(r), table.Ofn("%.3f", r.P),
			table.Cell{Text: string(r.Verdict), Tone: toneOf(r.Verdict)})
	}
	return t
}

// rowName is the arm's, and with several results the result's too.
func (c *Comparison) rowName(r *Row) string {
	if len(c.News) > 1 && r.New != c.Base && r.Arm != r.New && !c.within() {
		return r.New + ": " + r.Arm
	}
	return r.Arm
}

// within says whether arms of one result were compared.
func (c *Comparison) within() bool {
	for i := range c.Rows {
		for _, name := range c.News {
			if c.Rows[i].Arm == name {
				return true
			}
		}
	}
	return false
}

func middle(s stat.Sample) float64 { return s.OrderStatistic(.5) }

// countCell says how many values there are, and how many runs or trials have none.
func countCell(r *Row) table.Cell {
	text := fmt.Sprintf("%d, %d", len(r.BaseValues), len(r.NewValues))
	if r.BaseMissing+r.NewMissing == 0 {
		return table.Of(text)
	}
	return table.Cell{Text: fmt.Sprintf("%s (%d, %d none)", text, r.BaseMissing, r.NewMissing), Tone: table.Bad}
}

func intervalCell(r *Row) table.Cell {
	if math.IsNaN(r.Low) {
		return table.Cell{Text: "n/a (n too small)", Tone: table.Missing}
	}
	return table.Ofn("[%.3f, %.3f]", r.Low, r.High)
}

func floorCell(r *Row) table.Cell {
	if math.IsNaN(r.Floor) {
		return table.Cell{Text: "n/a", Tone: table.Missing}
	}
	return table.Ofn("±%.1f %%", 100*r.Floor)
}

func toneOf(v Verdict) table.Tone {
	switch v {
	case Better:
		return table.Good
	case Worse:
		return table.Bad
	default:
		return table.Plain
	}
}

// Text returns the comparison for a terminal: warnings, the table, and what it means.
func (c *Comparison) Text() string {
	var b strings.Builder
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "WARNING: %s\n", w)
	}
	fmt.Fprintf(&b, "base: %s\nnew:  %s\n\n%s\n", c.Base, strings.Join(c.News, ", "), c.Table().Text())
	for _, line := range c.Sentences() {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Sentences say what the table means: each difference that is resolved, how many are not, and what it would take.
func (c *Comparison) Sentences() []string {
	var lines []string
	unresolved, needed := 0, 0
	for i := range c.Rows {
		r := &c.Rows[i]
		switch r.Verdict {
		case Better, Worse:
			lines = append(lines, fmt.Sprintf("%s, %s: %s, %.3g times as much [%.3g, %.3g] (n = %d and %d).", c.rowName(r),
				r.Metric, r.Verdict, r.Ratio, r.Low, r.High, len(r.BaseValues), len(r.NewValues)))
		case CannotResolve:
			unresolved++
			needed = max(needed, r.Needed)
		case Same:
		}
	}
	if unresolved > 0 {
		line := fmt.Sprintf("Of %d metrics %d cannot be resolved.", len(c.Rows), unresolved)
		if needed > 0 {
			line += fmt.Sprintf(" To see a difference of 5 %% in each of them takes about %d values a side.", needed)
		}
		lines = append(lines, line)
	}
	if c.options.Floor == nil {
		lines = append(lines, "How much two results of identical code differ here was not measured (--floor): a small "+
			"difference may be the machine's.")
	}
	return append(lines, c.Notes...)
}
