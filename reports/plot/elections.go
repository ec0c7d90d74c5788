package plot

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/raftmark/raftmark/reports/stat"
)

// ElectionLine is the times without a leader of one setting, in milliseconds; +Inf where there was none at the end.
type ElectionLine struct {
	Label string
	Times stat.Sample
	Marks []PaperMark
}

// PaperMark is a number that the paper publishes for a line. Those that have no place on a distribution are drawn on
// the axis.
type PaperMark struct {
	What    string // p50, mean, max, min
	ValueMs float64
	AtLeast bool
}

// ElectionPanel is one of the two halves of the figure.
type ElectionPanel struct {
	Title          string
	Lines          []ElectionLine
	LowMs, HighMs  float64 // of the axis
	EndMs          float64 // of the trials: what takes longer was not measured
	Log            bool
	TimesLabel     string // of the axis
	TimesLabelSlim string // on a phone
}

// Elections draws distributions of the time without a leader in two panels: side by side, or one below the other on
// a phone.
func Elections(name, title string, panels [2]ElectionPanel) Figure {
	f := Figure{
		Name: name, Title: title, Alt: "Cumulative distributions of the time without a leader. " + describeElections(panels),
		rows: [][]string{{"panel", "line", "time_ms", "share_of_trials"}},
	}
	for _, p := range panels {
		for _, l := range p.Lines {
			for _, step := range l.Times.ECDF() {
				if !math.IsInf(step.X, 0) {
					f.rows = append(f.rows, []string{p.Title, l.Label, number(step.X), number(step.P)})
				}
			}
		}
	}
	f.compose = func(s *sheet) { composeElections(s, panels) }
	return f
}

func describeElections(panels [2]ElectionPanel) string {
	text := ""
	for _, p := range panels {
		text += p.Title + ": "
		for i, l := range p.Lines {
			if i > 0 {
				text += "; "
			}
			text += l.Label
			if low, ok := l.Times.Min(); ok && !math.IsInf(low, 0) {
				text += fmt.Sprintf(" from %.0f ms", low)
			}
			if high, ok := l.Times.Max(); ok && !math.IsInf(high, 0) {
				text += fmt.Sprintf(" to %.0f ms", high)
			}
		}
		text += ". "
	}
	return text
}

func composeElections(s *sheet, panels [2]ElectionPanel) {
	s.label("share of trials with a new leader within x")
	height := choose[vg.Length](s, 300, 250)
	if s.size == Narrow {
		for i := range panels {
			if i > 0 {
				s.gap(8)
			}
			s.heading(panels[i].Title, ink)
			s.key(electionKey(&panels[i])...)
			s.panel(electionPlot(s, &panels[i]), height)
		}
	} else {
		s.pair(electionColumn(s, &panels[0]), electionColumn(s, &panels[1]), height)
	}
	if marks := paperKey(panels); len(marks) > 0 {
		s.gap(6)
		s.key(marks...)
	}
}

func electionKey(p *ElectionPanel) []keyEntry {
	var key []keyEntry
	for i := range p.Lines {
		l := &p.Lines[i]
		label := fmt.Sprintf("%s (n = %d)", l.Label, len(l.Times))
		if low, ok := l.Times.Min(); ok && math.IsInf(low, 0) {
			label = fmt.Sprintf("%s (n = %d, all > %g s)", l.Label, len(l.Times), p.EndMs/1000)
		}
		key = append(key, keyEntry{label: label, tint: seriesTint(i), dash: seriesDash(i)})
	}
	return key
}

func electionPlot(s *sheet, e *ElectionPanel) *plot.Plot {
	p := newPlot(s)
	addGrid(p, true, true)
	p.X.Min, p.X.Max = e.LowMs, e.HighMs
	p.Y.Min, p.Y.Max = 0, 1
	p.Y.Tick.Marker = linear(5, percent)
	p.X.Label.Text = choose(s, e.TimesLabel, e.TimesLabelSlim)
	if e.Log {
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = plot.TickerFunc(logMilliseconds)
	} else {
		p.X.Tick.Marker = linear(choose(s, 6, 5), plain)
	}
	for i := range e.Lines {
		p.Add(line(staircase(e.Lines[i].Times, e.LowMs, min(e.HighMs, e.EndMs)), seriesTint(i).line(2.25, seriesDash(i)...)))
	}
	for i := range e.Lines {
		for _, m := range e.Lines[i].Marks {
			at := point{m.ValueMs, paperHeight(m)}
			style := draw.GlyphStyle{Color: seriesTint(i).light, Radius: 5.5, Shape: paperGlyph(m)}
			p.Add(glyphs([]point{at}, style))
		}
	}
	return p
}

