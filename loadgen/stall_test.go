package loadgen

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// stallingTarget answers after a millisecond, but nothing in [from, to): that it answers a millisecond
// after to.
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

// stalled runs opts against a target that stalls for a second from the 4th second on.
func stalled(t *testing.T, opts Options) (stats Stats, entries []Entry) {
	t.Helper()
	return inBubble(t, opts, func(clk clock.Clock) Target {
		now := clk.Now()
		return stallingTarget{clock: clk, from: now + 4*time.Second, to: now + 5*time.Second}
	})
}

// inBubble runs opts in a bubble of its own time, in which nothing takes time but what waits for it.
func inBubble(
	t *testing.T, opts Options, newTarget func(clock.Clock) Target,
) (stats Stats, entries []Entry) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts.Clock = clock.New()
		h, trace := NewHistograms(), NewTrace(1, 0)
		g, err := New(opts, newTarget(opts.Clock), Tee(h, trace))
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

// Trap T4: a server stalled for 1 s at 1,000/s delays 1,000 operations of 10,000, by half a second in the
// mean, and no other one.
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

// A closed loop on the same server sees the stall once a client, and its percentiles do not: coordinated
// omission.
func TestClosedLoopDoesNotSeeTheStall(t *testing.T) {
	stats, _ := stalled(t, Options{Closed: true, Clients: 4, Duration: 10 * time.Second})
	if p999, most := *stats.ResponseUs.P999, *stats.ResponseUs.Max; p999 > 1001 || most < 1_000_000 {
		t.Errorf("response p99.9 %v µs, max %v µs, want 1000 and above 1000000", p999, most)
	}
	if stats.OK < 35_990 || stats.OK > 36_010 {
		t.Errorf("%d operations, want 36000: none was even tried during the stall", stats.OK)
	}
}

// Whoever interrupts the reading back waits for a second, not for a cluster that is gone.
func TestReadBackEndsWhenItIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.New()
		ctx, cancel := context.WithCancel(t.Context())
		began := clk.Now()
		time.AfterFunc(time.Second, cancel)
		target := delayTarget{clock: clk, after: time.Minute}
		err := ReadBack(ctx, target, []string{"a", "b"}, 0, time.Minute, clk, NewTrace(1, 0))
		if took := clk.Now() - began; !errors.Is(err, context.Canceled) || took > time.Second+interruptedDrain {
			t.Errorf("got %v after %v, want %v after 2 s", err, took, context.Canceled)
		}
		time.Sleep(time.Minute) // what is under way ends
	})
}

// waitingTarget keeps every operation to itself for a while, as one that looks for a leader; the answer takes a
// millisecond.
type waitingTarget struct {
	clock clock.Clock
	waits time.Duration
}

func (w waitingTarget) Submit(op *Op, done func(*Op)) {
	time.AfterFunc(w.waits, func() {
		op.Sent, op.Attempts = w.clock.Now(), 1
		time.AfterFunc(time.Millisecond, func() {
			op.Done, op.Outcome = w.clock.Now(), OK
			done(op)
		})
	})
}

func (waitingTarget) Close() error { return nil }

// What an operation waits for in the target is response, but neither service nor the generator's lag.
func TestWaitingInTheTargetIsNoServiceAndNoLag(t *testing.T) {
	opts := Options{Rate: 1000, Duration: time.Second}
	stats, entries := inBubble(t, opts, func(clk clock.Clock) Target {
		return waitingTarget{clock: clk, waits: 50 * time.Millisecond}
	})
	if response, service := *stats.ResponseUs.P50, *stats.ServiceUs.Max; response < 50_900 || service > 1001 {
		t.Errorf("response p50 %v µs, service at most %v µs, want 51000 and 1000", response, service)
	}
	if stats.OK != 1000 || stats.Late != 0 || *stats.SendLagUs.Max != 1 {
		t.Errorf("ok %d, late %d, lag at most %v µs, want 1000, none, none", stats.OK, stats.Late, *stats.SendLagUs.Max)
	}
	again := StatsOf(entries, stats.From, stats.To)
	if *again.ServiceUs.P50 != *stats.ServiceUs.P50 || *again.SendLagUs.Max != *stats.SendLagUs.Max {
		t.Errorf("of the entries: %+v, want %+v", again, stats)
	}
}
