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
		for _, w := range s.watching {
			if w.arm == a {
				w.add(&op)
			}
		}
		response, known := a.waited(&op)
		for _, e := range a.laid {
			e.add(&op, response, known)
		}
		if !known {
			continue
		}
		for _, c := range a.courses {
			c.add(&op, response)
		}
		if i, ok := find(a.steady, op.IntendedUs); ok {
			a.calm.add(&op, response)
			a.calmOfRun(i).add(&op, response)
		}
		_, due := find(struck[op.Arm], op.IntendedUs)
		if _, ended := find(struck[op.Arm], op.DoneUs); due || ended {
			a.broken.add(&op, response)
		}
	}
	return nil
}

// calmOfRun returns the operations of one steady phase, from 0.
func (a *armStudy) calmOfRun(i int) *latencies {
	for len(a.calmRuns) <= i {
		a.calmRuns = append(a.calmRuns, &latencies{})
	}
	return a.calmRuns[i]
}

// waited returns how long the user of an operation waited, in microseconds: to the answer, or in vain, and then at
// least for the clients' timeout, whatever the outcome, so that no error improves a percentile (rule R5). It is not
// known when the operation never ended and the timeout is not in the arm's options.
func (a *armStudy) waited(op *result.OpRow) (us float64, known bool) {
	age := float64(op.DoneUs - op.IntendedUs)
	if op.Outcome == "ok" {
		return age, age >= 0
	}
	age = max(age, a.timeoutUs)
	return age, age > 0
}

// struck returns the times in which trials went on, from the order of the fault to the end, the control left out.
func (a *armStudy) struck() []window {
	var windows []window
	for kind, trials := range a.trials {
		for _, t := range trials {
			if kind != noop && t.CommandUs >= 0 && t.EndUs > t.CommandUs {
				windows = append(windows, window{t.CommandUs, t.EndUs})
			}
		}
	}
	slices.SortFunc(windows, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	return windows
}

// add takes an operation at its response time and, when it was answered, its service time.
func (l *latencies) add(op *result.OpRow, response float64) {
	weight := float64(op.SampledOneIn)
	l.response.Add(response, weight)
	if op.Outcome == "ok" && op.SentUs >= 0 && op.DoneUs >= op.SentUs {
		l.service.Add(float64(op.DoneUs-op.SentUs), weight)
	}
}

// merge adds the operations of another sample.
func (l *latencies) merge(other *latencies) {
	l.response.Merge(&other.response)
	l.service.Merge(&other.service)
}
