package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The critical values are those of the usual tables of the rank sum test, two-sided at 5 %: one more lies outside.
func TestOutsideIsTheTable(t *testing.T) {
	for _, c := range []struct{ n, m, want int }{{3, 3, 0}, {4, 4, 1}, {5, 5, 3}, {6, 6, 6}, {10, 10, 24}, {20, 20, 128}} {
		if got := outside(c.n, c.m); got != c.want {
			t.Errorf("%d and %d values: %d, want %d", c.n, c.m, got, c.want)
		}
	}
}

// The interval covers the true factor as often as it says, for counted and for large samples, and the test is as
// strict.
func TestRatioIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ n, m, rounds int }{{6, 6, 2000}, {12, 8, 1000}, {40, 40, 400}} {
		covered, alarms := 0, 0
		for range c.rounds {
			draw := func(n int, factor float64) Sample {
				values := make([]float64, n)
				for i := range values {
					values[i] = factor * (1 + random.ExpFloat64())
				}
				return Sorted(values)
			}
			a, b := draw(c.n, 1), draw(c.m, 1.5)
			low, high, ok := RatioInterval(a, b)
			if !ok {
				t.Fatalf("%d and %d: no interval", c.n, c.m)
			}
			if low <= 1.5 && 1.5 <= high {
				covered++
			}
			if p, _ := RankSum(draw(c.n, 1), draw(c.m, 1)); p < .05 {
				alarms++
			}
		}
		if share := float64(covered) / float64(c.rounds); share < .93 {
			t.Errorf("%d and %d: %.3f covered, want .95", c.n, c.m, share)
		}
		if share := float64(alarms) / float64(c.rounds); share > .075 {
			t.Errorf("%d and %d: %.3f false alarms, want at most .05", c.n, c.m, share)
		}
	}
}

func TestRatioIsTheFactor(t *testing.T) {
	got, ok := Ratio(Sample{1, 2, 4}, Sample{3, 6, 12})
	if !ok || math.Abs(got-3) > 1e-9 {
		t.Errorf("%v, %v: want 3", got, ok)
	}
	if _, ok := Ratio(nil, Sample{1}); ok {
		t.Error("a ratio of nothing")
	}
	if _, _, ok := RatioInterval(Sample{1, 2, 3}, Sample{4, 5, 6}); ok {
		t.Error("3 and 3 values have an interval")
	}
}

func TestApproximationIsTheExactTestOfLargeSamples(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var a, b []float64
		for range 30 {
			a, b = append(a, random.Float64()), append(b, random.Float64()+.1)
		}
		exact, _ := RankSum(Sorted(a), Sorted(b))
		if got := approximateRankSum(Sorted(a), Sorted(b)); math.Abs(got-exact) > .01+.1*exact {
			t.Errorf("%v, exactly %v", got, exact)
		}
	}
}

// With as many values as it asks for, the test finds the factor in about 80 of 100 cases.
func TestSampleForIsEnough(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	draw := func(n int, factor float64) Sample {
		values := make([]float64, n)
		for i := range values {
			values[i] = factor * math.Exp(.1*random.NormFloat64())
		}
		return Sorted(values)
	}
	n, ok := SampleFor(1.1, draw(1000, 1), 1)
	if !ok || n < 15 || n > 22 {
		t.Fatalf("%d, %v: want about 18", n, ok)
	}
	for tests, least := range map[int]int{1: 4, 3: 5, 8: 6, 100: 8} { // of 924 orders of 6 and 6, 2 are extreme
		if got, _ := SampleFor(10, draw(1000, 1), tests); got != least {
			t.Errorf("one of %d tests: %d, want %d, which the test needs to say anything", tests, got, least)
		}
		if got, _ := SampleFor(1.1, draw(1000, 1), tests); tests > 1 && got <= n {
			t.Errorf("one of %d tests: %d, want more than %d", tests, got, n)
		}
	}
	found := 0
	for range 500 {
		if p, _ := RankSum(draw(n, 1), draw(n, 1.1)); p < .05 {
			found++
		}
	}
	if found < 370 || found > 440 {
		t.Errorf("found %d of 500 times", found)
	}
}
