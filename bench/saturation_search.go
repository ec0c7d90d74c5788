package bench

import "github.com/raftmark/raftmark/bench/result"

// rateSearch looks for the highest rate of a grid that is held: a climb in strides while rates are held, then halving
// between the highest that was and the lowest that was not. It is pure: the same answers give the same questions.
//
// The noise of a shared machine must neither end a climb nor lift a knee, so a rate that was not held at its first
// attempt is tried again and the best of three counts: held with two, not held with two.
//
// Invariant: low < high; every rate that counts as held has a number of at most low, when rates are held up to some
// rate and not above it.
type rateSearch struct {
	stride, top int
	low, high   int // held, not held; -1 and top+1 while there is none
	at          int // under way
	attempts    []string
	// bound is what the rate number high was not held for: BoundSystem or BoundGenerator; BoundRange while all were held.
	bound string
}

func newRateSearch(o *Saturation) *rateSearch {
	return &rateSearch{stride: o.stride(), top: o.top(), low: -1, high: o.top() + 1, bound: result.BoundRange}
}

// next returns the number of the rate to hold and which attempt this is, from 1; more is false when the search is over.
func (s *rateSearch) next() (rate, attempt int, more bool) {
	if len(s.attempts) > 0 {
		return s.at, len(s.attempts) + 1, true
	}
	switch {
	case s.high-s.low <= 1 || s.high == 0:
		return 0, 0, false
	case s.low < 0:
		s.at = 0
	case s.bound == result.BoundRange: // nothing was missed yet
		s.at = min(s.low+s.stride, s.top)
	default:
		s.at = (s.low + s.high) / 2
	}
	return s.at, 1, true
}

// learn takes what became of the rate that next returned: OutcomeHeld, OutcomeMissed or OutcomeInvalid.
func (s *rateSearch) learn(outcome string) {
	s.attempts = append(s.attempts, outcome)
	held, missed := 0, 0
	for _, o := range s.attempts {
		switch o {
		case result.OutcomeHeld:
			held++
		case result.OutcomeMissed:
			missed++
		}
	}
	others := len(s.attempts) - held
	switch {
	case held == len(s.attempts) || held == 2:
		s.low = s.at
	case others == 2:
		s.high, s.bound = s.at, result.BoundGenerator
		if missed == 2 {
			s.bound = result.BoundSystem
		}
	default:
		return // not decided
	}
	s.attempts = nil
}

// knee returns the number of the highest rate that was held; not ok when none was.
func (s *rateSearch) knee() (rate int, ok bool) { return s.low, s.low >= 0 }
