package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ConfigOptions are the two settings that span a ConfigMap.
type ConfigOptions struct {
	Name, Title string
	Across, Up  ConfigAxis
}

// ConfigAxis is a setting and its values, in the order in which they are drawn.
type ConfigAxis struct {
	Key    string
	Values []string
}

// ConfigPanel is one quantity for all pairs of settings. A pair that has no cell was not measured, and stays empty.
type ConfigPanel struct {
	Title string
	Unit  Unit
	Cells []ConfigCell
}

// ConfigCell is the quantity at the Across-th and Up-th value, from 0, and the lowest and the highest of its runs.
type ConfigCell struct {
	Across, Up       int
	Value, Low, High float64
}

// configSpan is the ratio that the shades of a panel span at least: differences of a few per cent look alike.
const configSpan = 2

// ConfigMap draws quantities of pairs of settings as shaded cells with their numbers in them.
func ConfigMap(o ConfigOptions, panels []ConfigPanel) Figure {
	f := Figure{
		Name: o.Name, Title: o.Title,
		Alt:  fmt.Sprintf("Cells of %s to the right and %s upwards. ", o.Across.Key, o.Up.Key),
		rows: [][]string{{"panel", o.Across.Key, o.Up.Key, "value", "low", "high"}},
	}
	for _, p := range panels {
		least, most := extremes(p.Cells)
		for _, c := range p.Cells {
			f.rows = append(f.rows, []string{p.Title, o.Across.Values[c.Across], o.Up.Values[c.Up], number(c.Value),
				number(c.Low), number(c.High)})
		}
		f.Alt += fmt.Sprintf("%s: from %s at %s to %s at %s. ", p.Title, written(p.Unit, least.Value), o.pair(least),
			written(p.Unit, most.Value), o.pair(most))
	}
	f.compose = func(s *sheet) { composeConfigMap(s, o, panels) }
	return f
}

// pair names the settings of a cell.
func (o ConfigOptions) pair(c ConfigCell) string {
	return fmt.Sprintf("%s %s, %s %s", o.Across.Key, o.Across.Values[c.Across], o.Up.Key, o.Up.Values[c.Up])
}

// extremes returns the cells of the least and of the greatest value.
func extremes(cells []ConfigCell) (least, most ConfigCell) {
	least.Value, most.Value = math.Inf(1), math.Inf(-1)
	for _, c := range cells {
		if c.Value < least.Value {
			least = c
		}
		if c.Value > most.Value {
			most = c
		}
	}
	return least, most
}

// configAlpha is the shade of a value: equal ratios are equal steps.
func configAlpha(value, least, most float64) float64 {
	const palest, darkest = .05, .55 // on which the ink is readable
	return palest + (darkest-palest)*math.Log(value/least)/math.Log(max(most/least, configSpan))
}

func composeConfigMap(s *sheet, o ConfigOptions, panels []ConfigPanel) {
	s.label(fmt.Sprintf("up: %s; to the right: %s", o.Up.Key, o.Across.Key))
	columns := min(len(panels), choose(s, 2, 1))
	for from := 0; from < len(panels); from += columns {
		var plots []*plot.Plot
		var titles []string
		for _, panel := range panels[from:min(from+columns, len(panels))] {
			plots, titles = append(plots, configPlot(s, o, panel)), append(titles, panel.Title)
		}
		s.columns(titles, plots, columns, 46*vg.Length(len(o.Up.Values))+46)
		s.gap(6)
	}
}

func configPlot(s *sheet, o ConfigOptions, panel ConfigPanel) *plot.Plot {
	p := newPlot(s)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(len(o.Across.Values)), 0, float64(len(o.Up.Values))
	p.X.Tick.Marker, p.Y.Tick.Marker = middles(o.Across.Values), middles(o.Up.Values)
	p.X.Tick.Length = 0
	p.X.Label.Text = o.Across.Key
	least, most := extremes(panel.Cells)
	for _, c := range panel.Cells {
		x, y := float64(c.Across), float64(c.Up)
		const seam = .02
		p.Add(rectangle(x+seam, x+1-seam, y+seam, y+1-seam, blue.alpha(configAlpha(c.Value, least.Value, most.Value))))
		p.Add(configText(s, panel.Unit, c))
	}
	return p
}

// middles puts a label in the middle of each cell.
func middles(labels []string) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i, label := range labels {
		ticks = append(ticks, plot.Tick{Value: float64(i) + .5, Label: label})
	}
	return ticks
}

// configText writes a cell's value and, where there is room, the range of its runs.
func configText(s *sheet, u Unit, c ConfigCell) mark {
	return func(canvas *draw.Canvas, x, y func(float64) vg.Length) {
		middle := vg.Point{X: x(float64(c.Across) + .5), Y: y(float64(c.Up) + .5)}
		width := x(float64(c.Across)+1) - x(float64(c.Across))
		value, runs := textStyle(ink, s.bodySize()+1, true), textStyle(ink, s.bodySize()-2, false)
		value.XAlign, value.YAlign, runs.XAlign, runs.YAlign = draw.XCenter, draw.YCenter, draw.XCenter, draw.YCenter
		span := written(u, c.Low) + "–" + written(u, c.High)
		if c.Low < c.High && runs.Width(span) < width-4 {
			canvas.FillText(runs, vg.Point{X: middle.X, Y: middle.Y - 9}, span)
			middle.Y += 7
		}
		canvas.FillText(value, middle, written(u, c.Value))
	}
}
