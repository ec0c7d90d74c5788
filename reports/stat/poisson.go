package stat

import "gonum.org/v1/gonum/stat/distuv"

// Poisson encloses the mean of a Poisson distribution, of which n events were counted, with a probability of at least
// 95 %: the exact interval of Garwood. Its lower end is 0 when nothing was counted.
func Poisson(n int) (low, high float64) {
	if n > 0 {
		low = distuv.Gamma{Alpha: float64(n), Beta: 1}.Quantile(tail)
	}
	return low, distuv.Gamma{Alpha: float64(n) + 1, Beta: 1}.Quantile(1 - tail)
}
