package server

import (
	"strings"
	"testing"
	"time"
)

func TestStallLimitIsWrittenAsTextInConfigurations(t *testing.T) {
	for text, want := range map[string]StallLimit{
		"disk_stall_max: off\n": StallOff, "disk_stall_max: 250ms\n": StallLimit(250 * time.Millisecond), "node: 1\n": 0,
	} {
		c, err := ParseConfig([]byte(text))
		if err != nil || c.DiskStallMax != want {
			t.Errorf("%q: got %v, %v, want %v", text, c.DiskStallMax, err, want)
			continue
		}
		encoded, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseConfig(encoded); err != nil || again.DiskStallMax != want {
			t.Errorf("%q: got %v, %v after a round trip, want %v", text, again.DiskStallMax, err, want)
		}
	}
	for _, text := range []string{"soon", "-1s", "1", ""} {
		var l StallLimit
		if err := l.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "or off") {
			t.Errorf("%q: got %v, %v, want an error that says what is possible", text, l, err)
		}
	}
	if got := (Config{}).WithDefaults().DiskStallMax; got != DefaultDiskStallMax {
		t.Errorf("got %v by default, want %v", got, DefaultDiskStallMax)
	}
}
