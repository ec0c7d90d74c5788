package loadgen

import (
	"math"
	"testing"
	"time"
)

func TestConstScheduleNeverDrifts(t *testing.T) {
	s := NewSchedule(ScheduleConst, 3, 1, time.Minute)
	for range 3_000_000 {
		s.Next()
	}
	if got, want := s.Next(), time.Minute+1_000_000*time.Second; got != want {
		t.Errorf("operation 3,000,000 at 3/s is due at %v, want %v", got, want)
	}
}

func TestPoissonScheduleHasRateAndSpread(t *testing.T) {
	s := NewSchedule(SchedulePoisson, 1000, 7, 0)
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

func TestScheduleIsAFunctionOfTheSeed(t *testing.T) {
	a, b := NewSchedule(SchedulePoisson, 10, 5, 0), NewSchedule(SchedulePoisson, 10, 5, 0)
	other := NewSchedule(SchedulePoisson, 10, 6, 0)
	same := 0
	for range 100 {
		want := a.Next()
		if got := b.Next(); got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
		if other.Next() == want {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d of 100 instants are the same under another seed", same)
	}
}

// A schedule anchored anew owes nothing from before (trap T3).
func TestReanchorLeavesNoBacklog(t *testing.T) {
	for _, kind := range []ScheduleKind{ScheduleConst, SchedulePoisson} {
		s := NewSchedule(kind, 10_000, 1, 0)
		s.Next()
		s.Reanchor(5 * time.Second)
		n := 0
		for due := s.Next(); due < 6*time.Second; due = s.Next() {
			if due < 5*time.Second {
				t.Fatalf("%s: due at %v, before the anchor", kind, due)
			}
			n++
		}
		tolerance := 1 // 0.01 %
		if kind == SchedulePoisson {
			tolerance = 400 // four standard deviations of chance
		}
		if n < 10_000-tolerance || n > 10_000+tolerance {
			t.Errorf("%s: %d operations in the first second, want 10000 ± %d", kind, n, tolerance)
		}
	}
}
