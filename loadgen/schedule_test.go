package loadgen

import (
	"math"
	"strings"
	"testing"
	"time"
)

func schedule(o Options) *Schedule { return NewSchedule(o.WithDefaults(), 0) }

func TestConstScheduleNeverDrifts(t *testing.T) {
	s := NewSchedule(Options{Rate: 3}.WithDefaults(), time.Minute)
	for range 3_000_000 {
		s.Next()
	}
	if got, want := s.Next(), time.Minute+1_000_000*time.Second; got != want {
		t.Errorf("operation 3,000,000 at 3/s is due at %v, want %v", got, want)
	}
}

func TestPoissonScheduleHasRateAndSpread(t *testing.T) {
	s := schedule(Options{Schedule: SchedulePoisson, Rate: 1000, Seed: 7})
	const n = 200_000
	var last time.Duration
	var sum, squares float64
	for range n {
		due := s.Next()
		if due < last {
			t.Fatalf("due %v after %v", due, last)
		}
		gap := (due - last).Seconds()
		sum, squares, last = sum+gap, squares+gap*gap, due
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-0.001) > 0.00002 || math.Abs(deviation-mean) > 0.03*mean {
		t.Errorf("gaps have mean %v and deviation %v, want 1 ms for both", mean, deviation)
	}
}

// allSchedules are one of each kind and spacing, with 200,000/s in the first second in the mean.
func allSchedules() map[string]Options {
	const k = 200
	steps := []Step{{1000 * k, 1500 * time.Millisecond}, {3000 * k, time.Second}, {500 * k, time.Second}}
	ramp := Options{Schedule: ScheduleRamp, Rate: 900 * k, RampTo: 2900 * k, Duration: 10 * time.Second}
	poisson := ramp
	poisson.Spacing = SchedulePoisson
	return map[string]Options{
		"const":        {Schedule: ScheduleConst, Rate: 1000 * k},
		"poisson":      {Schedule: SchedulePoisson, Rate: 1000 * k},
		"step":         {Schedule: ScheduleStep, Steps: steps},
		"step poisson": {Schedule: ScheduleStep, Steps: steps, Spacing: SchedulePoisson},
		"ramp":         ramp,
		"ramp poisson": poisson,
	}
}

func TestScheduleIsAFunctionOfTheSeed(t *testing.T) {
	for name, o := range allSchedules() {
		a, b := schedule(o), schedule(o)
		o.Seed = 6
		other := schedule(o)
		same := 0
		for range 1000 {
			want := a.Next()
			if got := b.Next(); got != want {
				t.Fatalf("%s: got %v, want %v", name, got, want)
			}
			if other.Next() == want {
				same++
			}
		}
		if poisson := strings.Contains(name, "poisson"); poisson && same > 20 || !poisson && same != 1000 {
			t.Errorf("%s: %d of 1000 instants are the same under another seed", name, same)
		}
	}
}

// Trap T3: a schedule anchored anew owes nothing from the warm-up before, which was at the first rate, and its first
// second has the rate within 1 %.
func TestFirstSecondOfEachScheduleHasTheRate(t *testing.T) {
	for name, o := range allSchedules() {
		s := schedule(o)
		s.Warm(time.Second)
		warm := countUntil(t, s, time.Second, 3*time.Second) // longer than the first step
		if want := 2 * o.WithDefaults().FirstRate(); math.Abs(float64(warm)-want) > 0.01*want {
			t.Errorf("%s: %d operations in two seconds of warm-up, want %v ± 1 %%", name, warm, want)
		}
		s.Reanchor(5 * time.Second)
		if n := countUntil(t, s, 5*time.Second, 6*time.Second); n < 198_000 || n > 202_000 {
			t.Errorf("%s: %d operations in the first second, want 200000 ± 1 %%", name, n)
		}
	}
}

