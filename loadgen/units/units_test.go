package units

import (
	"strings"
	"testing"
)

func TestParseRate(t *testing.T) {
	for in, want := range map[string]Rate{
		"5000": {PerSecond: 5000}, "5000/s": {PerSecond: 5000}, "5k/s": {PerSecond: 5000}, "0.5/s": {PerSecond: 0.5},
		"300/m": {PerSecond: 5}, "max": {Max: true}, " 1e3/s ": {PerSecond: 1000},
	} {
		if got, err := ParseRate(in); err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1/s", "fast", "5000/", "5000/h", "NaN", "+Inf", "1e9/s", "/s", "max/s"} {
		if got, err := ParseRate(in); err == nil || !strings.Contains(err.Error(), "at most 1e+07") {
			t.Errorf("%q: got %+v, %v, want an error with the bound", in, got, err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]Size{
		"0": 0, "128": 128, "128B": 128, "1KiB": 1024, "1kB": 1000, "1.5KiB": 1536, "2 MiB": 2 << 20,
		"1GiB": 1 << 30, "3MB": 3e6,
	} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "B", "-1B", "1.5B", "9999GiB", "many", "NaN", "1TiB"} {
		if got, err := ParseSize(in); err == nil || !strings.Contains(err.Error(), "1099511627776") {
			t.Errorf("%q: got %d, %v, want an error with the bound", in, got, err)
		}
	}
}

func TestStringsAreRead(t *testing.T) {
	for _, r := range []Rate{{PerSecond: 5000}, {PerSecond: 0.25}, {Max: true}} {
		if got, err := ParseRate(r.String()); err != nil || got != r {
			t.Errorf("%v: got %v, %v", r, got, err)
		}
	}
	for _, s := range []Size{0, 1, 128, 1000, 1024, 3 << 20, 1 << 30} {
		if got, err := ParseSize(s.String()); err != nil || got != s {
			t.Errorf("%v: got %v, %v", s, got, err)
		}
	}
}
