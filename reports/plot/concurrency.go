package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// SystemLine is a line of Concurrency. Bound draws it dashed and without a colour: it is what the others are held to.
type SystemLine struct {
	Label  string
	Bound  bool
	Points []PanelPoint
}

// SystemPanel is one of several plots that share both scales.
type SystemPanel struct {
	Title string
	Lines []SystemLine
}

// Concurrency draws quantities of several systems against the number of proposers, log-log, each line with its name at
// its right end. A line's colour is that of its place among those that are no bound, in the first panel that has it.
func Concurrency(o PanelOptions, panels []SystemPanel) Figure {
	f := Figure{
		Name: o.Name, Title: o.Title, Alt: o.Alt, rows: [][]string{{"panel", "system", "proposers", "y", "low", "high"}},
	}
	for _, p := range panels {
		plain := plainPanel(p)
		f.Alt += describeSeries(plain, func(y float64) string { return written(o.Y, y) })
		for _, l := range p.Lines {
			for _, pt := range l.Points {
				if !math.IsNaN(pt.Y) {
					f.rows = append(f.rows, []string{p.Title, l.Label, number(pt.X), number(pt.Y), numberOrNone(pt.Low),
						numberOrNone(pt.High)})
				}
			}
		}
	}
	f.compose = func(s *sheet) { composeConcurrency(s, o, panels) }
	return f
}

func plainPanel(p SystemPanel) Panel {
	plain := Panel{Title: p.Title}
	for _, l := range p.Lines {
		plain.Series = append(plain.Series, PanelSeries{Label: l.Label, Points: l.Points})
	}
	return plain
}

// systemLook is how a system is drawn, in all panels alike.
type systemLook struct {
	tint  tint
	dash  []vg.Length
	glyph draw.GlyphDrawer
}

// systemLooks gives each name a look. Past the sixth a colour comes again, with another dash and another glyph.
func systemLooks(panels []SystemPanel) map[string]systemLook {
	looks := map[string]systemLook{}
	next := 0
	for _, p := range panels {
		for _, l := range p.Lines {
			if _, known := looks[l.Label]; known {
				continue
			}
			if l.Bound {
				looks[l.Label] = systemLook{tint: ink, dash: []vg.Length{5, 4}, glyph: draw.CrossGlyph{}}
				continue
			}
			look := systemLook{tint: seriesTint(next), glyph: seriesGlyph(next)}
			if again := next / 6; again > 0 {
				look.dash = seriesDash(1 + again)
			}
			looks[l.Label] = look
			next++
		}
	}
	return looks
}

func composeConcurrency(s *sheet, o PanelOptions, panels []SystemPanel) {
	var all []Panel
	for _, p := range panels {
		all = append(all, plainPanel(p))
	}
	looks := systemLooks(panels)
	xLow, xHigh, yLow, yHigh := panelBounds(all)
	s.label(o.YLabel)
	columns := min(len(panels), choose(s, max(1, o.Columns), 1))
	for from := 0; from < len(panels); from += columns {
		var plots []*plot.Plot
		var titles []string
		for i := from; i < min(from+columns, len(panels)); i++ {
			p := newPlot(s)
			p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xLow, roomForNames(s, all[i], columns, xLow, xHigh), yLow, yHigh
			p.X.Tick.Marker, p.Y.Tick.Marker = measuredTicks(all), unitTicks(s, o.Y)
			if i+columns >= len(panels) { // the lowest of its column
				p.X.Label.Text = o.XLabel
			}
			addGrid(p, true, true)
			for _, l := range panels[i].Lines {
				addSystemLine(p, l, looks[l.Label])
			}
			p.Add(endNames(s, panels[i].Lines, looks))
			plots, titles = append(plots, p), append(titles, panels[i].Title)
		}
		s.columns(titles, plots, columns, choose[vg.Length](s, 270, 250))
		s.gap(4)
	}
}