// staircase is a distribution from the left end of an axis to its right end.
func staircase(times stat.Sample, low, high float64) []point {
	points := []point{{low, 0}}
	before := 0.0
	for _, step := range times.ECDF() {
		if math.IsInf(step.X, 0) || step.X > high {
			break
		}
		at := max(step.X, low)
		points = append(points, point{at, before}, point{at, step.P})
		before = step.P
	}
	return append(points, point{high, before})
}

// paperHeight is where a number of the paper is on the axis of shares.
func paperHeight(m PaperMark) float64 {
	switch m.What {
	case "p50":
		return .5
	case "max":
		return 1
	default:
		return .03
	}
}

// outline is a glyph of strokes that are as wide as a line of the figure.
type outline struct {
	corners []vg.Point // of its radius; a NaN lifts the pen
}

// DrawGlyph implements draw.GlyphDrawer.
func (o outline) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	look := draw.LineStyle{Color: style.Color, Width: 2}
	var path []vg.Point
	for _, p := range append(o.corners, vg.Point{X: vg.Length(math.NaN())}) {
		if math.IsNaN(float64(p.X)) {
			c.StrokeLines(look, path)
			path = nil
			continue
		}
		path = append(path, vg.Point{X: at.X + p.X*style.Radius, Y: at.Y + p.Y*style.Radius})
	}
}

func paperGlyph(m PaperMark) draw.GlyphDrawer {
	lift := vg.Point{X: vg.Length(math.NaN())}
	switch m.What {
	case "p50": // a diamond
		return outline{[]vg.Point{{X: -1.2}, {Y: 1.2}, {X: 1.2}, {Y: -1.2}, {X: -1.2}, {Y: .2}}}
	case "max": // a square
		return outline{[]vg.Point{{X: -1, Y: -1}, {X: -1, Y: 1}, {X: 1, Y: 1}, {X: 1, Y: -1}, {X: -1.2, Y: -1}}}
	case "mean": // a triangle
		return outline{[]vg.Point{{X: -1, Y: -.9}, {Y: 1}, {X: 1, Y: -.9}, {X: -1.2, Y: -.9}}}
	default: // an arrow to the right
		return outline{[]vg.Point{{Y: -1}, {Y: 1}, lift, {}, {X: 3}, lift, {X: 2, Y: .8}, {X: 3}, {X: 2, Y: -.8}}}
	}
}

// paperKey explains the marks that are drawn.
func paperKey(panels [2]ElectionPanel) []keyEntry {
	var key []keyEntry
	for _, kind := range []struct {
		what, label string
	}{
		{"p50", "the paper's median"}, {"mean", "the paper's mean, on the axis"}, {"max", "the paper's worst trial"},
		{"min", "the paper: every trial took longer"},
	} {
		for _, p := range panels {
			for _, l := range p.Lines {
				for _, m := range l.Marks {
					if m.What == kind.what && (len(key) == 0 || key[len(key)-1].label != kind.label) {
						key = append(key, keyEntry{label: kind.label, tint: muted, glyph: paperGlyph(m)})
					}
				}
			}
		}
	}
	return key
}

// logMilliseconds marks decades, and the other multiples without a label.
func logMilliseconds(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high*1.001; decade *= 10 {
		for factor := 1.0; factor < 10; factor++ {
			x := factor * decade
			if x < low*.999 || x > high*1.001 {
				continue
			}
			tick := plot.Tick{Value: x}
			if factor == 1 {
				tick.Label = strconv.FormatFloat(math.Round(x), 'f', -1, 64)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}
