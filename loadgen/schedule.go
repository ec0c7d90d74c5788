package loadgen

import (
	"math/rand/v2"
	"time"
)

// ScheduleKind names how operations are spaced.
type ScheduleKind string

// The schedules.
const (
	ScheduleConst   ScheduleKind = "const"   // equal gaps
	SchedulePoisson ScheduleKind = "poisson" // independent exponential gaps: many users who do not know of each other
)

// Schedule lists the instants at which operations are due. It is pure: the kind, the rate, the seed and the anchor give
// the same list.
//
// Invariant: instants never decrease.
type Schedule struct {
	kind   ScheduleKind
	gap    float64 // mean gap, ns
	anchor time.Duration
	n      float64 // operations since the anchor (const)
	at     float64 // ns since the anchor (poisson)
	random *rand.Rand
}

// NewSchedule returns the schedule of kind at rate operations a second that begins at anchor.
func NewSchedule(kind ScheduleKind, rate float64, seed uint64, anchor time.Duration) *Schedule {
	return &Schedule{
		kind:   kind,
		gap:    float64(time.Second) / rate,
		anchor: anchor,
		random: rand.New(rand.NewPCG(seed, 0x7363686564756c65)),
	}
}

// Next returns when the next operation is due, on the anchor's clock.
func (s *Schedule) Next() time.Duration {
	if s.kind == SchedulePoisson {
		s.at += s.random.ExpFloat64() * s.gap
		return s.anchor + time.Duration(s.at)
	}
	due := s.anchor + time.Duration(s.n*s.gap) // by multiplication: no error adds up
	s.n++
	return due
}

// Reanchor starts the schedule anew at anchor, so that what was due before and not sent makes no burst.
func (s *Schedule) Reanchor(anchor time.Duration) {
	s.anchor, s.n, s.at = anchor, 0, 0
}
