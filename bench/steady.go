package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// steadyDrift and steadyDriftLeast bound the drift of a steady phase: the medians of its two halves, each the median
// of per-second medians, differ by less than this factor, or by less than this time.
const (
	steadyDrift      = 2.0
	steadyDriftLeast = 2 * time.Millisecond
)

// steadyStats gathers the steady phases of an arm's runs.
type steadyStats struct {
	histograms *loadgen.Histograms
	duration   time.Duration
	acked      float64
	runs       []result.SteadyRun
	notes      []string
	moves      bool // the rate changes: no drift is looked for
}

func newSteadyStats() *steadyStats { return &steadyStats{histograms: loadgen.NewHistograms()} }

// add takes the steady phase of one run, [from, to), and notes what makes it invalid (rule R16): each run must hold the
// conditions, because the others' operations would hide what is wrong with one. What happened to the generator's
// process is of the whole run: nil when it did not get to its end.
func (s *steadyStats) add(run int, entries []loadgen.Entry, from, to time.Duration, self *loadgen.Self) {
	one := s.window(entries, from, to)
	one.Self = self
	s.runs = append(s.runs, result.SteadyRun{
		Run: run, OfferedPerS: one.OfferedPerS, AchievedPerS: one.AchievedPerS, ResponseUs: result.Quantiles(one.ResponseUs),
	})
	for _, reason := range one.Invalid() {
		s.notes = append(s.notes, fmt.Sprintf("run %d: %s", run, reason))
	}
	if one.Shed > 0 {
		s.notes = append(s.notes, fmt.Sprintf("run %d: %d operations of the steady phase were shed", run, one.Shed))
	}
	if one.Failed+one.Unknown > 0 {
		s.notes = append(s.notes, fmt.Sprintf("run %d: %d operations failed and %d ended unknown in the steady phase",
			run, one.Failed, one.Unknown))
	}
	if drift := driftOf(entries, from, to); drift != "" && !s.moves {
		s.notes = append(s.notes, fmt.Sprintf("run %d: the steady phase was not steady: %s", run, drift))
	}
}

// window takes what was due in [from, to), and returns it summed up by itself.
func (s *steadyStats) window(entries []loadgen.Entry, from, to time.Duration) loadgen.Stats {
	one := loadgen.StatsOf(entries, from, to)
	s.acked += one.AchievedPerS * one.DurationS
	s.duration += to - from
	s.histograms.SetWindow(from, to)
	for i := range entries {
		e := &entries[i]
		if e.Intended >= from && e.Intended < to {
			s.histograms.Record(&loadgen.Op{
				Seq: e.Seq, Kind: e.Kind, Intended: e.Intended, Dispatched: e.Dispatched, Sent: e.Sent, Done: e.Done,
				Deadline: e.Deadline, Outcome: e.Outcome, Attempts: int(e.Attempts), Redirects: int(e.Redirects),
			})
		}
	}
	return one
}

// summary returns the summary and what makes it invalid, by run.
func (s *steadyStats) summary() (*result.Steady, []string) {
	if s.duration == 0 {
		return nil, []string{"no steady phase was measured"}
	}
	return s.sums(), s.notes
}

// sums returns all windows together.
func (s *steadyStats) sums() *result.Steady {
	stats := s.histograms.Stats()
	stats.DurationS = s.duration.Seconds()
	stats.OfferedPerS = float64(stats.Offered) / stats.DurationS
	stats.AchievedPerS = s.acked / stats.DurationS
	return &result.Steady{
		DurationS: stats.DurationS, OfferedPerS: stats.OfferedPerS, AchievedPerS: stats.AchievedPerS,
		ResponseUs: result.Quantiles(stats.ResponseUs), ServiceUs: result.Quantiles(stats.ServiceUs),
		SendLagUs: result.Quantiles(stats.SendLagUs),
		OK:        stats.OK, Failed: stats.Failed, Unknown: stats.Unknown, Shed: stats.Shed,
	}
}

// driftOf compares the two halves of the phase by the medians of their seconds; "" when they agree (rule R6).
func driftOf(entries []loadgen.Entry, from, to time.Duration) string {
	seconds := int((to - from) / time.Second)
	if seconds < 2 {
		return ""
	}
	bySecond := make([][]time.Duration, seconds)
	for i := range entries {
		e := &entries[i]
		if at := int((e.Intended - from) / time.Second); e.Intended >= from && at < seconds {
			bySecond[at] = append(bySecond[at], responseOf(e))
		}
	}
	medians := make([]time.Duration, 0, seconds)
	for _, responses := range bySecond {
		if len(responses) > 0 {
			medians = append(medians, median(responses))
		}
	}
	if len(medians) < 2 {
		return ""
	}
	half := len(medians) / 2
	first, second := median(slices.Clone(medians[:half])), median(slices.Clone(medians[len(medians)-half:]))
	low, high := min(first, second), max(first, second)
	if high-low < steadyDriftLeast || float64(high) < steadyDrift*float64(low) {
		return ""
	}
	return fmt.Sprintf("the median response went from %v in its first half to %v in its second", first, second)
}

// responseOf returns how long the user waited; in vain, at least to the deadline.
func responseOf(e *loadgen.Entry) time.Duration {
	if e.Outcome == loadgen.OK {
		return e.Done - e.Intended
	}
	return max(e.Done, e.Deadline) - e.Intended
}

// median sorts values, which must not be empty.
func median(values []time.Duration) time.Duration {
	slices.Sort(values)
	return values[rank(len(values), 0.5)]
}

// baseline is what the steady phase of a run looked like: what recovery returns to.
type baseline struct {
	p50, p99 time.Duration
	perS     float64
}

// limit is the longest 99th percentile of the response that counts as near the steady one.
func (b baseline) limit() time.Duration { return max(recoveredFactor*b.p99, b.p99+recoveredMargin) }

func baselineOf(entries []loadgen.Entry, from, to time.Duration) baseline {
	var responses []time.Duration
	for i := range entries {
		if e := &entries[i]; e.Intended >= from && e.Intended < to {
			responses = append(responses, responseOf(e))
		}
	}
	if len(responses) == 0 {
		return baseline{}
	}
	slices.Sort(responses)
	n := len(responses)
	return baseline{
		p50: responses[rank(n, 0.5)], p99: responses[rank(n, 0.99)], perS: float64(n) / (to - from).Seconds(),
	}
}
