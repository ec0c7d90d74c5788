package bench

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/clock"
)

func TestUndecidedLinearizabilityIsInvalid(t *testing.T) {
	r := &run{number: 3}
	r.judge("", check.LostReport{Acked: 10, Checkable: 10, Keys: 10},
		check.Result{Verdict: check.VerdictUnknown, Ops: 12, Checked: 7})
	if got := strings.Join(r.invalid, "\n"); !strings.Contains(got, "run 3: linearizability of 5 of 12 operations") {
		t.Errorf("got %q, want what was not decided, as a reason to be invalid", got)
	}
	want := result.Safety{Acked: 10, Checkable: 10, CheckedOps: 7, Linearizable: "unknown"}
	if r.safety != want || len(r.unsafe) != 0 {
		t.Errorf("got %+v, unsafe %q; want %+v, safe", r.safety, r.unsafe, want)
	}
}

// Phases are made of the nodes' events: when some are missing, so may be the instants of a failover.
func TestDroppedEventsAreInvalid(t *testing.T) {
	r := newRun(Scenario{}, 3, clock.New(), nil)
	r.noteDropped([]nodeStatus{{node: 1}, {node: 2, dropped: 4}})
	r.noteDropped([]nodeStatus{{node: 1}, {node: 2, dropped: 1}}) // it was started again
	r.judgeEvents()
	if want := "run 3: node 2 dropped 4 of its events"; len(r.invalid) != 1 || !strings.Contains(r.invalid[0], want) {
		t.Errorf("got %q, want only %q", r.invalid, want)
	}
}
