package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// Steps are the rates of schedule step, which scenarios write as text: "1000/s:10s,2000/s:10s".
type Steps []loadgen.Step

// String returns the steps as scenarios write them.
func (s Steps) String() string {
	parts := make([]string, len(s))
	for i, step := range s {
		parts[i] = fmt.Sprintf("%s:%s", Rate(step.Rate), step.For)
	}
	return strings.Join(parts, ",")
}

// MarshalText implements encoding.TextMarshaler.
func (s Steps) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Steps) UnmarshalText(text []byte) error {
	steps, err := loadgen.ParseSteps(clean(text))
	if err != nil {
		return fmt.Errorf("%q is not a list of steps such as 1000/s:10s,2000/s:10s", clean(text))
	}
	*s = steps
	return nil
}

// UnmarshalYAML decodes a scalar; its errors know their line.
func (s *Steps) UnmarshalYAML(node ast.Node) error { return decodeUnit(s, node) }

func (s Steps) total() (sum time.Duration) {
	for _, step := range s {
		sum += step.For
	}
	return sum
}

// moves says whether the rate changes during the steady phase: there is nothing to be steady about then.
func (l Load) moves() bool {
	return l.Schedule == string(loadgen.ScheduleStep) || l.Schedule == string(loadgen.ScheduleRamp)
}

// operations returns how many operations are due in a warm-up and a steady phase, about.
func (l Load) operations(warmup, steady time.Duration) float64 {
	first, sum := float64(l.Rate), float64(l.Rate)*steady.Seconds()
	switch l.Schedule {
	case string(loadgen.ScheduleRamp):
		sum = (first + float64(l.RampTo)) / 2 * steady.Seconds()
	case string(loadgen.ScheduleStep):
		sum = 0
		for _, step := range l.Steps {
			sum += step.Rate * step.For.Seconds()
		}
		if len(l.Steps) > 0 {
			first = l.Steps[0].Rate
		}
	}
	return first*warmup.Seconds() + sum
}

// schedule sets the fields of the schedule.
func (s Scenario) schedule(o *loadgen.Options) {
	l := s.Load
	o.Rate, o.Schedule = float64(l.Rate), loadgen.ScheduleKind(l.Schedule)
	if !l.moves() {
		return
	}
	o.Duration, o.Spacing = time.Duration(s.Steady), loadgen.SchedulePoisson
	if l.Spacing != "" {
		o.Spacing = loadgen.ScheduleKind(l.Spacing)
	}
	if o.Schedule == loadgen.ScheduleStep {
		o.Rate, o.Steps = 0, l.Steps
	} else {
		o.RampTo = float64(l.RampTo)
	}
}

func (s Scenario) validateSchedule(f *faults) {
	l := s.Load
	f.oneOf("load.schedule", l.Schedule, "poisson", "const", "step", "ramp")
	step, ramp := l.Schedule == string(loadgen.ScheduleStep), l.Schedule == string(loadgen.ScheduleRamp)
	f.need(step || len(l.Steps) == 0, "load.steps", l.Steps, "left out with schedule %s", l.Schedule)
	f.need(ramp || l.RampTo == 0, "load.ramp_to", l.RampTo, "left out with schedule %s", l.Schedule)
	f.need(l.moves() || l.Spacing == "", "load.spacing", quoted(l.Spacing), "left out with schedule %s", l.Schedule)
	if l.Spacing != "" {
		f.oneOf("load.spacing", l.Spacing, "poisson", "const")
	}
	if !l.moves() {
		return
	}
	f.need(len(s.Faults) == 0 && s.Course == nil, "load.schedule", quoted(l.Schedule),
		"poisson or const with faults or a course, which need a rate that stays")
	if ramp {
		f.need(l.RampTo > 0 && l.RampTo <= 1e6, "load.ramp_to", l.RampTo, "above 0 and at most 1000000/s")
		return
	}
	f.need(len(l.Steps) > 0 && len(l.Steps) <= loadgen.StepsReportedMax, "load.steps", l.Steps, "1 to %d steps",
		loadgen.StepsReportedMax)
	for i, one := range l.Steps {
		f.need(one.Rate > 0 && one.Rate <= 1e6 && one.For > 0, "load.steps", l.Steps,
			"of rates above 0 and at most 1000000/s, for more than 0s; step %d is not", i+1)
	}
	f.need(l.Steps.total() == time.Duration(s.Steady), "steady", s.Steady, "the sum of load.steps (%s)", l.Steps.total())
}

// recordSteps sums each step of a run up by itself, by the intended instant.
func (a *armRecord) recordSteps(r *run) {
	from, to := r.window.window()
	if r.steadyTo == 0 || to <= from {
		return
	}
	for i, step := range r.scenario.Load.Steps {
		end := min(from+step.For, to)
		if end <= from {
			return
		}
		stats := loadgen.StatsOf(r.entries, from, end)
		a.steps = append(a.steps, result.SteadyStep{
			Run: r.number, Step: i + 1, RatePerS: step.Rate, OfferedPerS: stats.OfferedPerS, AchievedPerS: stats.AchievedPerS,
			ResponseUs: result.Quantiles(stats.ResponseUs), NotOK: stats.Failed + stats.Unknown + stats.Shed,
		})
		from = end
	}
}
