package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// SaturationPoint is one attempt at a rate: what was offered, and the latency in microseconds. P99 is NaN where the
// sample was too small.
type SaturationPoint struct {
	OfferedPS, P50, P99 float64
	Held                bool // within the limit
}

// SaturationMedian is a rate over all runs that offered it.
type SaturationMedian struct{ OfferedPS, P50, P99 float64 }

// SaturationArm is the curve of an arm: every attempt, the medians over runs that the line joins, and the knee with
// its range. Knee is NaN where there is none.
type SaturationArm struct {
	Label              string
	Points             []SaturationPoint
	Medians            []SaturationMedian
	Knee, KneeLow, Top float64
}

// SaturationOptions say what the curves are measured against; 0 where it is not known.
type SaturationOptions struct {
	Name, Title     string
	SLOUs, FloorUs  float64
	IntervalOfKnees string // what the band of a knee is
}

// Saturation draws latency against offered load, p99 above p50, on one scale, with each arm's knee.
func Saturation(o SaturationOptions, arms []SaturationArm) Figure {
	f := Figure{
		Name: o.Name, Title: o.Title,
		Alt:  "Response time against offered load, p99 above and p50 below. ",
		rows: [][]string{{"arm", "kind", "offered_per_s", "p50_us", "p99_us", "held"}},
	}
	low, high, most := math.Inf(1), 1.5*o.SLOUs, 0.0 // room above the limit
	for _, a := range arms {
		for _, p := range a.Points {
			f.rows = append(f.rows, []string{a.Label, "attempt", number(p.OfferedPS), number(p.P50), numberOrNone(p.P99),
				fmt.Sprint(p.Held)})
			low, high, most = min(low, p.P50), max(high, p.P50), max(most, p.OfferedPS)
			if !math.IsNaN(p.P99) {
				high = max(high, p.P99)
			}
		}
		for _, p := range a.Medians {
			f.rows = append(f.rows, []string{a.Label, "median", number(p.OfferedPS), number(p.P50), numberOrNone(p.P99), ""})
		}
		if !math.IsNaN(a.Knee) {
			f.rows = append(f.rows, []string{a.Label, "knee", number(a.Knee), "", "", ""})
			f.Alt += fmt.Sprintf("%s: the knee is at %s a second. ", a.Label, countShort(roundTo3(a.Knee)))
		}
	}
	if o.FloorUs > 0 {
		low = min(low, o.FloorUs)
	}
	if o.SLOUs > 0 {
		high = min(high, saturationTop*o.SLOUs)
	}
	low, high = logBounds(low/1.15, high)
	f.compose = func(s *sheet) { composeSaturation(s, o, arms, low, high, most) }
	return f
}

// saturationTop is the multiple of the limit at which the picture ends: how slow an overload becomes depends on how
// long it lasts, and would press what matters to the ground.
const saturationTop = 100

func composeSaturation(s *sheet, o SaturationOptions, arms []SaturationArm, low, high, most float64) {
	var key []keyEntry
	for i, a := range arms {
		key = append(key, keyEntry{label: a.Label, tint: seriesTint(i), dash: seriesDash(i)})
	}
	key = append(key, keyEntry{label: "held", tint: muted, glyph: draw.CircleGlyph{}},
		keyEntry{label: "missed", tint: muted, glyph: draw.RingGlyph{}},
		keyEntry{label: "knee: " + o.IntervalOfKnees, tint: muted, box: true, alpha: kneeBand})
	s.key(key...)
	for _, panel := range []struct {
		label  string
		of     func(SaturationPoint) float64
		median func(SaturationMedian) float64
		slo    bool
	}{
		{"p99 of the response (log; what is above is at the upper edge)", func(p SaturationPoint) float64 { return p.P99 },
			func(p SaturationMedian) float64 { return p.P99 }, true},
		{"p50 of the response (the same scale)", func(p SaturationPoint) float64 { return p.P50 },
			func(p SaturationMedian) float64 { return p.P50 }, false},
	} {
		p := newPlot(s)
		addGrid(p, true, true)
		p.Y.Scale = plot.LogScale{}
		p.Y.Min, p.Y.Max = low, high
		p.Y.Tick.Marker = plot.TickerFunc(logDuration)
		p.X.Min, p.X.Max = 0, niceCeil(most*1.02, 8)
		p.X.Tick.Marker = linear(choose(s, 8, 4), grouped)
		for i, a := range arms {
			addKnee(p, i, a)
		}
		addLevel(p, o.FloorUs, "floor", muted, s, p.X.Max)
		if panel.slo {
			addLevel(p, o.SLOUs, "limit", danger, s, p.X.Max)
		} else {
			p.X.Label.Text = "offered, operations a second"
		}
		for i, a := range arms {
			addCurve(p, i, a, func(pt SaturationPoint) float64 { return atMost(panel.of(pt), high) },
				func(m SaturationMedian) float64 { return atMost(panel.median(m), high) })
		}
		s.gap(3)
		s.label(panel.label)
		s.panel(p, choose[vg.Length](s, 230, 200))
	}
}

// atMost keeps what is not a number.
func atMost(v, high float64) float64 {
	if v > high {
		return high
	}
	return v
}

// kneeBand is the opacity of the range of a knee over runs.
const kneeBand = .16

func addKnee(p *plot.Plot, i int, a SaturationArm) {
	if math.IsNaN(a.Knee) {
		return
	}
	look := seriesTint(i)
	if a.Top > a.KneeLow {
		p.Add(rectangle(a.KneeLow, a.Top, math.Inf(-1), math.Inf(1), look.alpha(kneeBand)))
	}
	p.Add(vertical(a.Knee, look.line(1.5, seriesDash(i)...), "", draw.TextStyle{}))
}

// addLevel draws a level across the plot, named at its right end.
func addLevel(p *plot.Plot, us float64, name string, look tint, s *sheet, right float64) {
	if us <= 0 {
		return
	}
	p.Add(line([]point{{0, us}, {right, us}}, look.line(1, 4, 3)))
	style := textStyle(look, s.bodySize()-1, false)
	text := name + " " + microseconds(roundTo3(us))
	p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
		style.YAlign = draw.YBottom
		c.FillText(style, vg.Point{X: c.Max.X - style.Width(text) - 3, Y: y(us) + 2}, text)
	}))
}

func addCurve(
	p *plot.Plot, i int, a SaturationArm, of func(SaturationPoint) float64, median func(SaturationMedian) float64,
) {
	look := seriesTint(i)
	var joined, held, missed []point
	for _, m := range a.Medians {
		if v := median(m); !math.IsNaN(v) {
			joined = append(joined, point{m.OfferedPS, v})
		}
	}
	slices.SortFunc(joined, func(a, b point) int { return int(math.Copysign(1, a.X-b.X)) })
	for _, pt := range a.Points {
		switch v := of(pt); {
		case math.IsNaN(v):
		case pt.Held:
			held = append(held, point{pt.OfferedPS, v})
		default:
			missed = append(missed, point{pt.OfferedPS, v})
		}
	}
	p.Add(line(joined, look.line(1.75, seriesDash(i)...)))
	p.Add(glyphs(held, draw.GlyphStyle{Color: look.light, Radius: 2.6, Shape: draw.CircleGlyph{}}))
	p.Add(glyphs(missed, draw.GlyphStyle{Color: look.light, Radius: 3.2, Shape: draw.RingGlyph{}}))
}
