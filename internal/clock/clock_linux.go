package clock

import "golang.org/x/sys/unix"

// monotonicClockID is the clock that Go's monotonic readings come from.
const monotonicClockID = unix.CLOCK_MONOTONIC
