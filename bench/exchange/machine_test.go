package exchange

import (
	"testing"
	"time"
)

// What others used is the larger of two counts, of which each misses something, and unknown where ticks are too coarse.
func TestForeignShare(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name                     string
		busy, others, own, total time.Duration
		want                     float64
	}{
		{"nobody else", 800 * ms, 0, 800 * ms, 1000 * ms, 0},
		{"seen by process", 800 * ms, 300 * ms, 500 * ms, 1000 * ms, 0.3},
		{"processes that hide", 800 * ms, 0, 500 * ms, 1000 * ms, 0.3},
		{"own time has interrupts", 500 * ms, 100 * ms, 700 * ms, 1000 * ms, 0.1},
		{"an old child waited for", 500 * ms, 5000 * ms, 400 * ms, 1000 * ms, 1},
		{"too short", 100 * ms, 100 * ms, 0, 190 * ms, -1},
	} {
		before := machine{busy: time.Hour, others: time.Hour, total: 3 * time.Hour, loBytes: -1}
		after := machine{busy: time.Hour + c.busy, others: time.Hour + c.others, total: 3*time.Hour + c.total}
		if got := after.since(before, c.own).Foreign; got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
