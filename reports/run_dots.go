package reports

import (
	"math"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
)

// runsFigure shows what runs of one arm differ by; without two runs of an arm there is none.
func (s *study) runsFigure() page.Block {
	var panels []plot.RunPanel
	for _, metric := range []struct {
		name string
		of   func(result.Quantiles) *float64
	}{
		{"p50", func(q result.Quantiles) *float64 { return q.P50 }},
		{"p99", func(q result.Quantiles) *float64 { return q.P99 }},
	} {
		panel := plot.RunPanel{Metric: metric.name}
		for _, a := range s.arms {
			if len(a.runValues(metric.of)) >= 2 {
				panel.Rows = append(panel.Rows, plot.RunRow{Label: a.Name, Values: a.valueOfEachRun(metric.of)})
			}
		}
		if len(panel.Rows) > 0 {
			panels = append(panels, panel)
		}
	}
	if len(panels) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.RunDots("run-to-run", panels),
		Caption: "The response time of each run's steady phase, from the intended start, at the median of its operations " +
			"and, where each run has enough of them, at their 99th percentile. A run is a cluster of its own, started anew.",
		How: "How far the dots of one arm lie apart is what a repetition changes by itself: a difference between arms is " +
			"one only when their dots part. Dots that drift from the uppermost to the lowest follow the time of day, and not " +
			"the arm.",
		Not: "What happened within a run; see the heat map and the timeline.",
	}
}

// valueOfEachRun is NaN for a run that has too few operations for the value.
func (a *armStudy) valueOfEachRun(of func(result.Quantiles) *float64) []float64 {
	values := make([]float64, len(a.SteadyRuns))
	for i := range values {
		values[i] = math.NaN()
		if v := of(a.SteadyRuns[i].ResponseUs); v != nil {
			values[i] = *v
		}
	}
	return values
}
