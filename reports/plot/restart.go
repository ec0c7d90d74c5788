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

// RestartPoint is one start of a server: the length of its log, and the times from the order to start it, in
// microseconds.
type RestartPoint struct {
	Arm                 string
	Entries             float64
	AnswersUs, CaughtUs float64
}

// Restarts draws the time that starts take against the length of the log.
func Restarts(name string, points []RestartPoint) Figure {
	f := Figure{
		Name: name,
		Title: fmt.Sprintf("Time to come back after SIGKILL, by the length of the log (log scales; n = %d restarts)",
			len(points)),
		Alt:  describeRestarts(points),
		rows: [][]string{{"arm", "log_entries", "answers_us", "caught_up_us"}},
	}
	for _, p := range points {
		f.rows = append(f.rows, []string{p.Arm, strconv.FormatFloat(p.Entries, 'f', 0, 64), number(p.AnswersUs),
			number(p.CaughtUs)})
	}
	f.compose = func(s *sheet) { composeRestarts(s, points) }
	return f
}

func describeRestarts(points []RestartPoint) string {
	if len(points) == 0 {
		return "No restarts."
	}
	by := func(of func(RestartPoint) float64) func(a, b RestartPoint) int {
		return func(a, b RestartPoint) int {
			switch {
			case of(a) < of(b):
				return -1
			case of(a) > of(b):
				return 1
			default:
				return 0
			}
		}
	}
	shortest := slices.MinFunc(points, by(func(p RestartPoint) float64 { return p.Entries }))
	longest := slices.MaxFunc(points, by(func(p RestartPoint) float64 { return p.Entries }))
	return fmt.Sprintf("A dot for each restart. With %.0f entries a server had caught up %s after its start, with %.0f "+
		"after %s.", shortest.Entries, microseconds(math.Round(shortest.CaughtUs/1000)*1000), longest.Entries,
		microseconds(math.Round(longest.CaughtUs/1000)*1000))
}

func composeRestarts(s *sheet, points []RestartPoint) {
	series := []struct {
		label string
		tint  tint
		glyph draw.GlyphDrawer
		of    func(RestartPoint) float64
	}{
		{"its ports answer", sky, draw.RingGlyph{}, func(p RestartPoint) float64 { return p.AnswersUs }},
		{"caught up", orange, draw.PyramidGlyph{}, func(p RestartPoint) float64 { return p.CaughtUs }},
	}
	var key []keyEntry
	p := newPlot(s)
	addGrid(p, true, true)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	low, high, shortest, longest := math.Inf(1), 0.0, math.Inf(1), 1.0
	for _, x := range series {
		key = append(key, keyEntry{label: x.label, tint: x.tint, glyph: x.glyph})
		var dots []point
		for _, pt := range points {
			us := max(x.of(pt), 1)
			dots = append(dots, point{pt.Entries, us})
			low, high = min(low, us), max(high, us)
			shortest, longest = min(shortest, pt.Entries), max(longest, pt.Entries)
		}
		p.Add(glyphs(dots, draw.GlyphStyle{Color: x.tint.alpha(1), Radius: vg.Points(3.5), Shape: x.glyph}))
	}
	s.key(key...)
	p.X.Min, p.X.Max = max(shortest, 1)/1.6, longest*1.6
	p.Y.Min, p.Y.Max = logBounds(low/1.2, high*1.2)
	p.X.Tick.Marker = plot.TickerFunc(counts)
	p.Y.Tick.Marker = plot.TickerFunc(logDuration)
	p.X.Label.Text = "entries in the log (log)"
	s.gap(2)
	s.label("time since the order to start the process (log)")
	s.panel(p, choose[vg.Length](s, 240, 220))
}

// counts labels 1, 2 and 5 of each decade.
func counts(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for decade := 1.0; decade <= high; decade *= 10 {
		for _, x := range []float64{decade, 2 * decade, 5 * decade} {
			if x >= low && x <= high {
				ticks = append(ticks, plot.Tick{Value: x, Label: grouped(x, x)})
			}
		}
	}
	return ticks
}
