package loadgen

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// delayTarget acknowledges every operation after a while; never, when it is negative.
type delayTarget struct {
	clock clock.Clock
	after time.Duration
	close func()
}

func (d delayTarget) Submit(op *Op, done func(*Op)) {
	op.Sent, op.Attempts = d.clock.Now(), 1
	answer := func() {
		op.Done, op.Outcome = d.clock.Now(), OK
		done(op)
	}
	switch {
	case d.after == 0:
		answer()
	case d.after > 0:
		time.AfterFunc(d.after, answer)
	}
}

func (d delayTarget) Close() error {
	if d.close != nil {
		d.close()
	}
	return nil
}

// Trap T3: the measured phase begins with the rate, not with what the warm-up left behind.
func TestFirstSecondAfterWarmupHasTheRate(t *testing.T) {
	trace := NewTrace(1, 0)
	clk := clock.New()
	opts := Options{Rate: 5000, Warmup: 300 * time.Millisecond, Duration: time.Second, Clock: clk}
	var window struct {
		recorderFunc
		from time.Duration
	}
	window.recorderFunc = func(op *Op) {
		if op.Intended >= window.from {
			trace.Record(op)
		}
	}
	blocked := &blockingTarget{delayTarget: delayTarget{clock: clk}, until: clk.Now() + 200*time.Millisecond}
	g, err := New(opts, blocked, Tee(window.recorderFunc, setFrom(func(from time.Duration) { window.from = from })))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries := trace.Entries()
	if n := len(entries); n < 4950 || n > 5050 {
		t.Errorf("%d operations in the first second, want 5000 ± 1 %%", n)
	}
	for i := 1; i < len(entries); i++ {
		if gap := entries[i].Intended - entries[i-1].Intended; gap < 199*time.Microsecond {
			t.Fatalf("operation %d is intended %v after its predecessor, want 200 µs", i, gap)
		}
	}
}

// blockingTarget holds up the pacing itself, which no target should.
type blockingTarget struct {
	delayTarget
	until time.Duration
}

func (b *blockingTarget) Submit(op *Op, done func(*Op)) {
	if rest := b.until - b.clock.Now(); rest > 0 {
		time.Sleep(rest)
	}
	b.delayTarget.Submit(op, done)
}

type recorderFunc func(*Op)

func (f recorderFunc) Record(op *Op) { f(op) }

type setFrom func(time.Duration)

func (setFrom) Record(*Op)                        {}
func (f setFrom) SetWindow(from, _ time.Duration) { f(from) }

// A generator that was held up sends at once and keeps the intended instants (trap T4).
func TestLateOperationsKeepTheirIntendedInstant(t *testing.T) {
	s, _ := inBubble(t, Options{Rate: 1000, Duration: time.Second}, func(clk clock.Clock) Target {
		return &blockingTarget{delayTarget: delayTarget{clock: clk}, until: clk.Now() + 300*time.Millisecond}
	})
	if s.Offered != 1000 || s.OK != 1000 {
		t.Errorf("offered %d, ok %d, want 1000 each", s.Offered, s.OK)
	}
	if p90 := *s.ResponseUs.P90; p90 < 199_000 || p90 > 201_000 || *s.ServiceUs.Max != 1 {
		t.Errorf("response p90 %v µs, service at most %v µs; want 200000 and none", p90, *s.ServiceUs.Max)
	}
	// The first one was in time; the one due a millisecond before the end of the hold-up is late by just the bound.
	if s.Late != 298 || len(s.Invalid()) == 0 {
		t.Errorf("late %d, invalid %v: the generator's own lateness must show", s.Late, s.Invalid())
	}
}

// Trap T8: what the in-flight cap refuses is counted, and a percentile shows it.
func TestShedOperationsAreCounted(t *testing.T) {
	opts := Options{Rate: 2000, Duration: 500 * time.Millisecond, InflightMax: 10, Timeout: 3 * time.Second}
	s, entries := inBubble(t, opts, func(clk clock.Clock) Target {
		return delayTarget{clock: clk, after: 100 * time.Millisecond}
	})
	if s.Offered != 1000 || s.OK+s.Shed != 1000 || s.Shed < 900 {
		t.Errorf("offered %d, ok %d, shed %d", s.Offered, s.OK, s.Shed)
	}
	if *s.ResponseUs.P50 < 3_000_000*0.999 {
		t.Errorf("response p50 is %v µs though 9 of 10 operations were shed: want the timeout", *s.ResponseUs.P50)
	}
	for _, e := range entries {
		if e.Outcome == Shed && (e.Sent != -1 || e.Dispatched != -1) {
			t.Fatalf("shed operation %d was dispatched at %v and sent at %v", e.Seq, e.Dispatched, e.Sent)
		}
	}
}

// Trap T1: the run ends though the target never says a word.
func TestRunEndsWhenTheTargetIsStuck(t *testing.T) {
	for _, closed := range []bool{false, true} {
		clk := clock.New()
		closes := make(chan struct{}, 1)
		target := delayTarget{clock: clk, after: -1, close: func() { closes <- struct{}{} }}
		g, err := New(Options{
			Rate: 100, Closed: closed, Clients: 3, Duration: 50 * time.Millisecond, Timeout: 100 * time.Millisecond,
			Drain: 50 * time.Millisecond, Clock: clk,
		}, target, NewHistograms())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Run(t.Context()); !errors.Is(err, ErrStuck) {
			t.Errorf("closed %v: got %v, want %v", closed, err, ErrStuck)
		}
		select {
		case <-closes:
		default:
			t.Errorf("closed %v: the target was not closed", closed)
		}
	}
}

func TestClosedLoopKeepsItsClientsBusy(t *testing.T) {
	opts := Options{Closed: true, Clients: 8, Duration: 400 * time.Millisecond, Warmup: 50 * time.Millisecond}
	s, _ := inBubble(t, opts, func(clk clock.Clock) Target {
		return delayTarget{clock: clk, after: 2 * time.Millisecond}
	})
	if s.OK != s.Offered || s.OK != 8*200 {
		t.Errorf("ok %d of %d, want all of 8 × 200", s.OK, s.Offered)
	}
}

func TestContextEndsARun(t *testing.T) {
	for _, duration := range []time.Duration{0, time.Hour} {
		clk := clock.New()
		h := NewHistograms()
		g, err := New(Options{Rate: 1000, Duration: duration, Clock: clk}, delayTarget{clock: clk}, h)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err = g.Run(ctx)
		cancel()
		if want := duration > 0; want != (err != nil) {
			t.Errorf("duration %v: got error %v, want one: %v", duration, err, want)
		}
		if s := h.Stats(); s.DurationS > 2 || s.OfferedPerS < 980 || s.OfferedPerS > 1020 {
			t.Errorf("duration %v: %.1f/s in %v s, want 1000/s in 0.2 s or some more", duration, s.OfferedPerS, s.DurationS)
		}
	}
}

func TestCountersFollowTheRun(t *testing.T) {
	clk := clock.New()
	g, err := New(Options{Rate: 2000, Clock: clk}, delayTarget{clock: clk, after: time.Millisecond}, NewHistograms())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	deadline := time.Now().Add(10 * time.Second)
	for c := g.Counters(); c.LastPerS < 1800 || c.LastP50 < time.Millisecond; c = g.Counters() {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s: %+v", c)
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	run.Wait()
	if c := g.Counters(); c.InFlight != 0 || c.OK != c.Offered {
		t.Errorf("at the end: %+v", c)
	}
}
