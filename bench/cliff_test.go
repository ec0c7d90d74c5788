package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// The scenario of the cliff at toy size: what the nodes do beside serving is counted, and nothing of it is of before.
func TestCliffAtToySize(t *testing.T) {
	s, err := LoadScenario("cliff")
	if err != nil {
		t.Fatal(err)
	}
	if s.Open.TailMax != 3 || s.Open.Rates[0] != 20_000 || time.Duration(s.Open.Duration) != 10*time.Minute {
		t.Errorf("got %+v, want ten minutes of 20000/s that may have three times the p99", s.Open)
	}
	s.Closed.Warmup, s.Closed.Duration = 0, Duration(300*ms)
	s.Open.Rates, s.Open.Warmup, s.Open.Duration = []Rate{500}, 0, Duration(2*time.Second)
	s.Raft.SnapshotLogEntries, s.Raft.SnapshotKeepEntries = 100, 10
	r, _ := runInprocScenario(t, s)
	arm := r.Summary.Arms[0]
	if len(arm.Open) != 1 || arm.Open[0].Work == nil || arm.Open[0].TailMax != 3 {
		t.Fatalf("got %+v, want one rate and what was done meanwhile", arm.Open)
	}
	// 1000 entries, compacted each 100, at 3 nodes; each time the state's memory is flushed.
	w := *arm.Open[0].Work
	if w.LogCompactions < 3 || w.LogCompactions > 40 || w.StateFlushes < 3 || w.StateFlushes > 80 || w.SnapshotsSent != 0 {
		t.Errorf("got %+v, want about 30 compactions and flushes of the state, and no snapshot", w)
	}
}

// A p99.9 beyond what was allowed is a warning of the arm, and no fault of the measurement; where nothing was allowed
// nothing is judged.
func TestATailIsHeldAgainstItsLimit(t *testing.T) {
	third := 3001.0
	for _, c := range []struct {
		max   float64
		p999  *float64
		cliff bool
	}{{0, &third, false}, {3, &third, true}, {3.01, &third, false}, {3, nil, false}} {
		p := result.OpenPoint{P99Us: 1000, P999Us: c.p999, TailMax: c.max}
		if p.Cliff() != c.cliff || (p.Tail() == nil) != (c.p999 == nil) {
			t.Errorf("%+v: got %v, %v", c, p.Cliff(), p.Tail())
		}
	}
	if (result.OpenPoint{P999Us: &third, TailMax: 3}).Tail() != nil {
		t.Error("a tail of a p99 of nothing")
	}
	for _, bad := range []float64{-1, 0.5, 1001} {
		s := inprocScenario(SystemRaftmark, 100)
		s.Open.TailMax = bad
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "open.tail_max") {
			t.Errorf("tail_max %v: got %v", bad, err)
		}
	}
}

// A run that held and has a cliff is warned of, with its figures; one that did not hold has no tail to speak of.
func TestACliffIsWarnedOf(t *testing.T) {
	arm := &armRecord{}
	tail := 9000.0
	point := result.OpenPoint{OfferedPerS: 100, P99Us: 1000, P999Us: &tail, TailMax: 3, Held: 1}
	arm.judgeTail(2, 100, point)
	const want = "run 2, open loop of 100/s: the p99.9 is 9.00 times the p99, above 3"
	if len(arm.warnings) != 1 || !strings.Contains(arm.warnings[0], want) {
		t.Errorf("got %q", arm.warnings)
	}
	point.Held = 0 // of a queue that grew nothing is said
	arm.judgeTail(3, 100, point)
	point.Held, point.TailMax = 1, 10
	arm.judgeTail(4, 100, point)
	if len(arm.warnings) != 1 || len(arm.invalid) != 0 {
		t.Errorf("got %q, %q", arm.warnings, arm.invalid)
	}
}
