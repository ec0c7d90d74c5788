package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// FrontierPoint is one setting: what an outage takes, and how often there is one that nobody needed.
type FrontierPoint struct {
	Label    string
	OutageMs float64 // median
	// PerHour is a rate with its 95 % interval.
	PerHour, Low, High float64
}

// FrontierLine joins the settings of one protocol.
type FrontierLine struct {
	Label  string
	Points []FrontierPoint
}

// FrontierPanel is one definition of what nobody needed.
type FrontierPanel struct {
	Title string
	Lines []FrontierLine
}

// Frontier draws availability against stability: nearer to the lower left corner is better.
func Frontier(name, title string, panels [2]FrontierPanel) Figure {
	f := Figure{
		Name: name, Title: title, Alt: describeFrontier(panels),
		rows: [][]string{{"panel", "protocol", "setting", "outage_p50_ms", "elections_per_hour", "low", "high"}},
	}
	low, high, fast, slow := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, p := range panels {
		for _, l := range p.Lines {
			for _, pt := range l.Points {
				f.rows = append(f.rows, []string{p.Title, l.Label, pt.Label, number(pt.OutageMs), number(pt.PerHour),
					number(pt.Low), number(pt.High)})
				high, fast, slow = max(high, pt.High), min(fast, pt.OutageMs), max(slow, pt.OutageMs)
				if pt.PerHour > 0 {
					low = min(low, max(pt.Low, pt.PerHour/4))
				}
			}
		}
	}
	if math.IsInf(low, 0) {
		low = high / 10
	}
	bounds := frontierBounds{x0: fast / 1.5, x1: slow * 1.9, y0: low / 2, y1: high * 1.5}
	f.compose = func(s *sheet) { composeFrontier(s, panels, bounds) }
	return f
}

type frontierBounds struct{ x0, x1, y0, y1 float64 }

func describeFrontier(panels [2]FrontierPanel) string {
	text := "Median outage against elections an hour without a failure, both on log scales. "
	for _, l := range panels[0].Lines {
		for _, pt := range l.Points {
			text += fmt.Sprintf("%s, %s: %.0f ms, %.3g an hour. ", l.Label, pt.Label, pt.OutageMs, pt.PerHour)
		}
	}
	return text
}

func composeFrontier(s *sheet, panels [2]FrontierPanel, b frontierBounds) {
	var key []keyEntry
	for i := range panels[0].Lines {
		key = append(key, keyEntry{label: panels[0].Lines[i].Label, tint: seriesTint(i), dash: seriesDash(i)})
	}
	s.key(key...)
	s.label("elections an hour while nothing failed (log); bars: 95 % intervals")
	height := choose[vg.Length](s, 300, 260)
	if s.size == Narrow {
		for i := range panels {
			s.gap(6)
			s.heading(panels[i].Title, ink)
			s.panel(frontierPlot(s, &panels[i], b), height)
		}
		return
	}
	columns := [2]column{newColumn(s), newColumn(s)}
	for i := range columns {
		columns[i].head.heading(panels[i].Title, ink)
		columns[i].plot = frontierPlot(s, &panels[i], b)
	}
	s.pair(columns[0], columns[1], height)
}

func frontierPlot(s *sheet, panel *FrontierPanel, b frontierBounds) *plot.Plot {
	p := newPlot(s)
	addGrid(p, true, true)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = b.x0, b.x1, b.y0, b.y1
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(counts), plot.TickerFunc(rates)
	p.X.Label.Text = choose(s, "median time without a leader after a crash, ms (log)", "median outage, ms (log)")
	labels := &labelSet{}
	for i := range panel.Lines {
		look := seriesTint(i)
		var path []point
		for _, pt := range panel.Lines[i].Points {
			at := point{pt.OutageMs, max(pt.PerHour, b.y0)}
			path = append(path, at)
			p.Add(line([]point{{pt.OutageMs, max(pt.Low, b.y0)}, {pt.OutageMs, pt.High}}, look.line(1.25)))
			shape := draw.GlyphDrawer(draw.CircleGlyph{})
			if pt.PerHour == 0 {
				shape = draw.RingGlyph{} // none was counted: on the axis
			}
			p.Add(glyphs([]point{at}, draw.GlyphStyle{Color: look.light, Radius: 4, Shape: shape}))
			labels.add(at, max(pt.Low, b.y0), pt.High, pt.Label, textStyle(look, s.bodySize()-1, false))
		}
		p.Add(line(path, look.line(1.5, seriesDash(i)...)))
		labels.lines = append(labels.lines, path)
	}
	p.Add(mark(labels.draw))
	return p
}

// rates labels decades, and 2 and 5 where there are few of them.
func rates(low, high float64) []plot.Tick {
	few := math.Log10(high/low) < fewDecades
	var ticks []plot.Tick
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for factor := 1.0; factor < 10; factor++ {
			tick := plot.Tick{Value: factor * decade}
			if factor == 1 || few && (factor == 2 || factor == 5) {
				tick.Label = fmt.Sprintf("%.3g", tick.Value)
			}
			if tick.Value >= low && tick.Value <= high {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}
