package loadgen

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/loadgen/units"
)

// SizeDist names how the lengths of values are drawn.
type SizeDist string

// The distributions of lengths; none is a fixed length, Workload.PayloadBytes.
const (
	SizesUniform   SizeDist = "uniform"   // every length from Min to Max
	SizesLognormal SizeDist = "lognormal" // many small, few large: the logarithm is normal
	SizesList      SizeDist = "list"      // a few lengths, each with its weight
)

// SizesListMax bounds Sizes.List.
const SizesListMax = 64

// Sizes says how long written values are, the id included.
type Sizes struct {
	Dist SizeDist `json:",omitempty"`
	// Min and Max bound SizesUniform and SizesLognormal, whose draws beyond them become them.
	Min int `json:",omitempty"`
	Max int `json:",omitempty"`
	// Median and Sigma are of SizesLognormal: half of the values are shorter than Median, and the deviation of the
	// logarithm is Sigma. With Sigma 1, one of six is longer than 2.7 times the median.
	Median int     `json:",omitempty"`
	Sigma  float64 `json:",omitempty"`
	// List is of SizesList.
	List []WeightedSize `json:",omitempty"`
}

// WeightedSize is a length and how often it is drawn, relative to the others.
type WeightedSize struct {
	Bytes  int
	Weight float64
}

// ParseSizes reads how long values are:
//
//	128B                        all the same
//	64B..4KiB                   uniform
//	lognormal(256B,1.2,64KiB)   median, sigma of the logarithm, cut at the largest
//	128B:90,4KiB:9,64KiB:1      a list with weights
//
// A fixed length is returned as it is, with empty Sizes.
func ParseSizes(text string) (fixed int, sizes Sizes, err error) {
	text = strings.TrimSpace(text)
	inner, isLognormal := strings.CutPrefix(text, "lognormal(")
	low, high, isRange := strings.Cut(text, "..")
	switch {
	case isLognormal:
		sizes, err = parseLognormal(inner)
	case isRange:
		sizes.Dist = SizesUniform
		var errHigh error
		sizes.Min, err = parseSize(low)
		sizes.Max, errHigh = parseSize(high)
		err = errors.Join(err, errHigh)
	case strings.ContainsAny(text, ":,"):
		sizes, err = parseList(text)
	default:
		fixed, err = parseSize(text)
	}
	if err != nil {
		return 0, Sizes{}, fmt.Errorf("sizes %q: %w; want 128B, 64B..4KiB, lognormal(256B,1.2,64KiB) or 128B:9,4KiB:1",
			text, err)
	}
	return fixed, sizes, nil
}

func parseSize(text string) (int, error) {
	size, err := units.ParseSize(text)
	if err == nil && size > PayloadMax {
		return 0, fmt.Errorf("size %q: want at most %d", text, PayloadMax)
	}
	return int(size), err
}

func parseLognormal(inner string) (s Sizes, err error) {
	fields := strings.Split(strings.TrimSuffix(inner, ")"), ",")
	if len(fields) != 3 || !strings.HasSuffix(inner, ")") {
		return s, errors.New("want three values in brackets")
	}
	s = Sizes{Dist: SizesLognormal, Min: IDBytes}
	var faults [3]error
	s.Median, faults[0] = parseSize(fields[0])
	s.Sigma, faults[1] = strconv.ParseFloat(strings.TrimSpace(fields[1]), 64)
	s.Max, faults[2] = parseSize(fields[2])
	return s, errors.Join(faults[:]...)
}

func parseList(text string) (s Sizes, err error) {
	s.Dist = SizesList
	for part := range strings.SplitSeq(text, ",") {
		size, weight, weighted := strings.Cut(part, ":")
		one := WeightedSize{Weight: 1}
		var errWeight error
		one.Bytes, err = parseSize(size)
		if weighted {
			one.Weight, errWeight = strconv.ParseFloat(strings.TrimSpace(weight), 64)
		}
		if err = errors.Join(err, errWeight); err != nil {
			return s, err
		}
		s.List = append(s.List, one)
	}
	return s, nil
}

