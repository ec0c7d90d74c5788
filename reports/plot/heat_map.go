package plot

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// HeatArm is one arm's latencies over time. Cells lists those that are not empty.
type HeatArm struct {
	Label    string
	N        int64 // operations
	Measured []Span
	Faults   []TimelineFault
	Cells    []HeatCell
}

// HeatCell counts the operations that were due in a stretch of time and took a time between two bounds.
type HeatCell struct {
	FromS, ToS    float64
	LowUs, HighUs float64
	Count         int64
}

// HeatStepsPerDecade is into how many equal steps a heat map divides a decade of latency.
const HeatStepsPerDecade = 10

// heatLevels are how many shades are told apart.
const heatLevels = 6

// LatencyHeatMap draws how many operations took how long, over time.
func LatencyHeatMap(name string, arms []HeatArm) Figure {
	f := Figure{
		Name:  name,
		Title: "Response time over the run, all operations: the darker a cell, the more of them (latency and shade are log)",
		Alt:   "Response time against the time at which operations were due, as shades. ",
		rows:  [][]string{{"arm", "from_s", "to_s", "low_us", "high_us", "operations"}},
	}
	h := heat{most: 1, low: math.Inf(1), high: 0}
	for _, arm := range arms {
		top := 0.0
		for _, c := range arm.Cells {
			f.rows = append(f.rows, []string{arm.Label, number(c.FromS), number(c.ToS), number(c.LowUs), number(c.HighUs),
				strconv.FormatInt(c.Count, 10)})
			h.most = max(h.most, c.Count)
			h.low, h.high, h.end = min(h.low, c.LowUs), max(h.high, c.HighUs), max(h.end, c.ToS)
			top = max(top, c.HighUs)
		}
		f.Alt += fmt.Sprintf("%s: %d operations, the slowest below %s. ", arm.Label, arm.N, microseconds(math.Round(top)))
	}
	h.low, h.high = logBounds(h.low, h.high)
	f.compose = func(s *sheet) { h.compose(s, arms) }
	return f
}

// heat is what the panels share.
type heat struct {
	most           int64
	low, high, end float64
}

// level is the shade of a count, from 0; the steps are equal in its logarithm.
func (h heat) level(count int64) int {
	if h.most <= 1 {
		return heatLevels - 1
	}
	return min(heatLevels-1, int(heatLevels*math.Log(float64(count))/math.Log(float64(h.most))))
}

func heatAlpha(level int) float64 { return .14 + .86*float64(level)/(heatLevels-1) }

func (h heat) compose(s *sheet, arms []HeatArm) {
	var key []keyEntry
	from := int64(1)
	for level := range heatLevels {
		to := from
		for to < h.most && h.level(to+1) <= level {
			to = max(to+1, h.lastOf(level))
		}
		if h.level(from) != level {
			continue
		}
		label := strconv.FormatInt(from, 10)
		if to > from {
			label += "–" + strconv.FormatInt(to, 10)
		}
		key = append(key, keyEntry{label: label, tint: blue, box: true, alpha: heatAlpha(level)})
		from = to + 1
	}
	s.label("operations in a cell")
	s.key(append(key, keyEntry{label: "fault", tint: danger, glyph: arrowDown{}})...)
	for i, arm := range arms {
		s.gap(4)
		s.heading(fmt.Sprintf("%s (n = %d operations)", arm.Label, arm.N), ink)
		s.label("response time by intended start (log)")
		p := h.panel(s, arm)
		if i == len(arms)-1 {
			p.X.Label.Text = "seconds since the arm's start"
		}
		s.panel(p, choose[vg.Length](s, 210, 190))
	}
}

// lastOf is the largest count of a shade.
func (h heat) lastOf(level int) int64 {
	at := int64(math.Ceil(math.Exp(math.Log(float64(h.most))*float64(level+1)/heatLevels))) - 1
	for at > 1 && h.level(at) > level {
		at--
	}
	return min(max(at, 1), h.most)
}

func (h heat) panel(s *sheet, arm HeatArm) *plot.Plot {
	p := newPlot(s)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, max(h.end, 1), h.low, h.high
	p.X.Tick.Marker = linear(choose(s, 12, 5), plain)
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(logDuration)
	for _, span := range arm.Measured {
		p.Add(rectangle(span.FromS, span.ToS, math.Inf(-1), math.Inf(1), shade.light))
	}
	addGrid(p, true, false)
	for level := range heatLevels {
		var boxes [][4]float64
		for _, c := range arm.Cells {
			if h.level(c.Count) == level {
				boxes = append(boxes, [4]float64{c.FromS, c.ToS, c.LowUs, c.HighUs})
			}
		}
		p.Add(filled(boxes, blue.alpha(heatAlpha(level))))
	}
	for _, fault := range arm.Faults {
		if !fault.Control {
			p.Add(mark(func(c *draw.Canvas, x, _ func(float64) vg.Length) { arrowHead(c, x(fault.AtS)) }))
		}
	}
	return p
}

// filled fills boxes (x0, x1, y0, y1) as one path, which keeps the file small.
func filled(boxes [][4]float64, fill color.Color) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		var path vg.Path
		for _, b := range boxes {
			left, right := max(x(b[0]), c.Min.X), min(x(b[1]), c.Max.X)
			bottom, top := max(y(b[2]), c.Min.Y), min(y(b[3]), c.Max.Y)
			if right <= left || top <= bottom {
				continue
			}
			path.Move(vg.Point{X: left, Y: bottom})
			path.Line(vg.Point{X: right, Y: bottom})
			path.Line(vg.Point{X: right, Y: top})
			path.Line(vg.Point{X: left, Y: top})
			path.Close()
		}
		if len(path) > 0 {
			c.SetColor(fill)
			c.Fill(path)
		}
	}
}
