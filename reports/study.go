package reports

import (
	"cmp"
	"math"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/stat"
)

// noop is the control: a trial in which nothing is broken.
const noop = result.KindNoOp

// study is a result, arranged by arm and by kind of fault.
type study struct {
	*result.Result
	arms     []*armStudy
	watching []*watched // trials that are shown one by one
	kinds    []string   // of faults, in the order of the summary, without the control
}

// armStudy is what is known of one arm.
type armStudy struct {
	result.Arm
	bins   []result.TimelineBin
	trials map[string][]result.Trial
	steady []window  // phases without faults
	spans  []window  // where the timeline has no gap
	calm   latencies // of operations meant to start in a steady phase
	// calmRuns are the same by phase: one a run.
	calmRuns []*latencies
	broken   latencies         // of operations under way between a fault and the end of its trial
	laid     map[string]*epoch // trials laid on each other, by kind

	courses []*courseStudy // by run
	heat    *plot.HeatArm  // nil without intervals.hlog

	timeoutUs float64 // after which a client gives an operation up; 0 when it is not known
}

// window is [from, to) in microseconds of the arm.
type window struct{ from, to int64 }

// latencies are of operations, weighted by how many each stands for.
type latencies struct{ response, service stat.Weighted }

func newStudy(r *result.Result) (*study, error) { return newStudyWatching(r, (*study).watchOdd) }

// newStudyWatching also keeps the operations of the trials that choose watches.
func newStudyWatching(r *result.Result, choose func(*study)) (*study, error) {
	s := &study{Result: r}
	byName := map[string]*armStudy{}
	for _, arm := range r.Summary.Arms {
		a := &armStudy{Arm: arm, trials: map[string][]result.Trial{}, laid: map[string]*epoch{}}
		a.timeoutUs = clientTimeout(arm.Config) * 1e3
		for i := range a.Courses {
			a.courses = append(a.courses, newCourseStudy(a, &a.Courses[i]))
		}
		s.arms = append(s.arms, a)
		byName[arm.Name] = a
		for _, f := range arm.Faults {
			if f.Kind != noop && !slices.Contains(s.kinds, f.Kind) {
				s.kinds = append(s.kinds, f.Kind)
			}
		}
	}
	for _, t := range r.Trials {
		a := byName[t.Arm]
		a.trials[t.Kind] = append(a.trials[t.Kind], t)
		if t.Kind != noop && !slices.Contains(s.kinds, t.Kind) {
			s.kinds = append(s.kinds, t.Kind)
		}
	}
	for _, b := range r.Timeline {
		byName[b.Arm].addBin(b)
	}
	for _, kind := range s.kinds {
		s.layOut(kind)
	}
	choose(s)
	if err := s.readIntervals(); err != nil {
		return s, err
	}
	return s, s.readOps(byName)
}

// addBin also notes where phases and gaps are.
func (a *armStudy) addBin(b result.TimelineBin) {
	a.bins = append(a.bins, b)
	end := b.StartUs + b.WidthUs
	if n := len(a.spans); n > 0 && a.spans[n-1].to == b.StartUs {
		a.spans[n-1].to = end
	} else {
		a.spans = append(a.spans, window{b.StartUs, end})
	}
	if b.Phase != "steady" {
		return
	}
	if n := len(a.steady); n > 0 && a.steady[n-1].to == b.StartUs {
		a.steady[n-1].to = end
	} else {
		a.steady = append(a.steady, window{b.StartUs, end})
	}
}

// outages returns the outages of a kind in milliseconds.
func (a *armStudy) outages(kind string) stat.Sample {
	var values []float64
	for _, t := range a.trials[kind] {
		values = append(values, t.OutageMs)
	}
	return stat.Sorted(values)
}

// leaderless returns the times without a leader, of the trials in which the end of it was observed.
func (a *armStudy) leaderless(kind string) stat.Sample {
	var values []float64
	for _, t := range a.trials[kind] {
		if t.LeaderlessMs >= 0 && t.CommitUs >= 0 {
			values = append(values, t.LeaderlessMs)
		}
	}
	return stat.Sorted(values)
}

// debts returns the latency debts in operation-seconds.
func (a *armStudy) debts(kind string) stat.Sample {
	var values []float64
	for _, t := range a.trials[kind] {
		values = append(values, t.LatencyDebtOpS)
	}
	return stat.Sorted(values)
}

// median of what at returns for the trials; NaN when none returns something.
func median(trials []result.Trial, at func(result.Trial) (float64, bool)) float64 {
	var values []float64
	for _, t := range trials {
		if v, ok := at(t); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return math.NaN()
	}
	return stat.Sorted(values).OrderStatistic(.5)
}

// find returns the window that holds t.
func find(windows []window, t int64) (int, bool) {
	i, _ := slices.BinarySearchFunc(windows, t, func(w window, t int64) int { return cmp.Compare(w.to, t+1) })
	return i, i < len(windows) && windows[i].from <= t
}
