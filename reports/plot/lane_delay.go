package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// LaneGroup is what goes on beside a heartbeat, with a row for each transport.
type LaneGroup struct {
	Title string
	Rows  []LaneRow
}

// LaneRow is what heartbeats took, in microseconds. P99 is NaN when the sample was too small.
type LaneRow struct {
	Label         string
	P50, P99, Max float64
}

// LaneDelays draws the round trips of heartbeats beside full lanes on one scale, and the bound that they are held to.
func LaneDelays(name string, groups []LaneGroup, boundUs float64) Figure {
	f := Figure{
		Name:  name,
		Title: "Round trip of a heartbeat beside other lanes (dot: p50; line to p99; diamond: the slowest; log)",
		rows:  [][]string{{"beside", "transport", "p50_us", "p99_us", "max_us"}},
	}
	for _, g := range groups {
		for _, r := range g.Rows {
			f.rows = append(f.rows, []string{g.Title, r.Label, number(r.P50), numberOrNone(r.P99), number(r.Max)})
			f.Alt += fmt.Sprintf("%s, %s: median %s, slowest %s. ", g.Title, r.Label, microseconds(roundTo3(r.P50)),
				microseconds(roundTo3(r.Max)))
		}
	}
	f.compose = func(s *sheet) { composeLanes(s, groups, boundUs) }
	return f
}

// roundTo3 keeps three significant digits.
func roundTo3(x float64) float64 {
	if x <= 0 || math.IsNaN(x) {
		return x
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-2)
	return math.Round(x/unit) * unit
}

func composeLanes(s *sheet, groups []LaneGroup, boundUs float64) {
	var key []keyEntry
	if len(groups) > 0 {
		for i, r := range groups[0].Rows {
			key = append(key, keyEntry{label: r.Label, tint: seriesTint(i), glyph: seriesGlyph(i)})
		}
	}
	s.key(key...)
	low, high := math.Inf(1), boundUs
	rows := 0
	for _, g := range groups {
		rows += len(g.Rows)
		for _, r := range g.Rows {
			low, high = min(low, r.P50), max(high, r.Max)
		}
	}
	if rows == 0 {
		return
	}
	const titleRows = 1.3 // what a title takes, in rows
	height := float64(rows) + titleRows*float64(len(groups))
	p := newPlot(s)
	addGrid(p, false, true)
	p.X.Scale = plot.LogScale{}
	p.X.Min, p.X.Max = logBounds(low/1.1, high*1.1)
	p.X.Tick.Marker = plot.TickerFunc(decades(s))
	p.Y.Min, p.Y.Max = 0, height
	p.Y.Tick.Marker = plot.ConstantTicks{{Label: "     "}} // room for half of the first label below
	if boundUs > 0 {
		p.Add(vertical(boundUs, danger.line(1.25, 4, 3), "bound", textStyle(danger, s.bodySize()-1, false)))
	}
	at := height
	for _, g := range groups {
		at -= titleRows
		p.Add(groupTitle(g.Title, at+.35, textStyle(ink, s.bodySize(), false)))
		for i, r := range g.Rows {
			at--
			addLaneRow(p, i, r, at+.5)
		}
	}
	s.panel(p, vg.Length(15*height)+30)
}

// groupTitle writes at the left end of the plot.
func groupTitle(text string, at float64, style draw.TextStyle) mark {
	return func(c *draw.Canvas, _, y func(float64) vg.Length) {
		style.YAlign = draw.YCenter
		c.FillText(style, vg.Point{X: c.Min.X + 2, Y: y(at)}, text)
	}
}

func addLaneRow(p *plot.Plot, i int, r LaneRow, at float64) {
	look := seriesTint(i)
	if !math.IsNaN(r.P99) {
		p.Add(line([]point{{r.P50, at}, {r.P99, at}}, look.line(2)))
	}
	p.Add(glyphs([]point{{r.P50, at}}, draw.GlyphStyle{Color: look.light, Radius: 3.6, Shape: seriesGlyph(i)}))
	p.Add(glyphs([]point{{r.Max, at}}, draw.GlyphStyle{Color: look.light, Radius: 3.6, Shape: diamond{}}))
}

// diamond is a glyph of its outline.
type diamond struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (diamond) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	r := style.Radius * 1.25
	c.SetLineStyle(draw.LineStyle{Color: style.Color, Width: 1.25})
	var path vg.Path
	path.Move(vg.Point{X: at.X, Y: at.Y + r})
	path.Line(vg.Point{X: at.X + r, Y: at.Y})
	path.Line(vg.Point{X: at.X, Y: at.Y - r})
	path.Line(vg.Point{X: at.X - r, Y: at.Y})
	path.Close()
	c.Stroke(path)
}
