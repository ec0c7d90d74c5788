package faults

import (
	"time"

	"golang.org/x/sys/unix"
)

// SleepMax is the length of a wait that nothing ends early.
const SleepMax = 1500 * time.Microsecond

// sleep sleeps to within a tenth of a millisecond, which the runtime's timers do not.
func sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // who is interrupted looks at the clock again
}
