package loadgen

import (
	"math"
	"math/rand/v2"
	"time"
)

// ScheduleKind names how operations are spaced.
type ScheduleKind string

// The schedules.
const (
	ScheduleConst   ScheduleKind = "const"   // equal gaps
	SchedulePoisson ScheduleKind = "poisson" // independent exponential gaps: many users who do not know of each other
	ScheduleStep    ScheduleKind = "step"    // one rate after the other, each for its time
	ScheduleRamp    ScheduleKind = "ramp"    // from one rate to another in a straight line
)

// Step is one rate of a ScheduleStep.
type Step struct {
	Rate float64       // operations a second
	For  time.Duration // how long
}

// Schedule lists the instants at which operations are due. It is pure: the options, their seed included, and the anchor
// give the same list.
//
// The rate is a line over time, bent at the ends of steps. Operation n is due where the area under the line has reached
// n, or, when the spacing is poisson, the sum of n exponential draws: a Poisson process whose rate is the line.
//
// Invariant: instants never decrease.
type Schedule struct {
	lines   []line
	poisson bool
	random  *rand.Rand

	anchor time.Duration
	warm   bool    // the first rate, for ever
	at     int     // the line that the last instant was on
	area   float64 // operations since the anchor
	first  bool    // the next operation is the first one
}

// line is a part of a schedule along which the rate changes evenly, or not at all. Times are in nanoseconds since the
// anchor, rates in operations a nanosecond.
type line struct {
	from, area float64 // where it begins: time, and operations before it
	rate       float64 // where it begins
	slope      float64 // change of the rate in a nanosecond
	operations float64 // that are due on it
}

// NewSchedule returns the schedule of options that have their defaults, anchored at anchor.
func NewSchedule(o Options, anchor time.Duration) *Schedule {
	s := &Schedule{
		lines:   linesOf(o),
		poisson: o.Schedule == SchedulePoisson || o.Spacing == SchedulePoisson,
		random:  rand.New(rand.NewPCG(o.Seed, 0x7363686564756c65)),
	}
	s.Reanchor(anchor)
	return s
}

// linesOf returns the rate's course. The last line goes on at its last rate: a schedule has no end.
func linesOf(o Options) []line {
	const second = float64(time.Second)
	var lines []line
	from, area := 0.0, 0.0
	add := func(rate, to float64, length time.Duration) {
		l := line{from: from, area: area, rate: rate / second, operations: math.Inf(1)}
		if length > 0 {
			took := float64(length)
			l.slope = (to - rate) / second / took
			l.operations = (rate + to) / 2 / second * took
			from, area = from+took, area+l.operations
		}
		lines = append(lines, l)
	}
	switch o.Schedule {
	case ScheduleStep:
		for _, step := range o.Steps {
			add(step.Rate, step.Rate, step.For)
		}
		last := o.Steps[len(o.Steps)-1].Rate
		add(last, last, 0)
	case ScheduleRamp:
		add(o.Rate, o.RampTo, o.Duration)
		add(o.RampTo, o.RampTo, 0)
	default:
		add(o.Rate, o.Rate, 0)
	}
	return lines
}

// Next returns when the next operation is due, on the anchor's clock.
func (s *Schedule) Next() time.Duration {
	switch {
	case s.poisson:
		s.area += s.random.ExpFloat64()
	case s.first:
		s.first = false
	default:
		s.area++
	}
	if s.warm {
		return s.anchor + time.Duration(math.Round(s.area/s.lines[0].rate))
	}
	for s.area >= s.lines[s.at].area+s.lines[s.at].operations {
		s.at++
	}
	return s.anchor + time.Duration(math.Round(s.lines[s.at].due(s.area)))
}

// due returns when the area under the course has reached area: by one formula from the line's beginning, so that no
// error adds up.
func (l line) due(area float64) float64 {
	left := area - l.area
	if l.slope == 0 {
		return l.from + left/l.rate
	}
	// rate·t + slope·t²/2 = left, solved without the difference of two large numbers.
	root := math.Sqrt(max(0, l.rate*l.rate+2*l.slope*left))
	return l.from + 2*left/(l.rate+root)
}

// Reanchor starts the schedule anew at anchor, so that what was due before and not sent makes no burst.
func (s *Schedule) Reanchor(anchor time.Duration) {
	s.anchor, s.at, s.area, s.first, s.warm = anchor, 0, 0, true, false
}

// Warm does the same, and stays at the first rate until Reanchor is called: the warm-up.
func (s *Schedule) Warm(anchor time.Duration) {
	s.Reanchor(anchor)
	s.warm = true
}
