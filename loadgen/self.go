package loadgen

import (
	"fmt"
	"math"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// Self is what happened to the generator's own process during the measured phase (rule R16).
type Self struct {
	// GC pauses: how often and for how long the collector stopped the whole process. The lengths are lower edges of the
	// runtime's buckets, which are a quarter of their length wide.
	GCPauses     int64   `json:"gc_pauses"`
	GCPauseP99Us float64 `json:"gc_pause_p99_us"` // 0 of fewer than gcPausesMin, which have none
	GCPauseMaxUs float64 `json:"gc_pause_max_us"`
	// ClockStepUs is what the wall clock went ahead of the monotonic one, or back. Both are disciplined alike; a
	// difference is a step, or a sleep of the machine.
	ClockStepUs float64 `json:"clock_step_us"`
}

const (
	gcPausesMin    = 100    // below, a p99 would be the maximum: one pause of seldom ones is not what operations meet
	gcPauseMaxUs   = 10_000 // what the longest may be, however few there are
	clockStepMaxUs = 10_000
	gcPauseMetric  = "/sched/pauses/total/gc:seconds"
)

// selfWatch takes the difference between two looks at the process.
type selfWatch struct {
	clock  clock.Clock
	wall   func() time.Time // which a test replaces
	ahead  time.Duration
	counts []uint64
	edges  []float64
}

func newSelfWatch(clk clock.Clock) *selfWatch { return &selfWatch{clock: clk, wall: time.Now} }

// begin takes the first look.
func (w *selfWatch) begin() {
	w.counts, w.edges = gcPauses()
	w.ahead = w.wallAhead()
}

// end takes the second one.
func (w *selfWatch) end() Self {
	self := Self{ClockStepUs: float64(w.wallAhead()-w.ahead) / float64(time.Microsecond)}
	counts, _ := gcPauses()
	for i := range counts {
		if i < len(w.counts) {
			counts[i] -= w.counts[i]
		}
	}
	self.pauses(counts, w.edges)
	return self
}

// pauses sums up a histogram: counts[i] pauses of edges[i] seconds or more.
func (s *Self) pauses(counts []uint64, edges []float64) {
	for _, n := range counts {
		s.GCPauses += int64(n)
	}
	below := int64(math.Ceil(0.99 * float64(s.GCPauses)))
	if s.GCPauses < gcPausesMin {
		below = 0
	}
	for i, n := range counts {
		if n == 0 {
			continue
		}
		edge := max(0, edges[i]) * 1e6
		if below > 0 {
			s.GCPauseP99Us = edge
		}
		below -= int64(n)
		s.GCPauseMaxUs = edge
	}
}

// gcPauses reads the runtime's histogram of all pauses since the process began; none when this runtime has none.
func gcPauses() (counts []uint64, edges []float64) {
	sample := []metrics.Sample{{Name: gcPauseMetric}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil, nil
	}
	h := sample[0].Value.Float64Histogram()
	return slices.Clone(h.Counts), slices.Clone(h.Buckets)
}

// wallAhead returns the wall clock minus the monotonic one. The tightest of a few bracketed readings counts, so that
// losing the processor between two of them does not look like a step.
func (w *selfWatch) wallAhead() time.Duration {
	const attempts = 8
	width, ahead := Forever, time.Duration(0)
	for range attempts {
		before := w.clock.Now()
		wall := w.wall().UnixNano()
		after := w.clock.Now()
		if after-before < width {
			width, ahead = after-before, time.Duration(wall)-(before+after)/2
		}
	}
	return ahead
}

// invalid returns what forbids to trust an open loop whose median response was p50 µs.
func (s Self) invalid(p50 *float64) (reasons []string) {
	switch {
	case p50 != nil && s.GCPauseP99Us > lagP99MaxUs && s.GCPauseP99Us > lagShareMax**p50:
		reasons = append(reasons, fmt.Sprintf(
			"garbage collection stopped the generator: %d pauses, p99 %.0f µs is above %d µs and above %.0f %% of response "+
				"p50 %.0f µs", s.GCPauses, s.GCPauseP99Us, lagP99MaxUs, lagShareMax*100, *p50))
	case p50 != nil && s.GCPauseMaxUs > gcPauseMaxUs && s.GCPauseMaxUs > lagShareMax**p50:
		reasons = append(reasons, fmt.Sprintf(
			"garbage collection stopped the generator: %d pauses, the longest of %.0f µs is above %d µs and above %.0f %% of "+
				"response p50 %.0f µs", s.GCPauses, s.GCPauseMaxUs, gcPauseMaxUs, lagShareMax*100, *p50))
	}
	if math.Abs(s.ClockStepUs) > clockStepMaxUs {
		reasons = append(reasons, fmt.Sprintf(
			"the wall clock moved by %.0f ms against the monotonic one: it was set, or the machine slept", s.ClockStepUs/1000))
	}
	return reasons
}
