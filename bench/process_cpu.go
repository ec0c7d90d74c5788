package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// processCPU returns the CPU time that this process has used, 0 when the system does not say.
func processCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