// countUntil returns how many operations are due in [from, to), and fails when one is due before, or before another.
func countUntil(t *testing.T, s *Schedule, from, to time.Duration) (n int) {
	t.Helper()
	last := from
	for due := s.Next(); due < to; due = s.Next() {
		if due < last {
			t.Fatalf("due at %v after %v", due, last)
		}
		last = due
		n++
	}
	return n
}

func TestStepsFollowEachOther(t *testing.T) {
	s := schedule(Options{Schedule: ScheduleStep, Steps: []Step{
		{100, time.Second}, {1000, 2 * time.Second}, {10, time.Second},
	}})
	for i, want := range []int{100, 1000, 1000, 10, 10, 10} { // the last rate goes on
		got := 0
		for s.lookAhead() < time.Duration(i+1)*time.Second {
			s.Next()
			got++
		}
		if got != want {
			t.Errorf("second %d has %d operations, want %d", i, got, want)
		}
	}
}

// lookAhead returns what Next will.
func (s *Schedule) lookAhead() time.Duration {
	next := *s
	return next.Next()
}

// A ramp is a line: the number of operations due until t is the area under it, to the operation.
func TestRampIsALine(t *testing.T) {
	for _, c := range []struct{ from, to float64 }{{100, 5000}, {5000, 100}, {1000, 1000}, {0.5, 2000}} {
		o := Options{Schedule: ScheduleRamp, Rate: c.from, RampTo: c.to, Duration: 10 * time.Second}
		s := schedule(o)
		n := 0.0
		for due := s.Next(); due < 12*time.Second; due = s.Next() {
			at := due.Seconds()
			area := c.from*at + (c.to-c.from)/10*at*at/2
			if at > 10 {
				area = (c.from+c.to)/2*10 + c.to*(at-10)
			}
			if math.Abs(area-n) > 0.001 {
				t.Fatalf("%v to %v: operation %v is due at %v, where the area is %v", c.from, c.to, n, due, area)
			}
			n++
		}
		if want := (c.from+c.to)/2*10 + 2*c.to; math.Abs(n-want) > 1 {
			t.Errorf("%v to %v: %v operations, want %v", c.from, c.to, n, want)
		}
	}
}

func TestScheduleFaultsAreNamed(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		opts Options
		want string // "" for none
	}{
		{Options{Schedule: ScheduleStep}, "Steps: 0 given"},
		{Options{Schedule: ScheduleStep, Steps: []Step{{1, second}}, Rate: 5}, "Rate = 5/s"},
		{Options{Schedule: ScheduleStep, Steps: []Step{{1, second}}, Duration: 2 * second}, "Duration = 2s"},
		{Options{Schedule: ScheduleStep, Steps: []Step{{0, second}}}, "Steps[0].Rate = 0/s"},
		{Options{Schedule: ScheduleStep, Steps: []Step{{5, -second}, {5, 3 * second}}}, "Steps[0].For = -1s"},
		{Options{Schedule: ScheduleStep, Steps: []Step{{5, second}}, Closed: true}, "with Closed"},
		{Options{Schedule: ScheduleRamp, RampTo: 5}, "Duration = 0s"},
		{Options{Schedule: ScheduleRamp, RampTo: math.NaN(), Duration: second}, "RampTo = NaN/s"},
		{Options{Schedule: ScheduleRamp, RampTo: 5, Duration: second, Spacing: "step"}, `Spacing = "step"`},
		{Options{RampTo: 5}, "RampTo = 5/s"},
		{Options{Steps: []Step{{5, second}}}, "Steps: 1 given"},
		{Options{Spacing: SchedulePoisson}, `Spacing = "poisson"`},
		{Options{Schedule: ScheduleStep, Steps: []Step{{1, second}, {2, second}}}, ""},
		{Options{Schedule: ScheduleRamp, RampTo: 5, Duration: second, Spacing: SchedulePoisson}, ""},
	} {
		err := c.opts.WithDefaults().Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.opts, err, c.want)
		}
	}
}
