//go:build !linux

package faults

import "time"

// SleepMax is the length of a wait that nothing ends early.
const SleepMax = 200 * time.Microsecond

// sleep sleeps.
func sleep(d time.Duration) { time.Sleep(d) }
