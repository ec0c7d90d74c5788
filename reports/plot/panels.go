package plot

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Unit says how the numbers of an axis are written.
type Unit int

// The units.
const (
	UnitMicroseconds Unit = iota
	UnitBytes
	UnitBytesPerSecond
	UnitCount
)

// PanelPoint is a measured point with its interval; Low and High are NaN where there is none, Y where nothing was
// measured.
type PanelPoint struct{ X, Y, Low, High float64 }

// PanelSeries is a line of a panel. Its colour and dash are those of its place among the series.
type PanelSeries struct {
	Label  string
	Points []PanelPoint
}

// Panel is one of several plots that share both scales.
type Panel struct {
	Title  string
	Series []PanelSeries
}

// PanelOptions say what panels show.
type PanelOptions struct {
	Name, Title, Alt string
	XLabel, YLabel   string
	X, Y             Unit
	Columns          int // on a wide page
}

// Panels draws small multiples on log scales that all of them share.
func Panels(o PanelOptions, panels []Panel) Figure {
	f := Figure{
		Name: o.Name, Title: o.Title, Alt: o.Alt,
		rows: [][]string{{"panel", "series", "x", "y", "low", "high"}},
	}
	for _, p := range panels {
		f.Alt += describeSeries(p, func(y float64) string { return written(o.Y, y) })
		for _, series := range p.Series {
			for _, pt := range series.Points {
				if !math.IsNaN(pt.Y) {
					f.rows = append(f.rows, []string{p.Title, series.Label, number(pt.X), number(pt.Y), numberOrNone(pt.Low),
						numberOrNone(pt.High)})
				}
			}
		}
	}
	f.compose = func(s *sheet) { composePanels(s, o, panels) }
	return f
}

func numberOrNone(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return number(x)
}

func composePanels(s *sheet, o PanelOptions, panels []Panel) {
	if len(panels) == 0 {
		return
	}
	var key []keyEntry
	for i, series := range panels[0].Series {
		key = append(key, keyEntry{label: series.Label, tint: seriesTint(i), dash: seriesDash(i)})
	}
	s.key(key...)
	s.gap(2)
	s.label(o.YLabel)
	xLow, xHigh, yLow, yHigh := panelBounds(panels)
	columns := min(len(panels), choose(s, max(1, o.Columns), min(2, max(1, o.Columns))))
	for from := 0; from < len(panels); from += columns {
		var plots []*plot.Plot
		var titles []string
		for i := from; i < min(from+columns, len(panels)); i++ {
			p := newPlot(s)
			p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xLow, xHigh, yLow, yHigh
			p.X.Tick.Marker, p.Y.Tick.Marker = unitTicks(s, o.X), unitTicks(s, o.Y)
			if i+columns >= len(panels) { // the lowest of its column
				p.X.Label.Text = o.XLabel
			}
			addGrid(p, true, true)
			for at, series := range panels[i].Series {
				addSeries(p, at, series)
			}
			plots, titles = append(plots, p), append(titles, panels[i].Title)
		}
		s.columns(titles, plots, columns, choose[vg.Length](s, 190, 170))
		s.gap(4)
	}
}

func addSeries(p *plot.Plot, at int, series PanelSeries) {
	look := seriesTint(at)
	var points []point
	for _, pt := range series.Points {
		points = append(points, point{pt.X, pt.Y})
		if !math.IsNaN(pt.Low) && !math.IsNaN(pt.High) && pt.Low > 0 {
			p.Add(interval(pt.X, pt.Low, pt.High, look.line(1.25)))
		}
	}
	p.Add(line(points, look.line(1.75, seriesDash(at)...)))
	var dots []point
	for _, pt := range points {
		if !math.IsNaN(pt.Y) {
			dots = append(dots, pt)
		}
	}
	p.Add(glyphs(dots, draw.GlyphStyle{Color: look.light, Radius: 2.6, Shape: seriesGlyph(at)}))
}

// seriesGlyph is a shape for a series, so that colour is not all that tells them apart.
func seriesGlyph(i int) draw.GlyphDrawer {
	shapes := [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}
	return shapes[i%len(shapes)]
}

// interval draws a vertical bar with short ends.
func interval(at, low, high float64, style draw.LineStyle) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		const half = vg.Length(2.5)
		pos, down, up := x(at), y(low), y(high)
		c.StrokeLine2(style, pos, down, pos, up)
		c.StrokeLine2(style, pos-half, down, pos+half, down)
		c.StrokeLine2(style, pos-half, up, pos+half, up)
	}
}

func panelBounds(panels []Panel) (xLow, xHigh, yLow, yHigh float64) {
	xLow, yLow = math.Inf(1), math.Inf(1)
	for _, p := range panels {
		for _, series := range p.Series {
			for _, pt := range series.Points {
				if math.IsNaN(pt.Y) || pt.Y <= 0 {
					continue
				}
				xLow, xHigh = min(xLow, pt.X), max(xHigh, pt.X)
				yLow, yHigh = min(yLow, pt.Y), max(yHigh, pt.Y)
				if !math.IsNaN(pt.Low) && pt.Low > 0 {
					yLow, yHigh = min(yLow, pt.Low), max(yHigh, pt.High)
				}
			}
		}
	}
	if math.IsInf(xLow, 1) {
		return 1, 10, 1, 10
	}
	yLow, yHigh = logBounds(yLow, yHigh)
	return xLow / 1.4, xHigh * 1.4, yLow, yHigh
}

