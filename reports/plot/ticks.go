package plot

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// linear returns about count ticks at multiples of 1, 2 or 5 times a power of ten.
func linear(count int, label func(x, step float64) string) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		step := niceStep((high - low) / float64(count))
		var ticks []plot.Tick
		for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
			x := i*step + 0 // and never the negative zero
			ticks = append(ticks, plot.Tick{Value: x, Label: label(x, step)})
		}
		return ticks
	}
}

func niceStep(raw float64) float64 {
	if raw <= 0 || math.IsNaN(raw) || math.IsInf(raw, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 5} {
		if raw <= factor*power*1.0001 {
			return factor * power
		}
	}
	return 10 * power
}

// plain writes as many decimals as the step needs.
func plain(x, step float64) string {
	decimals := 0
	for s := step; decimals < 6 && math.Abs(s-math.Round(s)) > 1e-9; decimals++ {
		s *= 10
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

// grouped writes thousands as 10k.
func grouped(x, step float64) string {
	if math.Abs(x) >= 10_000 && step >= 100 {
		return strings.TrimSuffix(strconv.FormatFloat(x/1000, 'f', 1, 64), ".0") + "k"
	}
	return plain(x, step)
}

func percent(x, _ float64) string { return strconv.Itoa(int(math.Round(x*100))) + " %" }

// microseconds writes a round duration: 200 µs, 5 ms, 1 s.
func microseconds(us float64) string {
	switch {
	case us >= 1e6:
		return strconv.FormatFloat(us/1e6, 'g', -1, 64) + " s"
	case us >= 1e3:
		return strconv.FormatFloat(us/1e3, 'g', -1, 64) + " ms"
	default:
		return strconv.FormatFloat(us, 'g', 3, 64) + " µs"
	}
}

// fewDecades is the range below which an axis also labels 2 and 5.
const fewDecades = 2.3

// logDuration marks decades of microseconds, and within few decades also 2 and 5.
func logDuration(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	few := math.Log10(high/low) < fewDecades
	for exponent := math.Floor(math.Log10(low)); exponent <= math.Ceil(math.Log10(high)); exponent++ {
		decade := math.Pow(10, exponent)
		for factor := 1.0; factor < 10; factor++ {
			tick := plot.Tick{Value: factor * decade}
			if factor == 1 || few && (factor == 2 || factor == 5) {
				tick.Label = microseconds(math.Round(tick.Value*1e6) / 1e6)
			}
			if tick.Value >= low*.999 && tick.Value <= high*1.001 {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// logBounds widens a range of positive values to steps of 1, 2 or 5 of its decades, and a range of many decades to
// whole ones, so that its ends have labels.
func logBounds(low, high float64) (float64, float64) {
	if !(low > 0) || math.IsInf(low, 0) || !(high >= low) {
		return 100, 10_000
	}
	down := math.Pow(10, math.Floor(math.Log10(low)))
	for _, factor := range []float64{5, 2, 1} {
		if factor*down <= low {
			low = factor * down
			break
		}
	}
	up := math.Pow(10, math.Floor(math.Log10(high)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if factor*up >= high {
			high = factor * up
			break
		}
	}
	if high <= low {
		high = 10 * low
	}
	if math.Log10(high/low) >= fewDecades {
		low = math.Pow(10, math.Floor(math.Log10(low)+1e-9))
		high = math.Pow(10, math.Ceil(math.Log10(high)-1e-9))
	}
	return low, high
}

// niceCeil returns the first multiple of a nice step that is not below x.
func niceCeil(x float64, count int) float64 {
	if x <= 0 {
		return 1
	}
	step := niceStep(x / float64(count))
	return math.Ceil(x/step-1e-9) * step
}
