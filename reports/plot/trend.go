package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// TrendSeries is what may be joined: values in the order of the results, NaN where there is none.
type TrendSeries struct {
	Label  string
	Values []float64
}

// Trend draws a metric over results, in the order of time: points at equal distances, joined where results that follow
// each other both have a value. The vertical axis begins at zero.
func Trend(name, title, yLabel string, results []string, series []TrendSeries) Figure {
	f := Figure{
		Name: name, Title: title, Alt: title + ". ",
		rows: [][]string{{"result", "series", "value"}},
	}
	for _, entry := range series {
		for i, value := range entry.Values {
			if !math.IsNaN(value) {
				f.rows = append(f.rows, []string{results[i], entry.Label, number(value)})
				f.Alt += fmt.Sprintf("%s, %s: %.3g. ", entry.Label, results[i], value)
			}
		}
	}
	f.compose = func(s *sheet) { composeTrend(s, yLabel, results, series) }
	return f
}

func composeTrend(s *sheet, yLabel string, results []string, series []TrendSeries) {
	var entries []keyEntry
	top := 0.0
	for i, one := range series {
		entries = append(entries, keyEntry{label: one.Label, tint: seriesTint(i), dash: seriesDash(i)})
		for _, value := range one.Values {
			if !math.IsNaN(value) {
				top = max(top, value)
			}
		}
	}
	s.key(entries...)
	s.gap(2)
	s.label(yLabel)
	p := newPlot(s)
	p.X.Min, p.X.Max = -.5, float64(len(results))-.5
	p.Y.Min, p.Y.Max = 0, niceCeil(top*1.05, 5)
	p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) []plot.Tick { return trendTicks(s, results) })
	p.Y.Tick.Marker = linear(5, plain)
	p.X.Label.Text = "commit, in the order of the measurements"
	addGrid(p, true, false)
	for i, one := range series {
		points := make([]point, len(one.Values))
		for at, value := range one.Values {
			points[at] = point{float64(at), value}
		}
		look := seriesTint(i)
		for _, segment := range segments(points) {
			if len(segment) > 1 {
				p.Add(line(segment, look.line(1.75, seriesDash(i)...)))
			}
			p.Add(glyphs(segment, draw.GlyphStyle{Color: look.light, Radius: 3.5, Shape: trendGlyph(i)}))
		}
	}
	s.panel(p, choose[vg.Length](s, 230, 210))
}

// trendGlyph is solid, so that a lone mark is seen.
func trendGlyph(i int) draw.GlyphDrawer {
	glyphs := [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}
	return glyphs[i%len(glyphs)]
}

// trendTicks labels as many results as have room.
func trendTicks(s *sheet, results []string) []plot.Tick {
	every := max(1, int(math.Ceil(float64(len(results))/float64(choose(s, 12, 5)))))
	var ticks []plot.Tick
	for i, label := range results {
		tick := plot.Tick{Value: float64(i)}
		if i%every == 0 {
			tick.Label = label
		}
		ticks = append(ticks, tick)
	}
	return ticks
}
