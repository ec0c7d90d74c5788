package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// RatioRow is a ratio with its interval; Low and High are NaN where there is none.
type RatioRow struct {
	Label            string
	Ratio, Low, High float64
}

// RatioPanel is a group of ratios.
type RatioPanel struct {
	Title string
	Rows  []RatioRow
}

// Ratios draws what one arm takes of what another one does, with 1 as the line of no difference.
func Ratios(name, title string, panels []RatioPanel, columns int) Figure {
	f := Figure{Name: name, Title: title, rows: [][]string{{"panel", "row", "ratio", "low", "high"}}}
	low, high := 1.0, 1.0
	for _, p := range panels {
		for _, r := range p.Rows {
			f.rows = append(f.rows, []string{p.Title, r.Label, number(r.Ratio), numberOrNone(r.Low), numberOrNone(r.High)})
			f.Alt += fmt.Sprintf("%s, %s: %.3g. ", p.Title, r.Label, r.Ratio)
			for _, x := range []float64{r.Ratio, r.Low, r.High} {
				if !math.IsNaN(x) && x > 0 {
					low, high = min(low, x), max(high, x)
				}
			}
		}
	}
	f.compose = func(s *sheet) { composeRatios(s, panels, columns, low/1.08, high*1.08) }
	return f
}

func composeRatios(s *sheet, panels []RatioPanel, columns int, low, high float64) {
	columns = min(len(panels), choose(s, columns, min(2, columns)))
	most := 0
	for _, p := range panels {
		most = max(most, len(p.Rows))
	}
	for from := 0; from < len(panels); from += columns {
		var plots []*plot.Plot
		var titles []string
		for i := from; i < min(from+columns, len(panels)); i++ {
			plots, titles = append(plots, ratioPlot(s, panels[i], most, low, high)), append(titles, panels[i].Title)
		}
		s.columns(titles, plots, columns, vg.Length(17*most)+26)
		s.gap(4)
	}
}

func ratioPlot(s *sheet, panel RatioPanel, most int, low, high float64) *plot.Plot {
	p := newPlot(s)
	p.X.Scale = plot.LogScale{}
	p.X.Min, p.X.Max = low, high
	p.X.Tick.Marker = plot.TickerFunc(ratioTicks)
	p.Y.Min, p.Y.Max = 0, float64(most)
	addGrid(p, false, true)
	p.Add(vertical(1, ink.line(1), "", draw.TextStyle{}))
	var labels plot.ConstantTicks
	for i, r := range panel.Rows {
		at := float64(most-i) - .5
		labels = append(labels, plot.Tick{Value: at, Label: r.Label})
		look := rule
		switch {
		case !math.IsNaN(r.Low) && r.Low > 1:
			look = vermilion
		case !math.IsNaN(r.High) && r.High < 1:
			look = green
		}
		if !math.IsNaN(r.Low) && !math.IsNaN(r.High) {
			p.Add(line([]point{{r.Low, at}, {r.High, at}}, look.line(2)))
		}
		p.Add(glyphs([]point{{r.Ratio, at}}, draw.GlyphStyle{Color: look.light, Radius: 3, Shape: draw.CircleGlyph{}}))
	}
	p.Y.Tick.Marker = labels
	return p
}

// ratioTicks labels halves and doubles.
func ratioTicks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for _, x := range []float64{.1, .2, .5, 1, 2, 5, 10, 20, 50, 100} {
		if x >= low && x <= high {
			ticks = append(ticks, plot.Tick{Value: x, Label: "×" + number(x)})
		}
	}
	for _, x := range []float64{.25, .75, 1.25, 1.5, 1.75, 3, 4} {
		if x >= low && x <= high {
			tick := plot.Tick{Value: x}
			if high/low < 3 {
				tick.Label = "×" + number(x)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}
