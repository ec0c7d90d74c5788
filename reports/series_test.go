package reports

import (
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// A bin of 10 ms has too few operations for a p99: what is drawn is the slowest one, and is called so.
func TestColumnsDrawTheSlowestOperation(t *testing.T) {
	a := &armStudy{bins: []result.TimelineBin{
		{StartUs: 0, WidthUs: 10_000, OK: 15, P50Us: 900, P99Us: -1, MaxUs: 4000},
		{StartUs: 10_000, WidthUs: 10_000, OK: 15, P50Us: 1000, P99Us: -1, MaxUs: 7000},
		{StartUs: 20_000, WidthUs: 10_000, P50Us: -1, P99Us: -1, MaxUs: -1},
	}}
	got := a.column(0, 3)
	if got.HighUs != 7000 || got.MidUs < 900 || got.MidUs > 1000 {
		t.Errorf("got %+v, want the slowest, 7 ms, above a median of about 1 ms", got)
	}
}
