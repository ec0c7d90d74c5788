package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// mark draws something in the coordinates of a plot.
type mark func(c *draw.Canvas, x, y func(float64) vg.Length)

// Plot implements plot.Plotter.
func (m mark) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	m(&c, x, y)
}

// point is a place in a plot. A NaN in Y ends a line: what follows begins a new one.
type point struct{ X, Y float64 }

func addGrid(p *plot.Plot, horizontal, vertical bool) {
	g := plotter.NewGrid()
	g.Horizontal, g.Vertical = grid.line(.75), grid.line(.75)
	if !horizontal {
		g.Horizontal.Width = 0
	}
	if !vertical {
		g.Vertical.Width = 0
	}
	p.Add(g)
}

// segments cuts points at NaN.
func segments(points []point) [][]point {
	var all [][]point
	var now []point
	for _, pt := range points {
		if math.IsNaN(pt.Y) {
			if len(now) > 0 {
				all = append(all, now)
			}
			now = nil
			continue
		}
		now = append(now, pt)
	}
	if len(now) > 0 {
		all = append(all, now)
	}
	return all
}

// line joins points; a lone point between gaps is a dot.
func line(points []point, style draw.LineStyle) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		for _, segment := range segments(points) {
			if len(segment) == 1 {
				pt := vg.Point{X: x(segment[0].X), Y: y(segment[0].Y)}
				c.DrawGlyph(draw.GlyphStyle{Color: style.Color, Radius: style.Width * .8, Shape: draw.CircleGlyph{}}, pt)
				continue
			}
			var path []vg.Point
			for _, pt := range segment {
				path = append(path, vg.Point{X: x(pt.X), Y: y(pt.Y)})
			}
			c.StrokeLines(style, c.ClipLinesXY(path)...)
		}
	}
}

// area fills between two lines that share their X; it ends where either is NaN.
func area(low, high []point, fill color.Color) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		var upper, lower []vg.Point
		flush := func() {
			if len(upper) > 1 {
				for i := len(lower) - 1; i >= 0; i-- {
					upper = append(upper, lower[i])
				}
				c.FillPolygon(fill, c.ClipPolygonXY(upper))
			}
			upper, lower = nil, nil
		}
		for i := range low {
			if math.IsNaN(low[i].Y) || math.IsNaN(high[i].Y) {
				flush()
				continue
			}
			upper = append(upper, vg.Point{X: x(high[i].X), Y: y(high[i].Y)})
			lower = append(lower, vg.Point{X: x(low[i].X), Y: y(low[i].Y)})
		}
		flush()
	}
}

// rectangle fills a part of the plot; infinite ends are the plot's.
func rectangle(x0, x1, y0, y1 float64, fill color.Color) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		left, right := bounded(x, x0, c.Min.X, c.Max.X), bounded(x, x1, c.Min.X, c.Max.X)
		bottom, top := bounded(y, y0, c.Min.Y, c.Max.Y), bounded(y, y1, c.Min.Y, c.Max.Y)
		if right <= left || top <= bottom {
			return
		}
		c.FillPolygon(fill, []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}})
	}
}

// bounded places v between low and high. Infinite values do not go through the scale: a logarithm has no place for
// them.
func bounded(place func(float64) vg.Length, v float64, low, high vg.Length) vg.Length {
	switch {
	case math.IsInf(v, -1) || math.IsNaN(v):
		return low
	case math.IsInf(v, 1):
		return high
	default:
		return min(max(place(v), low), high)
	}
}

// vertical draws a line over the plot's height, with a label at its top, on the right of it or, near the edge, on the
// left.
func vertical(at float64, style draw.LineStyle, label string, text draw.TextStyle) mark {
	return func(c *draw.Canvas, x, _ func(float64) vg.Length) {
		pos := x(at)
		if pos < c.Min.X || pos > c.Max.X {
			return
		}
		c.StrokeLine2(style, pos, c.Min.Y, pos, c.Max.Y)
		if label == "" {
			return
		}
		place := vg.Point{X: pos + 4, Y: c.Max.Y - 1}
		if place.X+text.Width(label) > c.Max.X {
			place.X = pos - 4 - text.Width(label)
		}
		c.FillText(text, place, label)
	}
}

// glyphs draws the same glyph at each point.
func glyphs(points []point, style draw.GlyphStyle) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		for _, pt := range points {
			at := vg.Point{X: x(pt.X), Y: y(pt.Y)}
			if at.X >= c.Min.X-1 && at.X <= c.Max.X+1 {
				c.DrawGlyphNoClip(style, at)
			}
		}
	}
}

// rateMax is the multiple of the offered rate at which a panel of rates is cut off: a backlog that drains at once would
// press everything else to the ground.
const rateMax = 2.5

// rateTop is the upper end of a panel of rates.
func rateTop(high, offered float64) float64 {
	if offered > 0 {
		high = min(max(high, offered), rateMax*offered)
	}
	return niceCeil(high, 4)
}

// cutOff says in a panel's label that its top is not the top of the data.
func cutOff(high, offered float64) string {
	if high <= rateTop(high, offered) {
		return ""
	}
	return "; cut off, the peak is " + grouped(math.Round(high), 100)
}

// stepped turns bins (start, value) of one width into the outline of a histogram.
func stepped(starts, values []float64, width float64) []point {
	var points []point
	for i, start := range starts {
		points = append(points, point{start, values[i]}, point{start + width, values[i]})
	}
	return points
}
