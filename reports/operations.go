package reports

import (
	"cmp"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
)

// readOps goes through the operations once.
func (s *study) readOps(byName map[string]*armStudy) error {
	struck := map[string][]window{}
	for _, a := range s.arms {
		struck[a.Name] = a.struck()
	}
	for op, err := range s.Ops() {
		if err != nil {
			return err
		}
		a := byName[op.Arm]
		for _, e := range a.laid {
			e.add(&op)
		}
		if _, ok := find(a.steady, op.IntendedUs); ok {
			a.calm.add(&op)
		}
		if _, ok := find(struck[op.Arm], op.IntendedUs); ok {
			a.broken.add(&op)
		}
	}
	return nil
}

// struck returns the times from a fault to the end of its trial, the control left out.
func (a *armStudy) struck() []window {
	var windows []window
	for kind, trials := range a.trials {
		for _, t := range trials {
			if kind != noop && t.InjectUs >= 0 && t.EndUs > t.InjectUs {
				windows = append(windows, window{t.InjectUs, t.EndUs})
			}
		}
	}
	slices.SortFunc(windows, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	return windows
}

// add takes an operation at its response and service time. Operations of unknown outcome count at the age at which they
// were given up, a lower bound; those that certainly failed are not latencies and are counted in the tables.
func (l *latencies) add(op *result.OpRow) {
	if op.Outcome == "failed" || op.DoneUs < op.IntendedUs {
		return
	}
	weight := float64(op.SampledOneIn)
	l.response.Add(float64(op.DoneUs-op.IntendedUs), weight)
	if op.SentUs >= 0 && op.DoneUs >= op.SentUs {
		l.service.Add(float64(op.DoneUs-op.SentUs), weight)
	}
}
