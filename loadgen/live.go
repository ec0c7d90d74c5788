package loadgen

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Counters is a moment of a run, for a progress line. Warm-up and measured phase count together.
type Counters struct {
	At       time.Duration `json:"at_ns"` // since Run began
	Warmup   bool          `json:"warmup"`
	Offered  int64         `json:"offered"`
	OK       int64         `json:"ok"`
	Failed   int64         `json:"failed"`
	Unknown  int64         `json:"unknown"`
	Shed     int64         `json:"shed"`
	InFlight int64         `json:"in_flight"`
	// The last whole second: operations acknowledged in it, and their response times; 0 when there was none.
	LastPerS int64         `json:"last_per_s"`
	LastP50  time.Duration `json:"last_p50_ns"`
	LastP99  time.Duration `json:"last_p99_ns"`
}

// live counts a run while it goes on.
type live struct {
	offered   atomic.Int64
	byOutcome [Shed + 1]atomic.Int64
	inflight  atomic.Int64

	mu       sync.Mutex
	second   int64 // that current counts
	current  *hdrhistogram.Histogram
	previous *hdrhistogram.Histogram
}

func newLive() *live {
	two := func() *hdrhistogram.Histogram {
		return hdrhistogram.New(1, int64(HistogramMax/time.Microsecond), 2)
	}
	return &live{current: two(), previous: two()}
}

// ended counts an operation's end, sinceStart after the run began.
func (l *live) ended(op *Op, sinceStart time.Duration) {
	l.byOutcome[op.Outcome].Add(1)
	if op.Outcome != OK {
		return
	}
	us := min(max(1, int64((op.Done-op.Intended)/time.Microsecond)), int64(HistogramMax/time.Microsecond))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rotate(int64(sinceStart / time.Second))
	_ = l.current.RecordValue(us) // within the range
}

// rotate makes second the current one.
func (l *live) rotate(second int64) {
	if second <= l.second {
		return
	}
	l.current, l.previous = l.previous, l.current
	l.current.Reset()
	if second > l.second+1 {
		l.previous.Reset()
	}
	l.second = second
}

func (l *live) counters(sinceStart time.Duration) Counters {
	c := Counters{
		At:       sinceStart,
		Offered:  l.offered.Load(),
		OK:       l.byOutcome[OK].Load(),
		Failed:   l.byOutcome[Failed].Load(),
		Unknown:  l.byOutcome[Unknown].Load(),
		Shed:     l.byOutcome[Shed].Load(),
		InFlight: l.inflight.Load(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rotate(int64(sinceStart / time.Second))
	c.LastPerS = l.previous.TotalCount()
	c.LastP50 = time.Duration(l.previous.ValueAtQuantile(50)) * time.Microsecond
	c.LastP99 = time.Duration(l.previous.ValueAtQuantile(99)) * time.Microsecond
	return c
}
