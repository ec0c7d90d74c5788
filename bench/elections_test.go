package bench

import (
	"testing"
	"time"

	electionsim "github.com/raftmark/raftmark/bench/election"
)

func electedAfter(n, without int) []electionsim.Trial {
	trials := make([]electionsim.Trial, n)
	for i := range trials {
		trials[i].Elect = time.Duration(i+1) * time.Millisecond
		if i < without {
			trials[i].Elect = -1
		}
	}
	return trials
}

// Rule R9: a quantile has its least sample, 368 for p99.
func TestElectionQuantilesNeedTheirSample(t *testing.T) {
	if q, _, _ := electionTimes(electedAfter(367, 0)); q.P99 != nil || q.P95 == nil {
		t.Errorf("367 trials: got p99 %v, p95 %v; want none, and one", q.P99, q.P95)
	}
	q, mean, without := electionTimes(electedAfter(368, 0))
	if q.P99 == nil || *q.P99 != 365 || mean == nil || *mean != 184.5 || without != 0 {
		t.Errorf("368 trials of 1 to 368 ms: got %v, mean %v, %d without", q.P99, mean, without)
	}
}

// Rule R4: a trial without a leader is longer than all others, and makes no number smaller.
func TestTrialsWithoutALeaderCountAsLongest(t *testing.T) {
	q, mean, without := electionTimes(electedAfter(100, 60))
	if without != 60 || q.N != 100 || q.P50 != nil || q.Max != nil || mean != nil {
		t.Errorf("60 of 100 without: got %+v, mean %v, %d", q, mean, without)
	}
	if q.Min == nil || *q.Min != 61 {
		t.Errorf("the shortest: got %v, want 61", q.Min)
	}
	if q, _, _ := electionTimes(electedAfter(100, 40)); q.P50 == nil || *q.P50 != 90 || q.P90 != nil {
		t.Errorf("40 of 100 without: got p50 %v, p90 %v; want 90, and none", q.P50, q.P90)
	}
}
