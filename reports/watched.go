package reports

import (
	"cmp"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// watched is a trial whose single operations are kept, to be drawn.
type watched struct {
	arm   *armStudy
	trial result.Trial
	// rank says which one it is of all trials of its kind, in words; empty when it was asked for by its number.
	rank     string
	n        int   // trials of the kind that the rank is of
	from, to int64 // of the operations that are kept, by their due time or their end
	ops      []result.OpRow
	left     int // operations beyond watchedOpsMax
}

// watchedOpsMax caps the operations of one trial.
const watchedOpsMax = 200_000

// watch keeps the operations of a trial from now on. The same trial is watched once.
func (s *study) watch(a *armStudy, t result.Trial) *watched {
	for _, w := range s.watching {
		if w.arm == a && w.trial.Kind == t.Kind && w.trial.Trial == t.Trial {
			return w
		}
	}
	w := &watched{arm: a, trial: t, from: t.CommandUs - beforeFault, to: max(t.EndUs, t.InjectUs+afterFaultMin)}
	if e := a.laid[t.Kind]; e != nil {
		w.from, w.to = min(w.from, t.InjectUs-beforeFault), max(w.to, t.InjectUs-beforeFault+int64(e.bins)*e.bin)
	}
	s.watching = append(s.watching, w)
	return w
}

func (w *watched) add(op *result.OpRow) {
	due, ended := op.IntendedUs >= w.from && op.IntendedUs < w.to, op.DoneUs >= w.from && op.DoneUs < w.to
	switch {
	case !due && !ended:
	case len(w.ops) == watchedOpsMax:
		w.left++
	default:
		w.ops = append(w.ops, *op)
	}
}

// watchOdd chooses the trials that a report shows one by one: of each kind the median and the worst of all arms, and
// the worst of each arm.
func (s *study) watchOdd() {
	for _, kind := range s.kinds {
		type candidate struct {
			a *armStudy
			t result.Trial
		}
		var all []candidate
		for _, a := range s.arms {
			own := slices.DeleteFunc(slices.Clone(a.trials[kind]), func(t result.Trial) bool { return t.InjectUs < 0 })
			slices.SortStableFunc(own, func(x, y result.Trial) int { return cmp.Compare(x.OutageMs, y.OutageMs) })
			for _, t := range own {
				all = append(all, candidate{a, t})
			}
			if len(own) > 0 {
				s.watch(a, own[len(own)-1])
			}
		}
		if len(all) == 0 {
			continue
		}
		slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(x.t.OutageMs, y.t.OutageMs) })
		for _, pick := range []struct {
			c    candidate
			rank string
		}{{all[(len(all)-1)/2], "the median outage"}, {all[len(all)-1], "the longest outage"}} {
			w := s.watch(pick.c.a, pick.c.t)
			w.n = len(all)
			if w.rank == "" {
				w.rank = pick.rank
			}
		}
	}
}

// watchedOf returns what is kept of a kind, in the order in which it was chosen.
func (s *study) watchedOf(kind string) []*watched {
	return slices.DeleteFunc(slices.Clone(s.watching), func(w *watched) bool { return w.trial.Kind != kind })
}
