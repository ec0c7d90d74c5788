package loadgen

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// A stall in the second step is in the figures of the second step, and of no other.
func TestStepsAreSummedUpByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := Options{
			Schedule: ScheduleStep, Steps: []Step{{100, time.Second}, {1000, time.Second}, {500, 2 * time.Second}},
			Warmup: time.Second, Clock: clock.New(),
		}
		steps := NewStepStats(opts.Steps)
		from := opts.Clock.Now() + 2500*time.Millisecond
		target := stallingTarget{clock: opts.Clock, from: from, to: from + 300*time.Millisecond}
		g, err := New(opts, target, steps)
		if err != nil {
			t.Fatal(err)
		}
		g.sleeper = func(clk clock.Clock) (func(time.Duration), func()) {
			return func(at time.Duration) { time.Sleep(at - clk.Now()) }, func() {}
		}
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := steps.Stats()
		if len(got) != 3 {
			t.Fatalf("%d steps, want 3", len(got))
		}
		for i, want := range opts.Steps {
			s := got[i]
			n, delayed := int64(want.Rate*want.For.Seconds()), *s.ResponseUs.Max > 100_000
			if s.Offered != n || s.OK != n || s.DurationS != want.For.Seconds() || delayed != (i == 1) {
				t.Errorf("step %d: offered %d in %v s, at most %v µs; want %d in %v", i, s.Offered, s.DurationS,
					*s.ResponseUs.Max, n, want.For)
			}
		}
	})
}
