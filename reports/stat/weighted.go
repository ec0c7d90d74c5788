package stat

import (
	"cmp"
	"math"
	"slices"
)

// Weighted collects values that stand for several: an operation that was kept as one in k stands for k.
type Weighted struct {
	values []weightedValue
	sorted bool
}

type weightedValue struct{ x, weight float64 }

// Add adds a value that stands for weight of them.
func (w *Weighted) Add(x, weight float64) {
	w.values = append(w.values, weightedValue{x, weight})
	w.sorted = false
}

// Merge adds all values of another sample.
func (w *Weighted) Merge(other *Weighted) {
	w.values = append(w.values, other.values...)
	w.sorted = false
}

// Len is the number of values that were added.
func (w *Weighted) Len() int { return len(w.values) }

// Quantiles returns the weighted order statistics of the ascending qs. The caller minds the minimum sample.
func (w *Weighted) Quantiles(qs []float64) []float64 {
	if len(w.values) == 0 {
		return nil
	}
	if !w.sorted {
		slices.SortFunc(w.values, func(a, b weightedValue) int { return cmp.Compare(a.x, b.x) })
		w.sorted = true
	}
	total := 0.0
	for _, v := range w.values {
		total += v.weight
	}
	var (
		result = make([]float64, 0, len(qs))
		i      = 0
		sum    = w.values[0].weight
	)
	for _, q := range qs {
		for i < len(w.values)-1 && sum < math.Min(q*total, total) {
			i++
			sum += w.values[i].weight
		}
		result = append(result, w.values[i].x)
	}
	return result
}
