package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rate is operations a second, or as many as possible.
type Rate struct {
	PerSecond float64 // 0 when Max
	Max       bool
}

// RateMax is the largest rate that can be written.
const RateMax = 1e7

// ParseRate reads 5000, 5000/s, 5k/s, 300/m or max.
func ParseRate(s string) (Rate, error) {
	text := strings.TrimSpace(s)
	if text == "max" {
		return Rate{Max: true}, nil
	}
	bad := func() (Rate, error) {
		return Rate{}, fmt.Errorf("rate %q: want a number above 0 and at most %g, such as 5000/s, 5k/s or 300/m, or max",
			s, float64(RateMax))
	}
	number, per, _ := strings.Cut(text, "/")
	seconds := 1.0
	switch per {
	case "", "s":
		if strings.HasSuffix(text, "/") {
			return bad()
		}
	case "m":
		seconds = time.Minute.Seconds()
	default:
		return bad()
	}
	factor := 1.0
	if rest, ok := strings.CutSuffix(number, "k"); ok {
		number, factor = rest, 1000
	}
	value, err := strconv.ParseFloat(number, 64)
	value *= factor / seconds
	if err != nil || math.IsNaN(value) || value <= 0 || value > RateMax {
		return bad()
	}
	return Rate{PerSecond: value}, nil
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string {
	if r.Max {
		return "max"
	}
	return strconv.FormatFloat(r.PerSecond, 'f', -1, 64) + "/s"
}

// Set implements flag.Value.
func (r *Rate) Set(s string) (err error) {
	*r, err = ParseRate(s)
	return err
}

// Type implements pflag.Value.
func (*Rate) Type() string { return "rate" }

// Size is a number of bytes.
type Size int64

// SizeMax is the largest size that can be written: 1 TiB.
const SizeMax Size = 1 << 40

// ParseSize reads 128, 128B, 4KiB, 4kB, 1MiB, 1MB, 1GiB or 1GB; KiB is 1024, kB is 1000.
func ParseSize(s string) (Size, error) {
	number, unit := strings.TrimSpace(s), 1.0
	for _, u := range []struct {
		name  string
		bytes float64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
	} {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	value *= unit
	if err != nil || math.IsNaN(value) || value < 0 || value > float64(SizeMax) || value != math.Trunc(value) {
		return 0, fmt.Errorf("size %q: want whole bytes from 0 to %d, such as 128, 128B, 4KiB or 1MB", s, SizeMax)
	}
	return Size(value), nil
}

// String writes the size as ParseSize reads it, in the largest unit that leaves it whole.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Set implements flag.Value.
func (s *Size) Set(text string) (err error) {
	*s, err = ParseSize(text)
	return err
}

// Type implements pflag.Value.
func (*Size) Type() string { return "size" }
