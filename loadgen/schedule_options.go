package loadgen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/loadgen/units"
)

func total(steps []Step) (sum time.Duration) {
	for _, step := range steps {
		sum += step.For
	}
	return sum
}

// FirstRate returns the rate of the warm-up, which is the one that the schedule begins with.
func (o Options) FirstRate() float64 {
	if o.Schedule == ScheduleStep && len(o.Steps) > 0 {
		return o.Steps[0].Rate
	}
	return o.Rate
}

// validateSchedule returns all faults of the fields that make the schedule.
func (o Options) validateSchedule() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	rate := func(field string, r float64) {
		fault(r > 0 && r <= RateMax, "%s = %v/s: want above 0 and at most %d", field, r, RateMax) // false for NaN
	}
	kinds := []ScheduleKind{ScheduleConst, SchedulePoisson, ScheduleStep, ScheduleRamp}
	fault(slices.Contains(kinds, o.Schedule), "Schedule = %q: want one of %q", o.Schedule, kinds)
	step, ramp := o.Schedule == ScheduleStep, o.Schedule == ScheduleRamp
	fault(!o.Closed || !step && !ramp, "Schedule = %q with Closed: a closed loop has no schedule", o.Schedule)
	if step {
		fault(o.Rate == 0, "Rate = %v/s with Schedule %q: want it in Steps", o.Rate, o.Schedule)
		fault(len(o.Steps) > 0 && len(o.Steps) <= StepsMax, "Steps: %d given, want 1 to %d", len(o.Steps), StepsMax)
		for i, s := range o.Steps {
			rate(fmt.Sprintf("Steps[%d].Rate", i), s.Rate)
			fault(s.For > 0, "Steps[%d].For = %v: want above 0", i, s.For)
		}
		sum := total(o.Steps)
		fault(o.Duration == sum, "Duration = %v with Schedule %q: want the sum of the steps, %v", o.Duration, o.Schedule, sum)
	} else {
		rate("Rate", o.Rate)
		fault(len(o.Steps) == 0, "Steps: %d given with Schedule %q, want none", len(o.Steps), o.Schedule)
	}
	if ramp {
		rate("RampTo", o.RampTo)
		fault(o.Duration > 0, "Duration = %v with Schedule %q: want above 0", o.Duration, o.Schedule)
	} else {
		fault(o.RampTo == 0, "RampTo = %v/s with Schedule %q: want none", o.RampTo, o.Schedule)
	}
	if step || ramp {
		fault(o.Spacing == ScheduleConst || o.Spacing == SchedulePoisson,
			"Spacing = %q: want %q or %q", o.Spacing, ScheduleConst, SchedulePoisson)
	} else {
		fault(o.Spacing == "", "Spacing = %q with Schedule %q: want none", o.Spacing, o.Schedule)
	}
	return errors.Join(faults...)
}

// ParseSteps reads steps such as 1000/s:10s,2000/s:10s.
func ParseSteps(text string) ([]Step, error) {
	var steps []Step
	for part := range strings.SplitSeq(text, ",") {
		rate, length, found := strings.Cut(part, ":")
		if !found {
			return nil, fmt.Errorf("step %q: want rate:time, such as 1000/s:10s", part)
		}
		step := Step{}
		var errRate, errTime error
		step.Rate, errRate = parseRate(rate)
		step.For, errTime = time.ParseDuration(strings.TrimSpace(length))
		if err := errors.Join(errRate, errTime); err != nil {
			return nil, fmt.Errorf("step %q: %w", part, err)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// ParseRamp reads a ramp such as 100/s..5000/s.
func ParseRamp(text string) (from, to float64, err error) {
	low, high, found := strings.Cut(text, "..")
	if !found {
		return 0, 0, fmt.Errorf("ramp %q: want rate..rate, such as 100/s..5000/s", text)
	}
	from, errFrom := parseRate(low)
	to, errTo := parseRate(high)
	if err := errors.Join(errFrom, errTo); err != nil {
		return 0, 0, fmt.Errorf("ramp %q: %w", text, err)
	}
	return from, to, nil
}

func parseRate(text string) (float64, error) {
	rate, err := units.ParseRate(text)
	if err == nil && rate.Max {
		return 0, fmt.Errorf("rate %q: want a number", text)
	}
	return rate.PerSecond, err
}

// ScheduleText says in words what the open loop offers.
func (o Options) ScheduleText() string {
	rate := func(perS float64) string { return units.Rate{PerSecond: perS}.String() }
	switch o.Schedule {
	case ScheduleStep:
		parts := make([]string, len(o.Steps))
		for i, step := range o.Steps {
			parts[i] = fmt.Sprintf("%s:%v", rate(step.Rate), step.For)
		}
		return fmt.Sprintf("steps %s %s", strings.Join(parts, ","), o.Spacing)
	case ScheduleRamp:
		return fmt.Sprintf("ramp %s..%s %s", rate(o.Rate), rate(o.RampTo), o.Spacing)
	case ScheduleConst, SchedulePoisson:
	}
	return fmt.Sprintf("%s %s", rate(o.Rate), o.Schedule)
}
