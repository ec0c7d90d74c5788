package bench

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
)

func TestUndecidedLinearizabilityIsInvalid(t *testing.T) {
	r := &run{number: 3}
	r.judge(check.LostReport{Acked: 10, Checkable: 10, Keys: 10},
		check.Result{Verdict: check.VerdictUnknown, Ops: 12, Checked: 7})
	if got := strings.Join(r.invalid, "\n"); !strings.Contains(got, "run 3: linearizability of 5 of 12 operations") {
		t.Errorf("got %q, want what was not decided, as a reason to be invalid", got)
	}
	want := result.Safety{Acked: 10, Checkable: 10, CheckedOps: 7, Linearizable: "unknown"}
	if r.safety != want || len(r.unsafe) != 0 {
		t.Errorf("got %+v, unsafe %q; want %+v, safe", r.safety, r.unsafe, want)
	}
}