// unitTicks labels an axis.
func unitTicks(s *sheet, u Unit) plot.TickerFunc {
	switch u {
	case UnitMicroseconds:
		return logDuration
	case UnitBytes:
		return powersOfTwo(choose(s, []int{6, 10, 14, 20, 24}, []int{10, 20}), bytesShort)
	case UnitBytesPerSecond:
		return func(low, high float64) []plot.Tick {
			return decadesOf(low, high, func(x float64) string { return bytesPerSecond(x) })
		}
	default:
		return func(low, high float64) []plot.Tick { return decadesOf(low, high, countShort) }
	}
}

// powersOfTwo marks powers of two, and labels those of some exponents.
func powersOfTwo(labelled []int, label func(float64) string) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		var ticks []plot.Tick
		for exponent := 0; math.Exp2(float64(exponent)) <= high; exponent++ {
			x := math.Exp2(float64(exponent))
			if x < low {
				continue
			}
			tick := plot.Tick{Value: x}
			if slices.Contains(labelled, exponent) {
				tick.Label = label(x)
			}
			ticks = append(ticks, tick)
		}
		return ticks
	}
}

// decadesOf marks 1 to 9 of each decade and labels 1, and where there are few decades 2 and 5 too.
func decadesOf(low, high float64, label func(float64) string) []plot.Tick {
	ticks := logDuration(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = label(ticks[i].Value)
		}
	}
	return ticks
}

// bytesShort writes a round number of bytes: 64 B, 16 KiB, 1 MiB.
func bytesShort(x float64) string {
	switch {
	case x >= 1<<20:
		return strconv.FormatFloat(x/(1<<20), 'g', 3, 64) + " MiB"
	case x >= 1<<10:
		return strconv.FormatFloat(x/(1<<10), 'g', 3, 64) + " KiB"
	default:
		return strconv.FormatFloat(x, 'g', 3, 64) + " B"
	}
}

func bytesPerSecond(x float64) string {
	switch {
	case x >= 1e9:
		return strconv.FormatFloat(x/1e9, 'g', 3, 64) + " GB/s"
	case x >= 1e6:
		return strconv.FormatFloat(x/1e6, 'g', 3, 64) + " MB/s"
	case x >= 1e3:
		return strconv.FormatFloat(x/1e3, 'g', 3, 64) + " kB/s"
	default:
		return strconv.FormatFloat(x, 'g', 3, 64) + " B/s"
	}
}

func countShort(x float64) string {
	switch {
	case x >= 1e6:
		return strconv.FormatFloat(x/1e6, 'g', 3, 64) + "M"
	case x >= 1e3:
		return strconv.FormatFloat(x/1e3, 'g', 3, 64) + "k"
	default:
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
}

// columns adds a row of plots of one size, each below its title; there is room for count of them.
func (s *sheet) columns(titles []string, plots []*plot.Plot, count int, height vg.Length) {
	style := textStyle(ink, s.bodySize(), true)
	lineHeight := style.Font.Size * 1.35
	const between = vg.Length(10)
	s.add(row{height: height + lineHeight, draw: func(c draw.Canvas) {
		width := (c.Max.X - c.Min.X - between*vg.Length(count-1)) / vg.Length(count)
		left, right, bottom := vg.Length(0), vg.Length(0), vg.Length(0) // of the data areas, the widest of all
		for _, p := range plots {
			box := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Max: vg.Point{X: width, Y: height}}}
			data := p.DataCanvas(box)
			left, right, bottom = max(left, data.Min.X), max(right, width-data.Max.X), max(bottom, data.Min.Y)
		}
		for i, p := range plots {
			at := c.Min.X + vg.Length(i)*(width+between)
			box := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: at, Y: c.Min.Y}, Max: vg.Point{X: at + width, Y: c.Min.Y + height},
			}}
			data := p.DataCanvas(box)
			box.Min.X += at + left - data.Min.X
			box.Max.X -= right - (at + width - data.Max.X)
			box.Min.Y += c.Min.Y + bottom - data.Min.Y
			p.Draw(box)
			c.FillText(style, vg.Point{X: at + left, Y: c.Max.Y}, titles[i])
		}
	}})
}

// describeSeries says in words where series begin and end.
func describeSeries(p Panel, value func(float64) string) string {
	text := " " + p.Title + ":"
	for _, series := range p.Series {
		var seen []PanelPoint
		for _, pt := range series.Points {
			if !math.IsNaN(pt.Y) {
				seen = append(seen, pt)
			}
		}
		if n := len(seen); n > 0 {
			text += fmt.Sprintf(" %s from %s to %s.", series.Label, value(seen[0].Y), value(seen[n-1].Y))
		}
	}
	return text
}

// written writes a number in its unit, with three digits.
func written(u Unit, x float64) string {
	x = roundTo3(x)
	switch u {
	case UnitMicroseconds:
		return microseconds(x)
	case UnitBytes:
		return bytesShort(x)
	case UnitBytesPerSecond:
		return bytesPerSecond(x)
	default:
		return countShort(x)
	}
}