// String writes the sizes as ParseSizes reads them; "" when they are fixed.
func (s Sizes) String() string {
	size := func(n int) string { return units.Size(n).String() }
	switch s.Dist {
	case SizesUniform:
		return size(s.Min) + ".." + size(s.Max)
	case SizesLognormal:
		return fmt.Sprintf("lognormal(%s,%v,%s)", size(s.Median), s.Sigma, size(s.Max))
	case SizesList:
		parts := make([]string, len(s.List))
		for i, one := range s.List {
			parts[i] = fmt.Sprintf("%s:%v", size(one.Bytes), one.Weight)
		}
		return strings.Join(parts, ",")
	}
	return ""
}

// PayloadMax returns the length of the longest value.
func (w Workload) PayloadMax() int {
	switch w.Sizes.Dist {
	case SizesUniform, SizesLognormal:
		return w.Sizes.Max
	case SizesList:
		most := 0
		for _, one := range w.Sizes.List {
			most = max(most, one.Bytes)
		}
		return most
	}
	return w.PayloadBytes
}

// PayloadText says how long values are, as ParseSizes reads it.
func (w Workload) PayloadText() string {
	if w.Sizes.Dist != "" {
		return w.Sizes.String()
	}
	return units.Size(w.PayloadBytes).String()
}

func (w Workload) validateSizes() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	length := func(field string, n int) {
		fault(n >= IDBytes && n <= PayloadMax, "%s = %d: want %d (the id) to %d", field, n, IDBytes, PayloadMax)
	}
	s := w.Sizes
	if s.Dist == "" {
		length("PayloadBytes", w.PayloadBytes)
		return errors.Join(faults...)
	}
	fault(w.PayloadBytes == 0, "PayloadBytes = %d with Sizes %s: want one of them", w.PayloadBytes, s)
	switch s.Dist {
	case SizesUniform, SizesLognormal:
		length("Sizes.Min", s.Min)
		length("Sizes.Max", s.Max)
		fault(s.Min <= s.Max, "Sizes.Min = %d: want at most Max = %d", s.Min, s.Max)
		if s.Dist == SizesLognormal {
			fault(s.Median >= s.Min && s.Median <= s.Max,
				"Sizes.Median = %d: want Min = %d to Max = %d", s.Median, s.Min, s.Max)
			fault(s.Sigma > 0 && s.Sigma <= 5, "Sizes.Sigma = %v: want above 0 and at most 5", s.Sigma)
		}
	case SizesList:
		fault(len(s.List) > 0 && len(s.List) <= SizesListMax, "Sizes.List: %d given, want 1 to %d", len(s.List), SizesListMax)
		for i, one := range s.List {
			length(fmt.Sprintf("Sizes.List[%d].Bytes", i), one.Bytes)
			fault(one.Weight > 0 && !math.IsInf(one.Weight, 0), "Sizes.List[%d].Weight = %v: want above 0", i, one.Weight)
		}
	default:
		fault(false, "Sizes.Dist = %q: want %q, %q or %q", s.Dist, SizesUniform, SizesLognormal, SizesList)
	}
	return errors.Join(faults...)
}

// size draws a length. A fixed one draws nothing.
func (w Workload) size(random *rand.Rand) int {
	s := &w.Sizes
	switch s.Dist {
	case SizesUniform:
		return s.Min + random.IntN(s.Max-s.Min+1)
	case SizesLognormal:
		drawn := float64(s.Median) * math.Exp(s.Sigma*random.NormFloat64())
		return int(min(max(drawn, float64(s.Min)), float64(s.Max)))
	case SizesList:
		sum := 0.0
		for _, one := range s.List {
			sum += one.Weight
		}
		at := random.Float64() * sum
		for _, one := range s.List {
			if at -= one.Weight; at < 0 {
				return one.Bytes
			}
		}
		return s.List[len(s.List)-1].Bytes
	}
	return w.PayloadBytes
}
