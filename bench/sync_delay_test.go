package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/cluster"
)

// Each commit waits for a sync that takes longer: of the leader's disk or of a majority's.
func TestSyncDelayDelaysCommits(t *testing.T) {
	s := DefaultScenario()
	if err := s.Axis("sync_delay=20ms"); err != nil {
		t.Fatal(err)
	}
	if o := s.clusterOptions("", ""); !o.EnableFaults || len(o.DiskFaults) != 1 {
		t.Fatalf("got %+v", o)
	}
	nodes, err := cluster.StartInproc(t.Context(), cluster.InprocOptions{
		Dir: t.TempDir(), Transport: "tcp", LogStorage: "pebble", Machine: "mem", DiskFaults: s.diskRules(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(); err != nil {
			t.Error(err)
		}
	}()
	leader, err := nodes.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := leader.Replica().ProposeWait(t.Context(), []byte("a command")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 20*time.Millisecond {
		t.Errorf("a commit took %v, want 20ms or more", took)
	}
}

func TestSyncDelayIsRefusedWhereItMeansNothing(t *testing.T) {
	for _, change := range []func(s *Scenario){
		func(s *Scenario) { s.SyncDelay = -1 },
		func(s *Scenario) { s.SyncDelay = s.Election.Min/4 + 1 },
		func(s *Scenario) { s.Sync = "none" },
		func(s *Scenario) { s.System = SystemFloor },
		func(s *Scenario) { s.Faults = []FaultPlan{{Kind: "leader-disk-slow", Trials: 1}} },
		func(s *Scenario) { s.Faults = []FaultPlan{{Kind: "chaos", Trials: 1}} },
	} {
		s := DefaultScenario()
		s.SyncDelay = Duration(time.Millisecond)
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "sync_delay is ") {
			t.Errorf("got %v, want sync_delay refused", err)
		}
	}
}
