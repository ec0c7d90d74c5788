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

// ScatterPanel is the operations around one fault, in milliseconds after it.
type ScatterPanel struct {
	Label        string
	Points       []ScatterPoint
	FromMs, ToMs float64
	// BrokenMs is how long the fault lasted; 0 when it is over at once or was not healed in the picture.
	BrokenMs float64
	Lanes    []Lane // who led; seconds are milliseconds here
}

// ScatterPoint is one operation.
type ScatterPoint struct {
	DueMs, TookUs float64
	Outcome       string // ok, failed, unknown, shed
}

// Outcomes lists those of operations, with their looks: the colours differ in brightness too.
func outcomeLook(outcome string) tint {
	switch outcome {
	case "ok":
		return blue
	case "failed":
		return orange
	default:
		return danger
	}
}

// ResponseScatter draws single operations by the time at which they were due.
func ResponseScatter(name, kind string, panels []ScatterPanel) Figure {
	f := Figure{
		Name:  name,
		Title: "Around " + kind + ", one trial an arm: each operation's response time by its intended start (log)",
		Alt: "Dots of single operations. In an outage they lie on a line that falls towards its end: who came first waited " +
			"longest. ",
		rows: [][]string{{"panel", "due_ms", "response_us", "outcome"}},
	}
	low, high := math.Inf(1), 0.0
	for _, p := range panels {
		worst := 0.0
		for _, pt := range p.Points {
			f.rows = append(f.rows, []string{p.Label, number(pt.DueMs), number(pt.TookUs), pt.Outcome})
			low, high = min(low, pt.TookUs), max(high, pt.TookUs)
			worst = max(worst, pt.TookUs)
		}
		f.Alt += fmt.Sprintf("%s: %d operations, the slowest %s. ", p.Label, len(p.Points), microseconds(math.Round(worst)))
	}
	low, high = logBounds(low, high)
	high *= 1.12 // an outage ends at a round number of ms for the slowest; its dot must not be half outside
	f.compose = func(s *sheet) { composeScatter(s, panels, low, high) }
	return f
}

func composeScatter(s *sheet, panels []ScatterPanel, low, high float64) {
	var key []keyEntry
	for _, outcome := range []string{"ok", "failed", "unknown", "shed"} {
		if slices.ContainsFunc(panels, func(p ScatterPanel) bool {
			return slices.ContainsFunc(p.Points, func(pt ScatterPoint) bool { return pt.Outcome == outcome })
		}) {
			label := outcome
			if outcome != "ok" {
				label += " (at least so long)"
			}
			key = append(key, keyEntry{label: label, tint: outcomeLook(outcome), glyph: draw.BoxGlyph{}})
		}
	}
	s.key(key...)
	from, to := math.Inf(1), 0.0
	for _, p := range panels {
		from, to = min(from, p.FromMs), max(to, p.ToMs)
	}
	for i, panel := range panels {
		s.gap(4)
		s.heading(fmt.Sprintf("%s (n = %d operations)", panel.Label, len(panel.Points)), ink)
		s.label("response time (log)")
		p := scatterPlot(s, panel, from, to, low, high)
		if i == len(panels)-1 && len(panel.Lanes) == 0 {
			p.X.Label.Text = "intended start, ms after the fault took effect"
		}
		s.panel(p, choose[vg.Length](s, 220, 200))
		if len(panel.Lanes) > 0 {
			s.label("leader, and its term (intended starts in ms after the fault took effect)")
			s.panel(termStrip(s, panel, from, to), 22)
		}
	}
}

// Steps of the grid on which one dot stands for all.
const (
	scatterColumns = 420
	scatterRows    = 90
)

func scatterPlot(s *sheet, panel ScatterPanel, from, to, low, high float64) *plot.Plot {
	p := newPlot(s)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = from, to, low, high
	p.X.Tick.Marker = linear(choose(s, 10, 5), plain)
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(logDuration)
	if panel.BrokenMs > 0 {
		p.Add(rectangle(0, panel.BrokenMs, math.Inf(-1), math.Inf(1), danger.alpha(.08)))
	}
	addGrid(p, true, true)
	p.Add(vertical(0, ink.line(1.25), "fault takes effect", textStyle(ink, s.bodySize()-1, false)))
	for _, outcome := range []string{"ok", "failed", "unknown", "shed"} {
		p.Add(dots(panel.Points, outcome, [4]float64{from, to, math.Log(low), math.Log(high)}))
	}
	return p
}

// dots draws one small box for all points of an outcome that fall into the same step of the grid.
func dots(points []ScatterPoint, outcome string, bounds [4]float64) mark {
	return func(c *draw.Canvas, x, y func(float64) vg.Length) {
		seen := map[[2]int]bool{}
		var path vg.Path
		for _, pt := range points {
			if pt.Outcome != outcome || pt.DueMs < bounds[0] || pt.DueMs > bounds[1] {
				continue
			}
			step := [2]int{
				int(scatterColumns * (pt.DueMs - bounds[0]) / (bounds[1] - bounds[0])),
				int(scatterRows * (math.Log(pt.TookUs) - bounds[2]) / (bounds[3] - bounds[2])),
			}
			if seen[step] {
				continue
			}
			seen[step] = true
			at := vg.Point{X: x(pt.DueMs), Y: y(pt.TookUs)}
			for i, corner := range corners(around(at.X, at.Y, 1.1, 1.1))[:4] {
				if i == 0 {
					path.Move(corner)
				} else {
					path.Line(corner)
				}
			}
			path.Close()
		}
		if len(path) > 0 {
			c.SetColor(outcomeLook(outcome).alpha(.75))
			c.Fill(path)
		}
	}
}

// termStrip draws who led.
func termStrip(s *sheet, panel ScatterPanel, from, to float64) *plot.Plot {
	p := newPlot(s)
	p.X.Min, p.X.Max = from, to
	p.X.Tick.Marker = plot.ConstantTicks{{Value: to, Label: " "}}
	p.X.Tick.Label.Font.Size = .1
	p.X.Tick.Length, p.X.LineStyle.Width, p.X.Tick.LineStyle.Width = 0, 0, 0
	p.Y.Min, p.Y.Max, p.Y.Padding = 0, 1, 0
	p.Y.Tick.Marker = plot.ConstantTicks{}
	text := textStyle(ink, s.bodySize()-2, false)
	text.XAlign, text.YAlign = draw.XCenter, draw.YCenter
	for _, lane := range panel.Lanes {
		p.Add(rectangle(lane.FromS, lane.ToS, 0, 1, termTint(lane.Term).alpha(.45)))
		label := "n" + strconv.FormatUint(lane.Node, 10) + ", term " + strconv.FormatUint(lane.Term, 10)
		p.Add(mark(func(c *draw.Canvas, x, y func(float64) vg.Length) {
			left, right := max(x(lane.FromS), c.Min.X), min(x(lane.ToS), c.Max.X)
			if right-left > text.Width(label)+4 {
				c.FillText(text, vg.Point{X: (left + right) / 2, Y: y(.5)}, label)
			}
		}))
	}
	return p
}
