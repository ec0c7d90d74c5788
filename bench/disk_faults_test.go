package bench

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/server"
)

// TestToyDiskFaults breaks the leader's disk and takes the power from real processes, once each.
func TestToyDiskFaults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	s := toy(t)
	s.Load.Rate, s.DiskStallMax = 300, StallLimit(300*time.Millisecond)
	s.Trial.Watch = Duration(700 * time.Millisecond)
	s.Faults = []FaultPlan{
		{Kind: fault.LeaderDiskStall, Trials: 1}, {Kind: fault.LeaderDiskSlow, Trials: 1}, {Kind: fault.PowerLoss, Trials: 1},
	}
	outcome, err := Run(t.Context(), Options{
		Scenario: s, Dir: dir, Executable: executable(t), CalibrateEach: 40 * ms,
	})
	if err != nil {
		t.Fatal(err)
	}
	arm := outcome.Summary.Arms[0]
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, arm.Validity)
	if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 ||
		arm.Safety.Checkable != arm.Safety.Acked {
		t.Errorf("got verdict %s, safety %+v, want nothing lost of all", outcome.Summary.Verdict, arm.Safety)
	}
	if left := processesIn(t, dir); len(left) > 0 {
		t.Errorf("got processes %q, want none left", left)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := arm.Name
	if !r.Manifest.FaultPorts || r.Manifest.Durability[name] != result.DurabilityFsync || arm.Durability != "fsync" ||
		r.Manifest.Storage == "" || r.Manifest.Storage != r.Calibration.Storage.Verdict {
		t.Errorf("got %+v, arm %q, want what the nodes were started with, and what a sync is worth", r.Manifest,
			arm.Durability)
	}
	checkBrokenDisks(t, r)
	checkPowerLoss(t, r)
}

func trialOf(t *testing.T, r *result.Result, kind string) (result.Trial, result.FaultSummary) {
	t.Helper()
	for i, trial := range r.Trials {
		for _, f := range r.Summary.Arms[0].Faults {
			if trial.Kind == kind && f.Kind == kind {
				return r.Trials[i], f
			}
		}
	}
	t.Fatalf("no trial of %s", kind)
	return result.Trial{}, result.FaultSummary{}
}

func checkBrokenDisks(t *testing.T, r *result.Result) {
	t.Helper()
	stall, summary := trialOf(t, r, fault.LeaderDiskStall)
	// The last acknowledgement may come a little after the rule is in force, for a sync that had begun before.
	const least = 250
	if stall.CommitUs < stall.InjectUs || stall.DetectUs < stall.InjectUs+1000*least || stall.OutageMs < least {
		t.Errorf("got %+v, want a new leader after about 300 ms of a disk that hangs", stall)
	}
	if summary.Under == nil || summary.Under.OK == 0 {
		t.Errorf("got %+v, want what clients saw while the disk was broken", summary.Under)
	}
	slow, summary := trialOf(t, r, fault.LeaderDiskSlow)
	if slow.CommitUs >= 0 { // the machine is so busy that the leader changed: another disk was measured
		t.Logf("got %+v", slow)
	} else if slow.HealUs-slow.InjectUs < 700_000 || summary.Under == nil || summary.Under.ResponseUs.P50 == nil ||
		*summary.Under.ResponseUs.P50 < 20_000 {
		t.Errorf("got %+v, %+v, want 0.7 s in which responses take a sync of 20 ms at least", slow, summary.Under)
	}
}

func checkPowerLoss(t *testing.T, r *result.Result) {
	t.Helper()
	loss, summary := trialOf(t, r, fault.PowerLoss)
	if loss.Terms < 1 || loss.FirstWriteUs <= loss.HealUs || loss.OutageMs < 700 {
		t.Errorf("got %+v, want an outage as long as the power was off, and a write after it", loss)
	}
	phases := summary.PhasesMs
	if phases[result.PhaseFirstWrite].N != 1 || phases[result.PhaseDetect].N != 0 || summary.Under != nil {
		t.Errorf("got %+v, want a first write, nobody who detected anything, and no broken disk", summary)
	}
	killed := map[uint64]bool{}
	for _, e := range r.Events {
		if e.Kind == "kill" {
			killed[e.Node] = true
		}
	}
	if len(killed) != 3 {
		t.Errorf("got %v killed, want all three", killed)
	}
}

// A node has the port that breaks its disk only when the scenario needs it.
func TestNodesHaveFaultPortsOnlyWhenNeeded(t *testing.T) {
	s := DefaultScenario()
	s.Faults = []FaultPlan{{Kind: fault.LeaderKill, Trials: 1}, {Kind: fault.PowerLoss, Trials: 1}}
	if s.clusterOptions("", "").EnableFaults {
		t.Error("a scenario that breaks no disk starts nodes with --enable-faults")
	}
	s.Faults = append(s.Faults, FaultPlan{Kind: fault.LeaderDiskSlow, Trials: 1})
	s.DiskStallMax, s.Sync = StallLimit(server.StallOff), "none"
	if o := s.clusterOptions("", ""); !o.EnableFaults || o.DiskStallMax != server.StallOff || o.Sync != "none" {
		t.Errorf("got %+v, want the scenario's", o)
	}
}