// roomForNames returns the right end of an axis that leaves room for the names on the right of the last point.
func roomForNames(s *sheet, p Panel, columns int, low, high float64) float64 {
	style, widest := textStyle(ink, s.bodySize()-1, false), vg.Length(0)
	for _, series := range p.Series {
		widest = max(widest, style.Width(series.Label))
	}
	const axis = vg.Length(52) // about what the labels of the other axis take
	width := (s.width-2*margin)/vg.Length(columns) - axis
	share := min(.6, float64((widest+namesGap+4)/width))
	return low * math.Pow(high/1.4*1.06/low, 1/(1-share))
}

// namesGap is between the last points and the names, crossed by lines that say which name is whose.
const namesGap = vg.Length(16)

// measuredTicks marks the numbers of proposers that were measured.
func measuredTicks(panels []Panel) plot.TickerFunc {
	var at []float64
	for _, p := range panels {
		for _, series := range p.Series {
			for _, pt := range series.Points {
				at = append(at, pt.X)
			}
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	return func(low, high float64) []plot.Tick {
		var ticks []plot.Tick
		for _, x := range at {
			if x >= low && x <= high {
				ticks = append(ticks, plot.Tick{Value: x, Label: fmt.Sprintf("%.0f", x)})
			}
		}
		return ticks
	}
}

func addSystemLine(p *plot.Plot, l SystemLine, look systemLook) {
	var points, dots []point
	for _, pt := range l.Points {
		points = append(points, point{pt.X, pt.Y})
		if math.IsNaN(pt.Y) {
			continue
		}
		dots = append(dots, point{pt.X, pt.Y})
		if pt.Low > 0 && pt.High > pt.Low {
			p.Add(interval(pt.X, pt.Low, pt.High, look.tint.line(1)))
		}
	}
	p.Add(line(points, look.tint.line(1.75, look.dash...)))
	p.Add(glyphs(dots, draw.GlyphStyle{Color: look.tint.light, Radius: 2.8, Shape: look.glyph}))
}

// endName is a name at the end of its line, and the height at which there is room for it.
type endName struct {
	label     string
	look      systemLook
	end       point
	wanted, y vg.Length
}

// endNames writes each name beside the last point of its line, moved up or down as far as the others ask for.
func endNames(s *sheet, lines []SystemLine, looks map[string]systemLook) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		var names []endName
		right := vg.Length(0)
		for _, l := range lines {
			for i := len(l.Points) - 1; i >= 0; i-- {
				if pt := l.Points[i]; !math.IsNaN(pt.Y) {
					names = append(names, endName{
						label: l.Label, look: looks[l.Label], end: point{pt.X, pt.Y}, wanted: y(pt.Y), y: y(pt.Y),
					})
					right = max(right, x(pt.X))
					break
				}
			}
		}
		style := textStyle(ink, s.bodySize()-1, false)
		spread(names, style.Font.Size*1.15, c.Min.Y+style.Font.Size/2, c.Max.Y-style.Font.Size/2)
		for _, n := range names {
			text := style
			text.YAlign = draw.YCenter
			if !sameTint(n.look.tint, ink) {
				text.Color = n.look.tint.light
			}
			from := vg.Point{X: x(n.end.X) + 4, Y: n.wanted}
			c.StrokeLines(n.look.tint.line(.75), []vg.Point{from, {X: right + namesGap - 2, Y: n.y}})
			c.FillText(text, vg.Point{X: right + namesGap, Y: n.y}, n.label)
		}
	}
}

func sameTint(a, b tint) bool { return a.name == b.name }

// spread moves names apart until each has the height to itself, as little as it takes, within low and high.
func spread(names []endName, height, low, high vg.Length) {
	slices.SortStableFunc(names, func(a, b endName) int { return cmp.Compare(a.wanted, b.wanted) })
	for range 100 { // each round halves what overlaps
		moved := false
		for i := range names {
			names[i].y = min(max(names[i].y, low+height*vg.Length(i)), high-height*vg.Length(len(names)-1-i))
			if i > 0 && names[i].y-names[i-1].y < height-.01 {
				middle := (names[i].y + names[i-1].y) / 2
				names[i-1].y, names[i].y = middle-height/2, middle+height/2
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}
