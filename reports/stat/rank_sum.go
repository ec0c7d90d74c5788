package stat

import "slices"

// RankSum is the two-sided test of Mann and Whitney, exact up to 900 pairs of values: the probability that two
// samples of these sizes, drawn from one distribution, differ in their ranks by as much as a and b do. Ties take
// their mean rank. Not ok when either is empty.
func RankSum(a, b Sample) (p float64, ok bool) {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return 0, false
	}
	if n*m > exactMax {
		return approximateRankSum(a, b), true
	}
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	doubled := func(x float64) int { // twice the mean rank
		low, _ := slices.BinarySearch(all, x)
		high := low
		for high < len(all) && all[high] == x {
			high++
		}
		return low + 1 + high
	}
	ranks := make([]int, len(all))
	most := 0
	for i, x := range all {
		ranks[i] = doubled(x)
		most += ranks[i]
	}
	// ways[k][sum] counts the choices of k values whose doubled ranks add up to sum.
	ways := make([][]float64, n+1)
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, rank := range ranks {
		for k := n; k > 0; k-- {
			for sum := most; sum >= rank; sum-- {
				ways[k][sum] += ways[k-1][sum-rank]
			}
		}
	}
	seen := 0
	for _, x := range a {
		seen += doubled(x)
	}
	centre := n * (n + m + 1) // twice the mean of the rank sum
	total, extreme := 0.0, 0.0
	for sum, count := range ways[n] {
		total += count
		if abs(sum-centre) >= abs(seen-centre) {
			extreme += count
		}
	}
	return extreme / total, true
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// Shift is the estimate of Hodges and Lehmann of how much larger b is than a: the median of all differences. Not ok
// when either is empty.
func Shift(a, b Sample) (shift float64, ok bool) {
	var differences []float64
	for _, x := range a {
		for _, y := range b {
			differences = append(differences, y-x)
		}
	}
	n := len(differences)
	if n == 0 {
		return 0, false
	}
	slices.Sort(differences)
	return (differences[(n-1)/2] + differences[n/2]) / 2, true
}

// Holm corrects probabilities for their number: each is that of the step-down test of all of them together.
func Holm(raw []float64) []float64 {
	corrected := make([]float64, len(raw))
	for i := range raw {
		for _, p := range raw {
			if p > raw[i] {
				continue
			}
			larger := 0
			for _, other := range raw {
				if other >= p {
					larger++
				}
			}
			corrected[i] = max(corrected[i], min(1, p*float64(larger)))
		}
	}
	return corrected
}
