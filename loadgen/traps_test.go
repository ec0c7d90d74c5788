package loadgen

import (
	"errors"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// failingTarget fails everything that is submitted in [from, to), at once; the rest it answers after a millisecond.
type failingTarget struct {
	clock    clock.Clock
	from, to time.Duration
}

func (f failingTarget) Submit(op *Op, done func(*Op)) {
	op.Sent, op.Attempts = f.clock.Now(), 1
	if op.Sent >= f.from && op.Sent < f.to {
		op.Done, op.Outcome, op.Err = op.Sent, Failed, errors.New("broken")
		done(op)
		return
	}
	time.AfterFunc(time.Millisecond, func() {
		op.Done, op.Outcome = f.clock.Now(), OK
		done(op)
	})
}

func (failingTarget) Close() error { return nil }

// Trap T2: a second in which every operation fails has no service times, no acknowledged rate, and responses of at
// least the timeout; the seconds beside it have the figures that they have without it.
func TestSecondOfErrorsLeavesTheOthersAlone(t *testing.T) {
	opts := Options{Rate: 1000, Duration: 5 * time.Second, Timeout: 3 * time.Second}
	run := func(broken time.Duration) (Stats, []Entry) {
		return inBubble(t, opts, func(clk clock.Clock) Target {
			from := clk.Now() + 2*time.Second
			return failingTarget{clock: clk, from: from, to: from + broken}
		})
	}
	_, calm := run(0)
	whole, entries := run(time.Second)
	from := whole.From
	for second := range time.Duration(5) {
		at := from + second*time.Second
		got, want := StatsOf(entries, at, at+time.Second), StatsOf(calm, calm[0].Intended+second*time.Second,
			calm[0].Intended+(second+1)*time.Second)
		if second == 2 {
			// The first operation that is answered again takes a millisecond, as does the last one before.
			if got.OK != 0 || got.Failed != 1000 || got.ServiceUs.N != 0 || got.AchievedPerS > 1 ||
				*got.ResponseUs.P50 < 2_990_000 || *got.FailedUs.Max > 1 {
				t.Errorf("the second of errors: %+v", got)
			}
			continue
		}
		if got.OK != want.OK || *got.ResponseUs.P99 != *want.ResponseUs.P99 || *got.ServiceUs.Max != *want.ServiceUs.Max ||
			got.Failed != 0 || got.Censored != 0 {
			t.Errorf("second %d: ok %d, p99 %v µs, %d censored; without errors: ok %d, p99 %v µs",
				second, got.OK, *got.ResponseUs.P99, got.Censored, want.OK, *want.ResponseUs.P99)
		}
	}
	if whole.OK != 4000 || whole.Failed != 1000 || whole.ServiceUs.N != 4000 || *whole.ServiceUs.Max > 1001 {
		t.Errorf("in all: ok %d, failed %d, service of %d, at most %v µs", whole.OK, whole.Failed, whole.ServiceUs.N,
			*whole.ServiceUs.Max)
	}
}

// Trap T3, for every schedule: a warm-up that was held up for most of its time owes nothing to the first second after
// it, which has the rate within 1 %.
func TestFirstSecondAfterAHeldUpWarmupHasTheRate(t *testing.T) {
	for name, o := range map[string]Options{
		"const":   {Rate: 5000},
		"poisson": {Rate: 20_000, Schedule: SchedulePoisson, Seed: 2}, // enough for chance to stay within 1 %
		"step":    {Schedule: ScheduleStep, Steps: []Step{{5000, time.Second}, {50_000, 100 * time.Millisecond}}},
		"ramp":    {Schedule: ScheduleRamp, Rate: 2000, RampTo: 8000},
	} {
		want := 5000.0
		if o.Schedule == SchedulePoisson {
			want = o.Rate
		}
		o.Warmup = 500 * time.Millisecond
		if o.Schedule != ScheduleStep {
			o.Duration = time.Second
		}
		stats, entries := inBubble(t, o, func(clk clock.Clock) Target {
			return &blockingTarget{delayTarget: delayTarget{clock: clk}, until: clk.Now() + 450*time.Millisecond}
		})
		first := StatsOf(entries, stats.From, stats.From+time.Second)
		if n := float64(first.Offered); n < 0.99*want || n > 1.01*want || first.Late != 0 {
			t.Errorf("%s: %v operations in the first second, want %v ± 1 %%; %d were late", name, n, want, first.Late)
		}
	}
}
