package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// configGrid is where each arm stands when the arms are the combinations of two settings.
type configGrid struct {
	across, up plot.ConfigAxis
	places     map[string][2]int // by the arm's name: the places of its values on across and up
}

// configCellsMin is how many arms a map is worth drawing for: two settings of two values fit in a table.
const configCellsMin = 6

// grid returns the grid that the arms span; false when they are no combinations of exactly two settings.
func (s *study) grid() (g configGrid, ok bool) {
	g.places = map[string][2]int{}
	for _, a := range s.arms {
		first, second, two := strings.Cut(a.Name, ",")
		upKey, up, ok1 := strings.Cut(first, "=")
		acrossKey, across, ok2 := strings.Cut(second, "=")
		if !two || !ok1 || !ok2 || strings.Contains(second, ",") {
			return g, false
		}
		if len(g.places) == 0 {
			g.up.Key, g.across.Key = upKey, acrossKey
		}
		if g.up.Key != upKey || g.across.Key != acrossKey {
			return g, false
		}
		g.places[a.Name] = [2]int{placeOf(&g.across, across), placeOf(&g.up, up)}
	}
	return g, len(g.places) >= configCellsMin && len(g.across.Values) > 1 && len(g.up.Values) > 1
}

// placeOf returns where a value stands on an axis; a new one is put at its end.
func placeOf(axis *plot.ConfigAxis, value string) int {
	if i := slices.Index(axis.Values, value); i >= 0 {
		return i
	}
	axis.Values = append(axis.Values, value)
	return len(axis.Values) - 1
}

// panel is one quantity of all arms that have it, the median over what of returns for each run.
func (g configGrid) panel(s *study, title string, u plot.Unit, of func(*armStudy) []float64) (plot.ConfigPanel, bool) {
	p := plot.ConfigPanel{Title: title, Unit: u}
	for _, a := range s.arms {
		values := stat.Sorted(slices.DeleteFunc(of(a), func(v float64) bool { return !(v > 0) })) // NaN too
		if n := len(values); n > 0 {
			at := g.places[a.Name]
			p.Cells = append(p.Cells, plot.ConfigCell{
				Across: at[0], Up: at[1], Value: values.OrderStatistic(.5), Low: values[0], High: values[n-1],
			})
		}
	}
	return p, len(p.Cells) > 1
}

// configPanels are the quantities that a map shows: those of the closed loop with the most proposers, or else those of
// the steady phase; and the outages.
func (s *study) configPanels(g configGrid) []plot.ConfigPanel {
	var panels []plot.ConfigPanel
	add := func(title string, unit plot.Unit, of func(*armStudy) []float64) {
		if p, ok := g.panel(s, title, unit, of); ok {
			panels = append(panels, p)
		}
	}
	if _, points := s.closedPoints(); len(points) > 0 {
		at := points[len(points)-1]
		name := fmt.Sprintf("%d proposers of %s", at.proposers, sizeText(at.payload))
		add("operations a second, "+name, plot.UnitCount, func(a *armStudy) []float64 {
			return a.closedValues(at, func(p *result.ClosedPoint) float64 { return p.PerS })
		})
		add("service time p50, "+name, plot.UnitMicroseconds, func(a *armStudy) []float64 {
			return a.closedValues(at, func(p *result.ClosedPoint) float64 { return p.P50Us })
		})
	} else {
		add("response time p50", plot.UnitMicroseconds, func(a *armStudy) []float64 {
			return a.valueOfEachRun(func(q result.Quantiles) *float64 { return q.P50 })
		})
		add("response time p99", plot.UnitMicroseconds, func(a *armStudy) []float64 {
			return a.valueOfEachRun(func(q result.Quantiles) *float64 { return q.P99 })
		})
	}
	for _, kind := range s.kinds {
		if !result.Survived(kind) {
			add("outage after "+kind, plot.UnitMicroseconds, func(a *armStudy) []float64 {
				var us []float64
				for _, ms := range a.outages(kind) {
					us = append(us, 1000*ms)
				}
				return us
			})
		}
	}
	return panels
}

// closedValues returns a quantity at a point for each run that came to it.
func (a *armStudy) closedValues(at closedPoint, of func(*result.ClosedPoint) float64) []float64 {
	var values []float64
	for _, p := range a.closedByRun(at) {
		if p != nil && p.N > 0 {
			values = append(values, of(p))
		}
	}
	return values
}

// configFigure is the map of two settings (P10); nil when the arms do not differ in exactly two.
func (s *study) configFigure() page.Block {
	g, ok := s.grid()
	if !ok {
		return nil
	}
	panels := s.configPanels(g)
	if len(panels) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.ConfigMap(plot.ConfigOptions{
			Name:   "config-map",
			Title:  fmt.Sprintf("%s against %s, medians over runs or trials (log shade)", g.up.Key, g.across.Key),
			Across: g.across, Up: g.up,
		}, panels),
		Caption: fmt.Sprintf("Each cell is one of %d settings: the median over its runs, or over the trials of a fault, "+
			"and below it the lowest and the highest. The darker, the more; equal ratios are equal steps of shade, and a "+
			"panel's shades span a factor of two or, when its cells differ by more, what they differ by.", len(g.places)),
		How: "Look along a row and along a column: where the shade stays, the setting does not matter. Two cells differ " +
			"only when their ranges part; cells of nearly the same shade with ranges that overlap are the same.",
		Not: "Settings between those that were measured, and what the best pair is under another load: a setting that " +
			"costs nothing here may bind where messages travel longer.",
	}
}
