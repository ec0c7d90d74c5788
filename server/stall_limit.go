package server

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft/replica"
)

// StallLimit is a limit on how long a disk may take, written as "1s", or as "off" for none. Zero is a default.
type StallLimit time.Duration

// StallOff is no limit.
const StallOff = StallLimit(replica.DiskStallIgnored)

// stallOff is how StallOff is written.
const stallOff = "off"

// String returns the limit as configurations write it.
func (l StallLimit) String() string {
	if l == StallOff {
		return stallOff
	}
	return time.Duration(l).String()
}

// MarshalText implements encoding.TextMarshaler.
func (l StallLimit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *StallLimit) UnmarshalText(text []byte) error {
	if string(text) == stallOff {
		*l = StallOff
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration such as 1s, or off", text)
	}
	*l = StallLimit(d)
	return nil
}
