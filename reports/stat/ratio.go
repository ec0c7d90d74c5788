package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
)

// Ratio is the estimate of Hodges and Lehmann of by which factor b is larger than a: the median of all ratios of a
// value of b and one of a. The values must be above 0. Not ok when either sample is empty.
func Ratio(a, b Sample) (ratio float64, ok bool) {
	ratios := ratiosOf(a, b)
	n := len(ratios)
	if n == 0 {
		return 0, false
	}
	return math.Sqrt(ratios[(n-1)/2] * ratios[n/2]), true
}

// RatioInterval returns two ratios that enclose the true factor with a probability of at least 95 %, whatever the
// distributions, if b is a stretched by one factor: the interval that belongs to the test of Mann and Whitney. Not ok
// when the samples are too small for one: of 3 and 3 values, 1 of 20 orders is as far out as can be.
func RatioInterval(a, b Sample) (low, high float64, ok bool) {
	ratios := ratiosOf(a, b)
	k := outside(len(a), len(b))
	if k < 1 {
		return 0, 0, false
	}
	return ratios[k-1], ratios[len(ratios)-k], true
}

func ratiosOf(a, b Sample) []float64 {
	ratios := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			ratios = append(ratios, y/x)
		}
	}
	slices.Sort(ratios)
	return ratios
}

// exactMax is up to how many pairs of values the distribution of their order is counted; above it the normal one is as
// good.
const exactMax = 900

// outside returns how many of the n*m sorted ratios lie below the interval, plus 1; 0 when there is none.
func outside(n, m int) int {
	if n == 0 || m == 0 {
		return 0
	}
	if n*m > exactMax {
		mean, deviation := meanAndDeviation(n, m)
		return max(0, int(math.Floor(mean-distuv.UnitNormal.Quantile(1-tail)*deviation)))
	}
	ways := orders(n, m)
	total := 0.0
	for _, count := range ways {
		total += count
	}
	sum, k := 0.0, 0
	for k < len(ways) && sum+ways[k] <= tail*total {
		sum += ways[k]
		k++
	}
	return k
}

// orders returns in how many of all orders of n and m values u pairs are the wrong way round, for each u.
func orders(n, m int) []float64 {
	// of[j][u] is for i and j values, with i growing.
	of := make([][]float64, m+1)
	for j := range of {
		of[j] = make([]float64, n*m+1)
		of[j][0] = 1
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			next := make([]float64, n*m+1)
			for u := range next {
				next[u] = of[j-1][u] // the largest is of the m
				if u >= j {
					next[u] += of[j][u-j] // it is of the n: it is above all j of the others
				}
			}
			of[j] = next
		}
	}
	return of[m]
}

func meanAndDeviation(n, m int) (mean, deviation float64) {
	pairs := float64(n) * float64(m)
	return pairs / 2, math.Sqrt(pairs * float64(n+m+1) / 12)
}

// approximateRankSum is RankSum by the normal distribution, for samples that are too large to be counted out. Ties make
// it say a little too much; latencies hardly have any.
func approximateRankSum(a, b Sample) float64 {
	wrong := 0.0
	for _, x := range a {
		low, _ := slices.BinarySearch(b, x)
		high := low
		for high < len(b) && b[high] == x {
			high++
		}
		wrong += float64(low) + float64(high-low)/2
	}
	mean, deviation := meanAndDeviation(len(a), len(b))
	distance := max(0, math.Abs(wrong-mean)-.5) // corrected for continuity
	return min(1, 2*(1-distuv.UnitNormal.CDF(distance/deviation)))
}

// SampleFor estimates how many values each of two samples needs to tell a factor (above 1) with a power of 80 % at 5 %,
// when their values spread as those of s do: on a log scale, by the rank sum test, corrected for being one of that many
// tests. It is never less than the test needs to say anything. Not ok when s has less than 4 values.
func SampleFor(factor float64, s Sample, tests int) (n int, ok bool) {
	if len(s) < 4 || s[0] <= 0 {
		return 0, false
	}
	share := 2 * tail / float64(max(1, tests))
	perSide := distuv.UnitNormal.Quantile(1-share/2) + distuv.UnitNormal.Quantile(.8)
	// The middle half of a normal distribution is 1.349 standard deviations wide.
	spread := math.Log(s.OrderStatistic(.75)/s.OrderStatistic(.25)) / 1.349
	// 3/π: the test's efficiency beside one that knows the distribution.
	needed := 2 * math.Pow(perSide*spread/math.Log(factor), 2) * math.Pi / 3
	least := 1 // 2 of all orders of n and n values are as far out as can be
	for 2/combin.GeneralizedBinomial(2*float64(least), float64(least)) >= share {
		least++
	}
	return max(least, int(math.Ceil(needed))), true
}
