package server

import (
	"strings"
	"testing"
)

func TestByteLimitIsWrittenAsTextInConfigurations(t *testing.T) {
	for text, want := range map[string]ByteLimit{
		"disk_reserve: off\n": BytesOff, "disk_reserve: 256MiB\n": 256 << 20, "disk_reserve: 5000\n": 5000, "node: 1\n": 0,
	} {
		c, err := ParseConfig([]byte(text))
		if err != nil || c.DiskReserve != want {
			t.Errorf("%q: got %v, %v, want %v", text, c.DiskReserve, err, want)
			continue
		}
		encoded, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseConfig(encoded); err != nil || again.DiskReserve != want {
			t.Errorf("%q: got %v, %v after a round trip, want %v", text, again.DiskReserve, err, want)
		}
	}
	for _, text := range []string{"much", "-1", "-1MiB", "1.5GiB", "9223372036854775807GiB", ""} {
		var l ByteLimit
		if err := l.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "or off") {
			t.Errorf("%q: got %v, %v, want an error that says what is possible", text, l, err)
		}
	}
}

func TestByteLimitIsWrittenInTheGreatestUnit(t *testing.T) {
	for want, l := range map[string]ByteLimit{
		"off": BytesOff, "0": 0, "1023": 1023, "1KiB": 1 << 10, "1025KiB": 1<<20 + 1<<10,
		"256MiB": 256 << 20, "2GiB": 2 << 30,
	} {
		if got := l.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
