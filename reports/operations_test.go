package reports

import (
	"slices"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// Rules R3 and R5: however an operation ended without an answer, and however quickly, it cannot improve a percentile of
// the figures, and it is not left out.
func TestOperationsWithoutAnAnswerCountAtTheTimeout(t *testing.T) {
	a := &armStudy{timeoutUs: 10_000_000}
	for _, c := range []struct {
		op   result.OpRow
		want float64
	}{
		{result.OpRow{IntendedUs: 5000, DoneUs: 7000, Outcome: "ok"}, 2000},
		{result.OpRow{IntendedUs: 5000, DoneUs: 6000, Outcome: "unknown"}, 10_000_000},
		{result.OpRow{IntendedUs: 5000, DoneUs: 6000, Outcome: "failed"}, 10_000_000},
		{result.OpRow{IntendedUs: 5000, DoneUs: -1, Outcome: "shed"}, 10_000_000},
		{result.OpRow{IntendedUs: 5000, DoneUs: 12_005_000, Outcome: "unknown"}, 12_000_000},
	} {
		got, known := a.waited(&c.op)
		if !known || got != c.want {
			t.Errorf("%+v: got %v, %v, want %v", c.op, got, known, c.want)
		}
	}
	if _, known := new(armStudy).waited(&result.OpRow{DoneUs: -1, Outcome: "shed"}); known {
		t.Error("a wait was made up without a timeout")
	}
}

// The operations that a kill cuts off were due before it and ended before the process was gone; those of the panel of
// faults include them.
func TestOperationsUnderWayAtAFaultAreInItsPanel(t *testing.T) {
	a := &armStudy{trials: map[string][]result.Trial{
		"leader-kill": {{CommandUs: 1_000_000, InjectUs: 1_005_000, EndUs: 3_000_000}},
		noop:          {{CommandUs: 5_000_000, InjectUs: 5_000_000, EndUs: 6_000_000}},
	}}
	windows := a.struck()
	if want := []window{{1_000_000, 3_000_000}}; !slices.Equal(windows, want) {
		t.Errorf("got %v, want %v", windows, want)
	}
}
