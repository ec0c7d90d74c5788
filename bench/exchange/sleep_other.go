//go:build !linux

package exchange

import "time"

// newSleeper returns the runtime's sleep.
func newSleeper() (sleepUntil func(start time.Time, at time.Duration), release func()) {
	sleepUntil = func(start time.Time, at time.Duration) { time.Sleep(at - time.Since(start)) }
	return sleepUntil, func() {}
}
