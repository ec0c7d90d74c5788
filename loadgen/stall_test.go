package loadgen

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// stallingTarget answers after a millisecond, but nothing in [from, to): that it answers a millisecond after to.
type stallingTarget struct {
	clock    clock.Clock
	from, to time.Duration
}

func (s stallingTarget) Submit(op *Op, done func(*Op)) {
	op.Sent, op.Attempts = s.clock.Now(), 1
	at := op.Sent + time.Millisecond
	if at > s.from && op.Sent < s.to {
		at = s.to + time.Millisecond
	}
	time.AfterFunc(at-op.Sent, func() {
		op.Done, op.Outcome = s.clock.Now(), OK
		done(op)
	})
}

func (stallingTarget) Close() error { return nil }

// stalled runs opts against a target that stalls for a second from the 4th second on, in a bubble of its own time.
func stalled(t *testing.T, opts Options) (stats Stats, entries []Entry) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts.Clock = clock.New()
		now := opts.Clock.Now()
		h, trace := NewHistograms(), NewTrace(1, 0)
		target := stallingTarget{clock: opts.Clock, from: now + 4*time.Second, to: now + 5*time.Second}
		g, err := New(opts, target, Tee(h, trace))
		if err != nil {
			t.Fatal(err)
		}
		g.sleeper = func(clk clock.Clock) (func(time.Duration), func()) { // the system's own sleeps in real time
			return func(at time.Duration) { time.Sleep(at - clk.Now()) }, func() {}
		}
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		stats, entries = h.Stats(), trace.Entries()
	})
	return stats, entries
}

// Trap T4: a server stalled for 1 s at 1,000/s delays 1,000 operations of 10,000, by half a second in the mean, and no
// other one.
func TestStallDelaysWhatWasDueAndNothingElse(t *testing.T) {
	stats, entries := stalled(t, Options{Rate: 1000, Duration: 10 * time.Second})
	var delayed int
	var sum time.Duration
	for _, e := range entries {
		if response := e.Done - e.Intended; response > 2*time.Millisecond {
			delayed++
			sum += response
		}
	}
	if stats.OK != 10_000 || delayed < 998 || delayed > 1000 {
		t.Errorf("ok %d, delayed %d, want 10000 and 1000", stats.OK, delayed)
	}
	if mean := sum / time.Duration(max(1, delayed)); (mean - 501*time.Millisecond).Abs() > 2*time.Millisecond {
		t.Errorf("they waited %v in the mean, want 501 ms", mean)
	}
	// 1 % of all operations, those due in the first tenth of the stall, wait for 0.9 s or more.
	if p50, p99 := *stats.ResponseUs.P50, *stats.ResponseUs.P99; p50 > 1001 || p99 < 895_000 || p99 > 905_000 {
		t.Errorf("response p50 %v µs, p99 %v µs, want 1000 and 901000", p50, p99)
	}
}

// A closed loop on the same server sees the stall once a client, and its percentiles do not: coordinated omission.
func TestClosedLoopDoesNotSeeTheStall(t *testing.T) {
	stats, _ := stalled(t, Options{Closed: true, Clients: 4, Duration: 10 * time.Second})
	if p999, most := *stats.ResponseUs.P999, *stats.ResponseUs.Max; p999 > 1001 || most < 1_000_000 {
		t.Errorf("response p99.9 %v µs, max %v µs, want 1000 and above 1000000", p999, most)
	}
	if stats.OK < 35_990 || stats.OK > 36_010 {
		t.Errorf("%d operations, want 36000: none was even tried during the stall", stats.OK)
	}
}
