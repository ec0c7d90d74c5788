package table

import (
	"math"
	"strconv"
	"strings"
)

// Time is a cell of a duration in microseconds; the page shows it to the nanosecond when asked.
func Time(us float64) Cell { return Cell{Text: Duration(us), Exact: exact(us, 3), Unit: "µs"} }

// PerSecond is a cell of a rate.
func PerSecond(rate float64) Cell {
	return Cell{Text: Significant(rate) + "/s", Exact: exact(rate, 3), Unit: "/s"}
}

// exact writes at most so many digits after the point, and none that are zero at the end.
func exact(x float64, digits int) string {
	scale := math.Pow(10, float64(digits))
	return strconv.FormatFloat(math.Round(x*scale)/scale, 'f', -1, 64)
}

// Duration writes microseconds with the unit that reads best and three significant digits: "812 µs", "2.31 ms", "1.20
// s".
func Duration(us float64) string {
	switch abs := math.Abs(us); {
	case abs < 999.5:
		return Significant(us) + " µs"
	case abs < 999.5e3:
		return Significant(us/1e3) + " ms"
	default:
		return Significant(us/1e6) + " s"
	}
}

// Significant writes three significant digits, and more where the whole part has more, with thin groups of thousands.
func Significant(x float64) string {
	switch abs := math.Abs(x); {
	case abs == 0:
		return "0"
	case abs >= 99.95:
		return Count(int64(math.Round(x)))
	case abs >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case abs >= .9995:
		return strconv.FormatFloat(x, 'f', 2, 64)
	default:
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
}

// Count writes a whole number in groups of three digits: "1 234 567", with no-break spaces. Four digits stay together.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	if len(digits) <= 4 {
		return sign + digits
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), "\u00a0")
}
