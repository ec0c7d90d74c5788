package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// saturationFigure is latency against offered load (P7).
func (s *study) saturationFigure() page.Block {
	arms := s.saturated()
	if len(arms) == 0 {
		return nil
	}
	floor := lowestFloorUs(arms)
	runs, interval := 0, "median over runs; band: lowest to highest run"
	var drawn []plot.SaturationArm
	invalid := 0
	for _, a := range arms {
		x := a.Saturation
		runs = max(runs, len(x.Runs))
		drawn = append(drawn, s.saturationArm(a))
		for _, p := range x.Points {
			invalid += p.Invalid
		}
	}
	if runs == 1 {
		interval = "of the one run"
	} else if runs >= stat.MinSample(.5) {
		interval = "median over runs; band: 95 % interval"
	}
	caption := fmt.Sprintf("Response time from the intended start against the offered rate, %d runs an arm. Each dot "+
		"is one rate held for a while in one run; lines join the medians over runs. The vertical line is the knee, "+
		"the limit is what p99 was allowed, the floor the lowest of the arms'.", runs)
	if runs == 1 {
		caption = strings.Replace(caption, "1 runs an arm", "1 run an arm", 1)
	}
	if invalid > 0 {
		caption += fmt.Sprintf(" %d attempts are left out, because the generator was late.", invalid)
	}
	return page.Figure{
		Figure: plot.Saturation(plot.SaturationOptions{
			Name: "saturation", Title: "Response time against offered load (log), open loop, without faults",
			SLOUs: arms[0].Saturation.SLOP99Us, FloorUs: floor, IntervalOfKnees: interval,
		}, drawn),
		Caption: caption,
		How: "Left of the knee the lines are nearly flat: batches grow with the load, and pay for it. Right of it a " +
			"queue grows as long as the rate is offered. A knee far below where p50 rises is the tail's: look for " +
			"what stops the cluster now and then, such as compactions and flushes.",
		Not: "How slow it becomes beyond the knee: that depends on how long the rate is held. Nor what other " +
			"machines would do: generator and nodes take processor time from each other, and all the more at the knee.",
	}
}

// saturationArm prepares the curve of an arm.
func (s *study) saturationArm(a *armStudy) plot.SaturationArm {
	x := a.Saturation
	curve := plot.SaturationArm{Label: a.Name, Knee: math.NaN()}
	if x.LowerBound {
		curve.Label += " (knee: a lower bound)"
	}
	if x.Knee.Median != nil {
		curve.Knee = *x.Knee.Median
		curve.KneeLow, curve.Top = kneeRange(x)
		if x.Knee.Low != nil && x.Knee.High != nil {
			curve.KneeLow, curve.Top = *x.Knee.Low, *x.Knee.High
		}
	}
	known := func(us float64) float64 {
		if us < 0 {
			return math.NaN()
		}
		return us
	}
	for i := range s.Saturation {
		r := &s.Saturation[i]
		if r.Arm == a.Name && r.Phase == result.SaturationSearch && r.Outcome != result.OutcomeInvalid && r.P50Us > 0 {
			curve.Points = append(curve.Points, plot.SaturationPoint{
				OfferedPS: r.RatePerS, P50: r.P50Us, P99: known(r.P99Us), Held: r.Outcome == result.OutcomeHeld,
			})
		}
	}
	for _, p := range x.Points {
		if p.Held+p.Missed > 0 {
			curve.Medians = append(curve.Medians, plot.SaturationMedian{OfferedPS: p.OfferedPerS, P50: p.P50Us, P99: p.P99Us})
		}
	}
	return curve
}

// searchTimeline is what was offered and acknowledged, rate after rate.
func (s *study) searchTimeline() page.Block {
	arms := s.timelineArms()
	if len(arms) == 0 {
		return nil
	}
	return page.Figure{
		Figure: plot.ThroughputTimeline("throughput-timeline", arms),
		Caption: "Operations a second through the searches of each arm, run after run: offered by the schedules " +
			"(grey), acknowledged (coloured), and those that failed, stayed unknown or were shed (red bars). Each " +
			"step is one rate with its warm-up; the last ones of a run are the shares of its knee.",
		How: "Coloured on grey means that the cluster kept up. A gap between two rates is the time in which it was " +
			"let to settle.",
		Not: "Latency, and outages shorter than a column of the picture.",
	}
}
