//go:build !linux

package pebble

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// notStable cannot tell here.
func notStable(string) (string, error) { return "", nil }

// peakBytes returns how much memory this process has had at most.
func peakBytes() (uint64, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return uint64(u.Maxrss), err
}

// machine describes what the figures depend on.
func machine() string { return runtime.GOOS }
