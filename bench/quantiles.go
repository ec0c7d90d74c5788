package bench

import (
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// quantilesOf returns the order statistics that the sample is large enough for (rule R9).
func quantilesOf(values []float64) result.Quantiles {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	q := result.Quantiles{N: n}
	if n == 0 {
		return q
	}
	at := func(quantile float64) *float64 {
		if n < loadgen.MinimumSample(quantile) {
			return nil
		}
		return &sorted[rank(n, quantile)]
	}
	q.Min, q.Max = &sorted[0], &sorted[n-1]
	q.P50, q.P90, q.P95, q.P99, q.P999 = at(0.5), at(0.9), at(0.95), at(0.99), at(0.999)
	return q
}
