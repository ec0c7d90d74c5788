package exchange

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// newSleeper returns a sleep that ends within microseconds of its instant, on a thread of its own until release. The
// runtime's timers may be a millisecond late on an idle process, which is as long as the gap of two heartbeats.
func newSleeper() (sleepUntil func(start time.Time, at time.Duration), release func()) {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it wake-ups are later, and the lag shows it
	sleepUntil = func(start time.Time, at time.Duration) {
		for {
			left := at - time.Since(start)
			if left <= 0 {
				return
			}
			ts := unix.NsecToTimespec(int64(left))
			_ = unix.Nanosleep(&ts, nil) // a signal ends it early
		}
	}
	release = func() {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // the default again
		runtime.UnlockOSThread()
	}
	return sleepUntil, release
}
