package clock

// monotonicClockID is CLOCK_UPTIME_RAW, the clock that Go's monotonic readings come from.
const monotonicClockID = 8
