package loadgen

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/internal/clock"
)

// newSleeper returns the sleep of the pacing goroutine, which must be locked to its OS thread: the thread's timer
// slack, by default 50 µs, is lowered to 1 ns, and the wait is a system call of its own instead of the runtime's
// timers, which share one poller with all sockets.
//
// Note: a timerfd read through the runtime's poller was tried instead: no cheaper, no more punctual.
func newSleeper(clock.Clock) (sleepUntil func(time.Duration), release func()) {
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		slack = 50_000
	}
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it wake-ups are later, and the send lag shows it
	sleepUntil = func(at time.Duration) {
		ts := unix.NsecToTimespec(int64(at)) // clock.Clock reads the same clock
		// An interrupted sleep returns early; the caller looks at the clock again.
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil)
	}
	release = func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0) }
	return sleepUntil, release
}
