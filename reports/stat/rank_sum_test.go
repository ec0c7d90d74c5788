package stat

import (
	"math"
	"testing"
)

func TestRankSum(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20},
		{[]float64{1, 4, 5}, []float64{2, 3, 6}, 1},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{[]float64{1, 2, 4}, []float64{3, 5, 6}, 4.0 / 20}, // of 20 sums, 6 and 7 and their mirrors are as far out
	} {
		for _, pair := range [][2][]float64{{c.a, c.b}, {c.b, c.a}} {
			got, ok := RankSum(Sorted(pair[0]), Sorted(pair[1]))
			if !ok || math.Abs(got-c.want) > 1e-12 {
				t.Errorf("%v, %v: got %v, %v; want %v", pair[0], pair[1], got, ok, c.want)
			}
		}
	}
	if _, ok := RankSum(nil, Sorted([]float64{1})); ok {
		t.Error("got an answer for an empty sample")
	}
}

func TestShift(t *testing.T) {
	got, ok := Shift(Sorted([]float64{1, 2, 3}), Sorted([]float64{11, 12, 13}))
	if !ok || got != 10 {
		t.Errorf("got %v, %v; want 10", got, ok)
	}
}
