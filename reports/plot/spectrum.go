package plot

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/raftmark/raftmark/reports/stat"
)

// SpectrumPanel is one window of the run.
type SpectrumPanel struct {
	Label string // which window
	Arms  []SpectrumArm
}

// SpectrumArm is the latencies of one arm in that window.
type SpectrumArm struct {
	Label             string
	N                 int // operations recorded
	Response, Service []Percentile
	Runs              []PercentileRange // of response; nil when there was one run
}

// PercentileRange is from the lowest to the highest run at a quantile, in microseconds.
type PercentileRange struct{ Q, LowUs, HighUs float64 }

// Percentile is a latency in microseconds at a quantile.
type Percentile struct{ Q, Us float64 }

// SpectrumQuantiles are the quantiles worth drawing for a sample of n: evenly spaced in 1/(1-q), up to the last one
// that n allows (rule R9).
func SpectrumQuantiles(n int) []float64 {
	var qs []float64
	for i := 0; ; i++ {
		q := 1 - math.Pow(10, -float64(i)/24)
		if i > 0 && stat.MinSample(max(q, .5)) > n || q > .99999 {
			return qs
		}
		qs = append(qs, q)
	}
}

// paleLine is the opacity of a wide line below a thin one.
const paleLine = .4

// Spectrum draws latency against percentile, response over service.
func Spectrum(name string, panels []SpectrumPanel) Figure {
	f := Figure{
		Name:  name,
		Title: "Latency by percentile: response time (wide, pale) and service time (thin, dotted), log scales",
		Alt: "Latency in microseconds against percentile, a wide line for response time and a dotted one for service " +
			"time. ",
		rows: [][]string{{"window", "arm", "latency", "quantile", "us"}},
	}
	low, high, farthest := math.Inf(1), 0.0, 10.0
	for _, panel := range panels {
		for _, arm := range panel.Arms {
			for _, kind := range []struct {
				name string
				line []Percentile
			}{{"response", arm.Response}, {"service", arm.Service}} {
				for _, pt := range kind.line {
					f.rows = append(f.rows, []string{panel.Label, arm.Label, kind.name,
						strconv.FormatFloat(pt.Q, 'f', 6, 64), number(pt.Us)})
					low, high = min(low, max(pt.Us, 1)), max(high, pt.Us)
					farthest = max(farthest, 1/(1-pt.Q))
				}
			}
			for _, r := range arm.Runs {
				for _, end := range []struct {
					name string
					us   float64
				}{{"response, lowest run", r.LowUs}, {"response, highest run", r.HighUs}} {
					f.rows = append(f.rows, []string{panel.Label, arm.Label, end.name,
						strconv.FormatFloat(r.Q, 'f', 6, 64), number(end.us)})
					low, high = min(low, max(end.us, 1)), max(high, end.us)
				}
			}
			if last := len(arm.Response) - 1; last >= 0 {
				f.Alt += fmt.Sprintf("%s, %s: response reaches %s at percentile %.5g. ", panel.Label, arm.Label,
					microseconds(math.Round(arm.Response[last].Us)), 100*arm.Response[last].Q)
			}
		}
	}
	low, high = logBounds(low, high)
	f.compose = func(s *sheet) { composeSpectrum(s, panels, low, high, farthest) }
	return f
}

func composeSpectrum(s *sheet, panels []SpectrumPanel, low, high, farthest float64) {
	var key []keyEntry
	named := map[string]bool{}
	for _, panel := range panels {
		for i, arm := range panel.Arms {
			if !named[arm.Label] {
				named[arm.Label] = true
				key = append(key, keyEntry{label: arm.Label + ", response", tint: seriesTint(i), alpha: paleLine, width: 5},
					keyEntry{label: "service", tint: seriesTint(i), dash: []vg.Length{2, 3}})
			}
		}
	}
	s.key(key...)
	for i, panel := range panels {
		p := newPlot(s)
		addGrid(p, true, true)
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Min, p.X.Max = 1, farthest*1.1
		p.Y.Min, p.Y.Max = low, high
		p.X.Tick.Marker = plot.TickerFunc(percentileTicks(choose(s, "min", "")))
		p.Y.Tick.Marker = plot.TickerFunc(logDuration)
		if i == len(panels)-1 {
			p.X.Label.Text = "percentile"
		}
		counts := ""
		for j, arm := range panel.Arms {
			p.Add(runArea(arm.Runs, seriesTint(j)))
		}
		for j, arm := range panel.Arms {
			style := seriesTint(j).line(5)
			style.Color = seriesTint(j).alpha(paleLine)
			p.Add(line(spectrumLine(arm.Response), style))
			counts += fmt.Sprintf("; %s n = %d", arm.Label, arm.N)
		}
		for j, arm := range panel.Arms {
			p.Add(line(spectrumLine(arm.Service), seriesTint(j).line(1.75, 2, 3)))
		}
		s.gap(4)
		s.heading(panel.Label, ink)
		s.label("latency (log)" + counts)
		s.panel(p, choose[vg.Length](s, 220, 200))
	}
}

// runArea is the band between the lowest and the highest run.
func runArea(runs []PercentileRange, t tint) mark {
	var low, high []point
	for _, r := range runs {
		x := 1 / (1 - r.Q)
		low, high = append(low, point{x, max(r.LowUs, 1)}), append(high, point{x, max(r.HighUs, 1)})
	}
	return area(low, high, t.alpha(.13))
}

func spectrumLine(percentiles []Percentile) []point {
	var points []point
	for _, pt := range percentiles {
		points = append(points, point{1 / (1 - pt.Q), max(pt.Us, 1)})
	}
	return points
}

func percentileTicks(first string) func(low, high float64) []plot.Tick {
	return func(low, high float64) []plot.Tick {
		var ticks []plot.Tick
		for _, t := range []struct {
			x     float64
			label string
		}{
			{1, first}, {2, "p50"}, {10, "p90"}, {100, "p99"}, {1000, "p99.9"}, {10_000, "p99.99"}, {100_000, "p99.999"},
		} {
			if t.x >= low*.999 && t.x <= high*1.001 {
				ticks = append(ticks, plot.Tick{Value: t.x, Label: t.label})
			}
		}
		return ticks
	}
}
