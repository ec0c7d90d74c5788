package site

import (
	"math"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// metric is what a trend is of.
type metric struct{ name, unit string }

// measured is a metric of an arm with its value, NaN where the sample was too small.
type measured struct {
	metric
	value float64
}

// measuredOf lists what has a trend, in the order of a report. Less is better in all of them.
func measuredOf(arm *result.Arm) []measured {
	var all []measured
	add := func(name, unit string, value *float64, per float64) {
		m := measured{metric: metric{name, unit}, value: math.NaN()}
		if value != nil {
			m.value = *value / per
		}
		all = append(all, m)
	}
	if s := arm.Steady; s != nil {
		add("response p50", "ms", s.ResponseUs.P50, 1000)
		add("response p99", "ms", s.ResponseUs.P99, 1000)
	}
	for _, f := range arm.Faults {
		if f.Kind != result.KindNoOp {
			add("outage p50 after "+f.Kind, "ms", f.OutageMs.P50, 1)
			add("leaderless p50 after "+f.Kind, "ms", f.LeaderlessMs.P50, 1)
		}
	}
	if arm.Exchange != nil {
		for _, c := range arm.Exchange.Cells {
			if c.Mode == result.ModeEcho && c.SizeBytes == 256 && c.InFlight == 1 {
				add("round trip p50, 256 B, 1 in flight", "µs", c.P50Us.Median, 1)
				add("CPU of a message, 256 B, 1 in flight", "µs", c.CPUUsPerMessage.Median, 1)
			}
		}
	}
	return all
}

// courses returns the metrics of a family, and each arm's values over its results.
func (f *family) courses() ([]metric, []*course) {
	var metrics []metric
	var all []*course
	for at, e := range f.entries {
		for i := range e.result.Summary.Arms {
			arm := &e.result.Summary.Arms[i]
			class, err := classOf(arm)
			if err != nil { // it came from JSON, and goes back to it
				continue
			}
			for _, m := range measuredOf(arm) {
				if !slices.Contains(metrics, m.metric) {
					metrics = append(metrics, m.metric)
				}
				c := find(&all, arm, m.name, class, len(f.entries))
				if e.rendered.Stamp == "" {
					c.values[at] = m.value
				}
			}
		}
	}
	return metrics, all
}

// find returns the course, made anew with gaps only when there is none.
func find(all *[]*course, arm *result.Arm, metric, class string, results int) *course {
	classes := 1
	for _, c := range *all {
		if c.metric != metric || c.arm != arm.Name {
			continue
		}
		if c.class == class {
			return c
		}
		if c.durability == arm.Durability {
			classes++
		}
	}
	c := &course{
		label: label(arm, classes), arm: arm.Name, durability: arm.Durability, metric: metric, class: class,
	}
	for range results {
		c.values = append(c.values, math.NaN())
	}
	*all = append(*all, c)
	return c
}
