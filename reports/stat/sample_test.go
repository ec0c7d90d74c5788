package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/raftmark/raftmark/reports/stat"
)

func TestMinimumSampleIsTheTableOfRuleR9(t *testing.T) {
	for q, want := range map[float64]int{.5: 6, .9: 36, .95: 72, .99: 368, .999: 3688, .9999: 36887, .1: 36} {
		if got := stat.MinSample(q); got != want {
			t.Errorf("MinSample(%v): got %d, want %d", q, got, want)
		}
	}
}

func upTo(n int) stat.Sample {
	s := make(stat.Sample, n)
	for i := range s {
		s[i] = float64(i + 1)
	}
	return s
}

func TestQuantileIsAnObservedValueFromTheMinimumOn(t *testing.T) {
	if _, ok := upTo(5).Quantile(.5); ok {
		t.Error("median of 5 values: got ok")
	}
	for _, c := range []struct {
		n    int
		q    float64
		want float64
	}{{6, .5, 3}, {7, .5, 4}, {36, .9, 33}, {72, .95, 69}, {368, .99, 365}} {
		got, ok := upTo(c.n).Quantile(c.q)
		if !ok || got != c.want {
			t.Errorf("quantile %v of 1..%d: got %v %v, want %v", c.q, c.n, got, ok, c.want)
		}
	}
}

// The ranks are those of the usual tables of distribution-free intervals of the median.
func TestIntervalOfTheMedian(t *testing.T) {
	for _, c := range []struct{ n, low, high int }{{6, 1, 6}, {10, 2, 9}, {12, 3, 10}, {20, 6, 15}, {100, 40, 61}} {
		low, high, ok := upTo(c.n).Interval(.5)
		if !ok || low != float64(c.low) || high != float64(c.high) {
			t.Errorf("n=%d: got [%v, %v] %v, want [%d, %d]", c.n, low, high, ok, c.low, c.high)
		}
	}
	if _, _, ok := upTo(5).Interval(.5); ok {
		t.Error("n=5: got ok")
	}
}

func TestIntervalCoversTheTrueQuantile(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		q float64
		n int
	}{{.5, 10}, {.9, 50}, {.95, 72}} {
		const rounds = 2000
		truth := -math.Log(1 - c.q)
		covered := 0
		for range rounds {
			values := make([]float64, c.n)
			for i := range values {
				values[i] = random.ExpFloat64()
			}
			low, high, ok := stat.Sorted(values).Interval(c.q)
			if !ok {
				t.Fatalf("q=%v n=%d: not ok", c.q, c.n)
			}
			if low <= truth && truth <= high {
				covered++
			}
		}
		if share := float64(covered) / rounds; share < .94 {
			t.Errorf("q=%v n=%d: covered %.3f, want at least .95 or nearly", c.q, c.n, share)
		}
	}
}

func TestDisjoint(t *testing.T) {
	low, high := upTo(10), make(stat.Sample, 10)
	for i := range high {
		high[i] = 100 + float64(i)
	}
	if disjoint, ok := stat.Disjoint(low, high, .5); !disjoint || !ok {
		t.Errorf("far apart: got %v %v", disjoint, ok)
	}
	if disjoint, ok := stat.Disjoint(low, low, .5); disjoint || !ok {
		t.Errorf("the same: got %v %v", disjoint, ok)
	}
	if _, ok := stat.Disjoint(low, upTo(5), .5); ok {
		t.Error("too small: got ok")
	}
}

func TestECDF(t *testing.T) {
	got := stat.Sorted([]float64{3, 1, 3, 2}).ECDF()
	want := []stat.Step{{X: 1, P: .25}, {X: 2, P: .5}, {X: 3, P: 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := stat.DKW(100); math.Abs(got-.1358) > .0001 {
		t.Errorf("DKW(100): got %v, want .1358", got)
	}
}

func TestWeightedQuantiles(t *testing.T) {
	var w stat.Weighted
	w.Add(10, 1)
	w.Add(1, 9)
	w.Add(5, 10)
	got := w.Quantiles([]float64{.1, .45, .5, .95, .96, 1})
	if want := []float64{1, 1, 5, 5, 10, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
