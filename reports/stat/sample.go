package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// tail is the probability left on each side of a 95 % interval.
const tail = .025

// Sample is a sorted sample.
type Sample []float64

// Sorted returns the sample of the values; it copies them.
func Sorted(values []float64) Sample { return slices.Sorted(slices.Values(values)) }

// MinSample is the number of values from which a two-sided 95 % interval of quantile q has finite ends (rule R9):
// 6 for p50, 36 for p90, 72 for p95, 368 for p99, 3688 for p99.9.
func MinSample(q float64) int {
	q = max(q, 1-q)
	return int(math.Ceil(math.Log(tail) / math.Log(q)))
}

// Min returns the smallest value; not ok when there is none.
func (s Sample) Min() (float64, bool) {
	if len(s) == 0 {
		return 0, false
	}
	return s[0], true
}

// Max returns the largest value; not ok when there is none.
func (s Sample) Max() (float64, bool) {
	if len(s) == 0 {
		return 0, false
	}
	return s[len(s)-1], true
}

// Quantile returns the order statistic of q; not ok when the sample is below MinSample(q).
func (s Sample) Quantile(q float64) (float64, bool) {
	if len(s) < MinSample(q) {
		return 0, false
	}
	return s.OrderStatistic(q), true
}

// OrderStatistic is Quantile without the minimum: what was seen in this sample, with no claim about another. It is for
// drawing. The sample must not be empty.
func (s Sample) OrderStatistic(q float64) float64 { return stat.Quantile(q, stat.Empirical, s, nil) }

// Interval returns two values of the sample that enclose the true quantile q with a probability of at least 95 %; not
// ok when the sample is too small.
func (s Sample) Interval(q float64) (low, high float64, ok bool) {
	n := len(s)
	if n < MinSample(q) {
		return 0, 0, false
	}
	below := distuv.Binomial{N: float64(n), P: q}
	// The largest rank l with P(at most l-1 values below) <= tail, and the smallest h with P(at least h below) <= tail.
	l := 0
	for l < n && below.CDF(float64(l)) <= tail {
		l++
	}
	h := n
	for h > 0 && 1-below.CDF(float64(h-1)) <= tail {
		h--
	}
	if l < 1 || h >= n {
		return 0, 0, false
	}
	return s[l-1], s[h], true
}

// Disjoint says whether the 95 % intervals of quantile q of two samples do not overlap; not ok when either is too small
// for an interval. It is stricter than a test at 5 %: intervals that overlap are no proof that there is no difference.
func Disjoint(a, b Sample, q float64) (disjoint, ok bool) {
	aLow, aHigh, aOK := a.Interval(q)
	bLow, bHigh, bOK := b.Interval(q)
	if !aOK || !bOK {
		return false, false
	}
	return aHigh < bLow || bHigh < aLow, true
}

// Step is a corner of an empirical distribution: the share P of the sample is at most X.
type Step struct{ X, P float64 }

// ECDF returns the corners of the empirical distribution function, from left to right, one for each distinct value.
func (s Sample) ECDF() []Step {
	var steps []Step
	for i, x := range s {
		p := float64(i+1) / float64(len(s))
		if len(steps) > 0 && steps[len(steps)-1].X == x {
			steps[len(steps)-1].P = p
			continue
		}
		steps = append(steps, Step{X: x, P: p})
	}
	return steps
}

// DKW is the half-width of the 95 % band around the empirical distribution of n values, by the inequality of Dvoretzky,
// Kiefer and Wolfowitz with Massart's constant.
func DKW(n int) float64 {
	if n == 0 {
		return 1
	}
	return min(1, math.Sqrt(math.Log(2/(2*tail))/(2*float64(n))))
}
