package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// RunRow is the value of each run of one arm, in microseconds and in the order of the runs; NaN is a run that has none.
type RunRow struct {
	Label  string
	Values []float64
}

// RunPanel is one metric; its rows are the arms.
type RunPanel struct {
	Metric string
	Rows   []RunRow
}

// RunDots draws each run as a dot, and the median of each arm.
func RunDots(name string, panels []RunPanel) Figure {
	f := Figure{
		Name: name,
		Title: "Run to run: response time of each run's steady phase (one dot a run, first run uppermost; axes do not " +
			"begin at zero)",
		Alt:  "Dots of single runs on a scale of time, a row an arm. ",
		rows: [][]string{{"metric", "arm", "run", "response_us"}},
	}
	for _, p := range panels {
		for _, r := range p.Rows {
			for i, v := range r.Values {
				if !math.IsNaN(v) {
					f.rows = append(f.rows, []string{p.Metric, r.Label, fmt.Sprint(i + 1), number(v)})
				}
			}
			if values := r.sorted(); len(values) > 0 {
				f.Alt += fmt.Sprintf("%s, %s: %d runs from %s to %s, median %s. ", p.Metric, r.Label, len(values),
					microseconds(values[0]), microseconds(values[len(values)-1]), microseconds(middle(values)))
			}
		}
	}
	f.compose = func(s *sheet) { composeRunDots(s, panels) }
	return f
}

// sorted returns the values of the runs that have one.
func (r RunRow) sorted() []float64 {
	values := slices.DeleteFunc(slices.Clone(r.Values), math.IsNaN)
	slices.Sort(values)
	return values
}

// middle is the median of values that are sorted; of an even number the mean of the two in the middle.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func composeRunDots(s *sheet, panels []RunPanel) {
	s.key(keyEntry{label: "a run", tint: blue, glyph: draw.CircleGlyph{}},
		keyEntry{label: "median of the runs", tint: ink})
	for _, panel := range panels {
		s.gap(4)
		s.label(panel.Metric + " of the response time")
		s.panel(runPlot(s, panel), vg.Length(44*len(panel.Rows)+26))
	}
}

func runPlot(s *sheet, panel RunPanel) *plot.Plot {
	p := newPlot(s)
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range panel.Rows {
		if values := r.sorted(); len(values) > 0 {
			low, high = min(low, values[0]), max(high, values[len(values)-1])
		}
	}
	room := max(.08*(high-low), .02*high)
	p.X.Min, p.X.Max = max(0, low-room), high+room
	p.X.Tick.Marker = linear(choose(s, 8, 4), func(x, _ float64) string { return microseconds(x) })
	p.Y.Min, p.Y.Max = -.6, float64(len(panel.Rows))-.4
	p.Y.Tick.Marker = plot.ConstantTicks{{Label: "     "}} // room for half of the first label below
	addGrid(p, false, true)
	style := textStyle(ink, s.bodySize(), false)
	for i, r := range panel.Rows {
		at := float64(len(panel.Rows) - 1 - i)
		values := r.sorted()
		label := fmt.Sprintf("%s (%d runs)", r.Label, len(values))
		p.Add(mark(func(c *draw.Canvas, _, y func(float64) vg.Length) {
			c.FillText(style, vg.Point{X: c.Min.X + 4, Y: y(at + .42)}, label)
		}))
		if len(values) == 0 {
			continue
		}
		m := middle(values)
		p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
			c.StrokeLine2(ink.line(1.75), x(m), y(at-.48), x(m), y(at))
		}))
		var points []point
		for k, v := range r.Values {
			if !math.IsNaN(v) {
				points = append(points, point{v, at - .02 - .36*(float64(k)+.5)/float64(len(r.Values))})
			}
		}
		p.Add(glyphs(points, draw.GlyphStyle{Color: seriesTint(i).alpha(.8), Radius: 3, Shape: draw.CircleGlyph{}}))
	}
	return p
}
