package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// CalibrationRow is one thing that was timed, in microseconds. P99 is NaN when the sample was too small.
type CalibrationRow struct {
	Label    string
	P50, P99 float64
	Measured bool // the system under test, not the machine
}

// Calibration draws what the machine can do beside what the cluster did, on one scale.
func Calibration(name string, rows []CalibrationRow) Figure {
	f := Figure{
		Name:  name,
		Title: "Calibration: the machine's own times and the measured response (p50 to p99, log)",
		Alt:   "Ranges from p50 to p99 on one logarithmic scale of time. ",
		rows:  [][]string{{"what", "p50_us", "p99_us", "measured"}},
	}
	for _, r := range rows {
		measured := "machine"
		if r.Measured {
			measured = "cluster"
		}
		f.rows = append(f.rows, []string{r.Label, number(r.P50), number(r.P99), measured})
		f.Alt += r.Label + " " + microseconds(math.Round(r.P50)) + ". "
	}
	f.compose = func(s *sheet) { composeCalibration(s, rows) }
	return f
}

func composeCalibration(s *sheet, rows []CalibrationRow) {
	s.key(keyEntry{label: "this machine alone", tint: rule, box: true}, keyEntry{label: "the " +
		"cluster", tint: blue, box: true},
		keyEntry{label: "p50", tint: ink, glyph: draw.CircleGlyph{}})
	p := newPlot(s)
	low, high := math.Inf(1), 0.0
	for _, r := range rows {
		low, high = min(low, max(r.P50, .1)), max(high, r.P50)
		if !math.IsNaN(r.P99) {
			high = max(high, r.P99)
		}
	}
	p.X.Min, p.X.Max = logBounds(low, high)
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = plot.TickerFunc(decades(s))
	p.Y.Min, p.Y.Max = -.6, float64(len(rows))-.4
	p.Y.Tick.Marker = plot.ConstantTicks{{Label: "     "}} // room for half of the first label below
	addGrid(p, false, true)
	style := textStyle(ink, s.bodySize(), false)
	for i, r := range rows {
		at := float64(len(rows) - 1 - i)
		look := rule
		if r.Measured {
			look = blue
		}
		if !math.IsNaN(r.P99) {
			p.Add(rectangle(r.P50, r.P99, at-.38, at-.12, look.light))
		}
		p.Add(glyphs([]point{{max(r.P50, .1), at - .25}}, draw.GlyphStyle{Color: ink.light, Radius: 3.5,
			Shape: draw.CircleGlyph{}}))
		p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
			place := vg.Point{X: x(max(r.P50, .1)), Y: y(at + .42)}
			place.X = max(c.Min.X, min(place.X-4, c.Max.X-style.Width(r.Label)))
			c.FillText(style, place, r.Label)
		}))
	}
	s.panel(p, vg.Length(38*len(rows)+24))
}

// decades labels durations; on a narrow sheet only each decade.
func decades(s *sheet) func(low, high float64) []plot.Tick {
	return func(low, high float64) []plot.Tick {
		ticks := logDuration(low, high)
		if s.size == Wide {
			return ticks
		}
		for i := range ticks {
			if l := math.Log10(ticks[i].Value); math.Abs(l-math.Round(l)) > 1e-6 {
				ticks[i].Label = ""
			}
		}
		return ticks
	}
}
