package versus

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
)

// metric is something of an arm of which less is better: its name, how it is written, and its values by run or trial.
// missing is how many runs or trials have none, such as one in which no leader was seen: they are no small values.
type metric struct {
	name    string
	unit    unit
	values  stat.Sample
	missing int
}

// unit is what a metric counts.
type unit string

const (
	microseconds unit = "us"
	milliseconds unit = "ms"
)

// us returns a value of the unit in microseconds.
func (u unit) us(value float64) float64 {
	if u == milliseconds {
		return 1000 * value
	}
	return value
}

// metricsOf returns what can be compared of an arm, in the order of a report.
func metricsOf(r *result.Result, arm *result.Arm) []metric {
	all := append(steadyMetrics(arm), closedMetrics(arm)...)
	all = append(all, kneeMetrics(arm)...)
	for _, f := range arm.Faults {
		if f.Kind == result.KindNoOp {
			continue
		}
		var outages, leaderless []float64
		trials := 0
		for i := range r.Trials {
			if t := &r.Trials[i]; t.Arm == arm.Name && t.Kind == f.Kind {
				trials++
				outages = appendPositive(outages, t.OutageMs)
				leaderless = appendPositive(leaderless, t.LeaderlessMs)
			}
		}
		all = appendMetric(all, "outage after "+f.Kind, milliseconds, outages, trials)
		all = appendMetric(all, "leaderless after "+f.Kind, milliseconds, leaderless, trials)
	}
	return all
}

// closedMetrics are of each point of a closed loop: the median service time, and how much of the system's time a
// command takes, one second by the rate. Runs without a point, that ended early, have no value.
func closedMetrics(arm *result.Arm) []metric {
	runs := arm.ClosedRuns
	if len(runs) == 0 && len(arm.Closed) > 0 { // a result from before they were kept by run
		runs = [][]result.ClosedPoint{arm.Closed}
	}
	var all []metric
	for _, point := range arm.Closed {
		var service, each []float64
		for _, run := range runs {
			for _, p := range run {
				if p.N > 0 && p.Proposers == point.Proposers && p.PayloadBytes == point.PayloadBytes {
					service, each = appendPositive(service, p.P50Us), appendPositive(each, 1e6/p.PerS)
				}
			}
		}
		at := fmt.Sprintf("%d proposers of %d B", point.Proposers, point.PayloadBytes)
		all = appendMetric(all, "service p50, "+at, microseconds, service, len(runs))
		all = appendMetric(all, "time a command, "+at, microseconds, each, len(runs))
	}
	return all
}

// kneeMetrics is how much of the system's time a command takes at the highest rate that a run held. A search that
// something else than the system ended knows only a bound, and has no value.
func kneeMetrics(arm *result.Arm) []metric {
	if arm.Saturation == nil {
		return nil
	}
	var each []float64
	for _, run := range arm.Saturation.Runs {
		if run.KneePerS != nil && run.Bound == result.BoundSystem {
			each = appendPositive(each, 1e6/(*run.KneePerS))
		}
	}
	return appendMetric(nil, "time a command at the knee", microseconds, each, len(arm.Saturation.Runs))
}

func steadyMetrics(arm *result.Arm) []metric {
	if arm.Steady == nil {
		return nil
	}
	runs := make([]result.Quantiles, 0, len(arm.SteadyRuns))
	for i := range arm.SteadyRuns {
		runs = append(runs, arm.SteadyRuns[i].ResponseUs)
	}
	if len(runs) == 0 { // there was one
		runs = append(runs, arm.Steady.ResponseUs)
	}
	var all []metric
	for _, q := range []struct {
		name string
		of   func(result.Quantiles) *float64
	}{
		{"response p50", func(q result.Quantiles) *float64 { return q.P50 }},
		{"response p99", func(q result.Quantiles) *float64 { return q.P99 }},
	} {
		var values []float64
		for _, run := range runs {
			if v := q.of(run); v != nil {
				values = appendPositive(values, *v)
			}
		}
		all = appendMetric(all, q.name, microseconds, values, len(runs))
	}
	return all
}

func appendPositive(values []float64, v float64) []float64 {
	if v > 0 {
		return append(values, v)
	}
	return values
}

func appendMetric(all []metric, name string, u unit, values []float64, of int) []metric {
	if len(values) == 0 {
		return all
	}
	return append(all, metric{name: name, unit: u, values: stat.Sorted(values), missing: of - len(values)})
}

func metricOf(r *result.Result, arm *result.Arm, name string) (metric, bool) {
	all := metricsOf(r, arm)
	i := slices.IndexFunc(all, func(m metric) bool { return m.name == name })
	if i < 0 {
		return metric{}, false
	}
	return all[i], true
}
