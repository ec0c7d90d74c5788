package loadgen

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func okOp(intended, took time.Duration) *Op {
	return &Op{
		Intended: intended, Dispatched: intended, Sent: intended, Done: intended + took,
		Deadline: intended + 10*time.Second, Attempts: 1,
	}
}

// Trap T6: quantiles against exact ones on a million samples.
func TestQuantilesMatchExactOnes(t *testing.T) {
	h := NewHistograms()
	random := rand.New(rand.NewPCG(1, 2))
	const n = 1_000_000
	exact := make([]time.Duration, n)
	for i := range exact {
		exact[i] = time.Duration(random.ExpFloat64() * float64(3*time.Millisecond)) // a mean of 3 ms and a long tail
		h.Record(okOp(0, exact[i]))
	}
	slices.Sort(exact)
	q := h.Stats().ResponseUs
	for _, c := range []struct {
		q   float64
		got *float64
	}{{0.5, q.P50}, {0.9, q.P90}, {0.95, q.P95}, {0.99, q.P99}, {0.999, q.P999}, {1, q.Max}} {
		want := float64(exact[max(0, int(c.q*n)-1)].Microseconds())
		if *c.got < want*0.999-1 || *c.got > want*1.001+2 {
			t.Errorf("p%v: got %v µs, exact %v µs", c.q*100, *c.got, want)
		}
	}
}

// Trap T7, rule R5: an error burst never improves a percentile.
func TestErrorsNeverImproveAPercentile(t *testing.T) {
	for _, outcome := range []Outcome{Failed, Unknown, Shed} {
		clean, dirty := NewHistograms(), NewHistograms()
		for i := range 10_000 {
			op := okOp(time.Duration(i)*time.Millisecond, time.Duration(1+i%100)*time.Millisecond)
			clean.Record(op)
			dirty.Record(op)
		}
		for i := range 5000 { // each of them quick
			op := okOp(time.Duration(i)*time.Millisecond, 10*time.Microsecond)
			op.Outcome = outcome
			dirty.Record(op)
		}
		a, b := clean.Stats().ResponseUs, dirty.Stats().ResponseUs
		if *b.P50 < *a.P50 || *b.P90 < *a.P90 || *b.P99 < *a.P99 || *b.P999 < *a.P999 {
			t.Errorf("%v: p50 %v → %v, p99 %v → %v", outcome, *a.P50, *b.P50, *a.P99, *b.P99)
		}
		if s := dirty.Stats(); s.Censored != 5000 || s.OK != 10_000 || s.Offered != 15_000 {
			t.Errorf("%v: censored %d, ok %d, offered %d", outcome, s.Censored, s.OK, s.Offered)
		}
	}
}

// Trap T5: what is beyond the range is flagged.
func TestBeyondTheRangeIsFlagged(t *testing.T) {
	h := NewHistograms()
	h.Record(okOp(0, HistogramMax+time.Second))
	if s := h.Stats(); s.Capped == 0 || *s.ResponseUs.Max < 0.999*float64(HistogramMax.Microseconds()) {
		t.Errorf("capped %d, max %v", s.Capped, *s.ResponseUs.Max)
	}
}

// Trap T9: a negative latency is clamped and counted.
func TestNegativeLatencyIsCounted(t *testing.T) {
	h := NewHistograms()
	op := okOp(time.Second, time.Millisecond)
	op.Dispatched -= 50 * time.Microsecond // the timer woke early
	op.Sent = op.Done + time.Nanosecond
	h.Record(op)
	s := h.Stats()
	if s.Early != 1 || s.Negative != 2 || *s.SendLagUs.Max != 1 {
		t.Errorf("early %d, negative %d, lag max %v", s.Early, s.Negative, *s.SendLagUs.Max)
	}
	if len(s.Invalid()) == 0 {
		t.Error("an early send is not invalid")
	}
}

// Rule R9: no quantile below its sample.
func TestQuantilesNeedTheirSample(t *testing.T) {
	for _, c := range []struct {
		q    float64
		want int
	}{{0.5, 6}, {0.9, 36}, {0.95, 72}, {0.99, 368}, {0.999, 3688}} {
		if got := MinimumSample(c.q); got != c.want {
			t.Errorf("minimum sample of q %v: got %d, want %d", c.q, got, c.want)
		}
	}
	h := NewHistograms()
	for range 367 {
		h.Record(okOp(0, time.Millisecond))
	}
	if q := h.Stats().ResponseUs; q.P99 != nil || q.P95 == nil {
		t.Errorf("n = 367: p99 %v, p95 %v; want none and one", q.P99, q.P95)
	}
	h.Record(okOp(0, time.Millisecond))
	if q := h.Stats().ResponseUs; q.P99 == nil {
		t.Error("n = 368: no p99")
	}
}

func TestWindowLeavesOutTheRest(t *testing.T) {
	trace, h := NewTrace(1, 0), NewHistograms()
	both := Tee(h, trace)
	both.(Windowed).SetWindow(time.Second, 2*time.Second)
	for i := range 3000 {
		both.Record(okOp(time.Duration(i)*time.Millisecond, 500*time.Microsecond))
	}
	for name, s := range map[string]Stats{
		"live": h.Stats(), "from the trace": StatsOf(trace.Entries(), time.Second, 2*time.Second),
	} {
		if s.Offered != 1000 || s.OfferedPerS != 1000 || s.AchievedPerS != 1000 || s.DurationS != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestTraceKeepsToItsCap(t *testing.T) {
	trace := NewTrace(1, 100)
	for i := range 150 {
		trace.Record(okOp(time.Duration(150-i), 1))
	}
	entries := trace.Entries()
	if len(entries) != 100 || trace.Dropped() != 50 {
		t.Errorf("kept %d, dropped %d", len(entries), trace.Dropped())
	}
	if !slices.IsSortedFunc(entries, func(a, b Entry) int { return int(a.Intended - b.Intended) }) {
		t.Error("not in order")
	}
}
