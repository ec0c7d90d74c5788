package raft

import "testing"

// A short tail is read at each call; a long one costs no more a call than a short one, and is read all the same.
func TestDeepChecksOfALongTailAreSpaced(t *testing.T) {
	for _, entries := range []int{0, 1, deepEntries, deepEntries + 1, 100 * deepEntries} {
		var d deepChecks
		const calls = 1000
		reads := 0
		for range calls {
			if d.due(entries) {
				reads++
			}
		}
		if reads == 0 || reads*entries > calls*deepEntries {
			t.Errorf("%d entries: read %d times in %d calls, want at least once and %d entries a call at most",
				entries, reads, calls, deepEntries)
		}
		if entries <= deepEntries && reads != calls {
			t.Errorf("%d entries: read %d times in %d calls, want each time", entries, reads, calls)
		}
	}
}
