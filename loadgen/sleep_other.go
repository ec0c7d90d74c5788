//go:build !linux

package loadgen

import (
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// newSleeper returns the sleep of the pacing goroutine: the runtime's timers, whose lateness the send lag shows.
func newSleeper(clk clock.Clock) (sleepUntil func(time.Duration), release func()) {
	return func(at time.Duration) { time.Sleep(at - clk.Now()) }, func() {}
}
