package loadgen

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

func TestSelfSeesCollectionsAndStepsOfTheWallClock(t *testing.T) {
	w := newSelfWatch(clock.New())
	w.begin()
	for range 5 {
		runtime.GC()
	}
	if self := w.end(); self.GCPauses < 5 || self.GCPauseMaxUs <= 0 || self.GCPauseMaxUs < self.GCPauseP99Us ||
		len(self.invalid(nil)) != 0 {
		t.Errorf("%+v, %v; want the pauses of 5 collections, and nothing invalid", self, self.invalid(nil))
	}
	for _, step := range []time.Duration{-time.Second, 50 * time.Millisecond} {
		w := newSelfWatch(clock.New())
		w.begin()
		w.wall = func() time.Time { return time.Now().Add(step) }
		self := w.end()
		moved := time.Duration(self.ClockStepUs) * time.Microsecond
		if (moved-step).Abs() > 10*time.Millisecond || len(self.invalid(nil)) != 1 {
			t.Errorf("step of %v: got %v, invalid: %v", step, moved, self.invalid(nil))
		}
	}
}

func TestPausesAreSummedUp(t *testing.T) {
	edges := []float64{0, 0.0001, 0.002, 0.1, 1}
	for _, c := range []struct {
		counts   []uint64
		p99, max float64 // µs
	}{
		{[]uint64{0, 0, 0, 0}, 0, 0},
		{[]uint64{0, 50, 1, 0}, 0, 2000}, // too few for a p99
		{[]uint64{0, 199, 1, 0}, 100, 2000},
		{[]uint64{0, 195, 4, 1}, 2000, 100_000},
	} {
		var self Self
		self.pauses(c.counts, edges)
		if self.GCPauseP99Us != c.p99 || self.GCPauseMaxUs != c.max {
			t.Errorf("%v: %+v, want p99 %v and at most %v", c.counts, self, c.p99, c.max)
		}
	}
}

// Rule R16: each condition that the generator can break is a reason by itself.
func TestBrokenConditionsOfTheGeneratorAreInvalid(t *testing.T) {
	us := func(v float64) *float64 { return &v }
	good := Stats{
		OK: 1000, Offered: 1000, OfferedPerS: 1000, AchievedPerS: 1000, ResponseUs: Quantiles{P50: us(500)},
		SendLagUs: Quantiles{N: 1000, P99: us(100)}, Late: 50, Self: &Self{GCPauses: 200, GCPauseP99Us: 900},
	}
	if got := good.Invalid(); len(got) != 0 {
		t.Fatalf("valid figures: got %q", got)
	}
	for _, c := range []struct {
		breaks func(*Stats)
		want   string
	}{
		{func(s *Stats) { s.Late = 51 }, "51 of 1000 sends were more than 1ms late"},
		{func(s *Stats) { s.Self = &Self{GCPauses: 300, GCPauseP99Us: 1100} }, "300 pauses, p99 1100 µs"},
		{func(s *Stats) { s.Self = &Self{GCPauses: 3, GCPauseMaxUs: 10_001} }, "3 pauses, the longest of 10001 µs"},
		{func(s *Stats) { s.Self = &Self{ClockStepUs: -20_000} }, "moved by -20 ms"},
		{func(s *Stats) { s.AchievedPerS = 989 }, "achieved 989.0/s"},
		{func(s *Stats) { s.SendLagUs.P99 = us(1001) }, "send lag p99"},
		{func(s *Stats) { s.Early = 1 }, "dispatched early"},
		{func(s *Stats) { s.OK = 0 }, "none of"},
	} {
		s := good
		c.breaks(&s)
		if got := s.Invalid(); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("got %q, want %q alone", got, c.want)
		}
		s.Closed = true // which has no schedule to be late for
		if got := s.Invalid(); strings.Contains(c.want, "sends") && len(got) != 0 {
			t.Errorf("closed: got %q", got)
		}
	}
}
