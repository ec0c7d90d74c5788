package server

import (
	"reflect"
	"testing"
)

// FuzzConfig parses arbitrary text as a configuration file: no panic, and what is accepted is the same after it was
// written and read again.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("cluster: c\nnode: 1\npeers:\n  1: 127.0.0.1:7001 127.0.0.1:6001\nreads: lease\nlease: 100ms\n"))
	f.Add([]byte("node: 18446744073709551615\nlog_bytes_max: 4GiB\ndisk_reserve: off\nraft: {message_entries_max: 9}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? {}\n: - !!binary =\n"))
	if own, err := (Config{Cluster: "c", Node: 1, DataDir: "/d"}).WithDefaults().Encode(); err == nil {
		f.Add(own)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		_ = c.WithDefaults().Validate() // says what is wrong, and does not panic
		encoded, err := c.Encode()
		if err != nil {
			t.Fatalf("%+v cannot be encoded: %v", c, err)
		}
		again, err := ParseConfig(encoded)
		if err != nil && len(encoded) > 3 { // "{}"
			t.Fatalf("%q does not come back: %v", encoded, err)
		}
		if err == nil && !reflect.DeepEqual(again, c) {
			t.Errorf("%+v came back as %+v, through\n%s", c, again, encoded)
		}
	})
}
