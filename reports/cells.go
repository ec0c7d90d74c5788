package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
	"github.com/raftmark/raftmark/reports/table"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// missing is a cell for what was not observed.
func missing() table.Cell { return table.Cell{Text: "n/a", Tone: table.Missing} }

// tooFew is a cell for a quantile whose sample is below its minimum (rule R9).
func tooFew(n int, q float64) table.Cell {
	if least := stat.MinSample(q); n < least {
		return table.Cell{Text: fmt.Sprintf("n/a (n=%d < %d)", n, least), Tone: table.Missing}
	}
	return missing()
}

// us is a cell for a quantile of the summary, in microseconds.
func us(v *float64, n int, q float64) table.Cell {
	if v == nil {
		return tooFew(n, q)
	}
	return table.Time(*v)
}

func usMax(v *float64) table.Cell {
	if v == nil {
		return missing()
	}
	return table.Time(*v)
}

// msQuantile is a cell for a quantile of a sample in milliseconds.
func msQuantile(s stat.Sample, q float64) table.Cell {
	v, ok := s.Quantile(q)
	if !ok {
		return tooFew(len(s), q)
	}
	return msCell(v)
}

// msInterval is a cell for the 95 % interval of a quantile.
func msInterval(s stat.Sample, q float64) table.Cell {
	low, high, ok := s.Interval(q)
	if !ok {
		return tooFew(len(s), q)
	}
	return table.Ofn("[%s, %s]", milliseconds(low), milliseconds(high))
}

// msRange is a cell for the smallest and the largest value.
func msRange(s stat.Sample) table.Cell {
	low, ok := s.Min()
	if !ok {
		return missing()
	}
	high, _ := s.Max()
	return table.Ofn("%s – %s", milliseconds(low), milliseconds(high))
}

// msCell is a cell of a duration in milliseconds.
func msCell(ms float64) table.Cell { return table.Time(ms * 1e3) }

func milliseconds(ms float64) string { return table.Duration(ms * 1e3) }

func rate(perS float64) string { return table.Significant(perS) + "/s" }

// count is a cell for a number that should be 0.
func countBad(n int64) table.Cell {
	if n == 0 {
		return table.Of("0")
	}
	return table.Cell{Text: table.Count(n), Tone: table.Bad}
}

func lost(s result.Safety) table.Cell {
	if s.Lost > 0 {
		return table.Cell{Text: table.Count(s.Lost) + " LOST", Tone: table.Bad}
	}
	return table.Of("0")
}
