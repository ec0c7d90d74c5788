package bench

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

// broken is a trial of a kind: broken at 1 s, healed at 2 s, ended at 3 s.
func broken(kind string) trialRecord {
	trial := kill()
	trial.kind = kind
	return trial
}

func phaseNamesOf(row result.Trial) []string { return slices.Sorted(maps.Keys(row.PhasesMs())) }

// With the policy, the node sees its own disk hang, and another one leads: a failover that nobody died in.
func TestStallWithANewLeader(t *testing.T) {
	events := slices.Insert(failover(), 2, nodeEvent{
		at: 1200 * ms, node: 2, event: replica.Event{Kind: replica.EventDiskStall, Term: 3},
	})
	row, odd := observe(ops(0, 3000*ms, outageUntilServed), events, calm).assess(broken(fault.LeaderDiskStall), armClock{})
	if row.DetectUs != 1_200_000 || row.CommitUs != 1_390_000 || row.FirstAckUs != 1_400_000 || odd.text != "" {
		t.Errorf("got %+v, %+v; want it detected by the stall, and nothing odd", row, odd)
	}
	want := []string{"catch_up", "client", "detect", "elect", "first_commit", "recover"}
	if got := phaseNamesOf(row); !slices.Equal(got, want) {
		t.Errorf("got phases %v, want %v", got, want)
	}
}

// Without it the leader leads on and answers nobody until its disk does: no election is nothing odd then.
func TestStallThatIsSatOut(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms && e.Intended < 2000*ms {
			e.Done = 2005 * ms
		}
	})
	row, odd := observe(entries, failover()[:2], calm).assess(broken(fault.LeaderDiskStall), armClock{})
	if row.OutageMs != 1001 || row.LeaderlessMs != -1 || row.FirstAckUs != 2_000_500 || odd.text != "" {
		t.Errorf("got %+v, %+v; want an outage of a second, no new leader, and nothing odd", row, odd)
	}
	if got, want := phaseNamesOf(row), []string{"catch_up", "recover"}; !slices.Equal(got, want) {
		t.Errorf("got phases %v, want %v", got, want)
	}
}

// A slow disk is no outage: recovery counts from its healing, and a change of leader would be odd.
func TestSlowDisk(t *testing.T) {
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms && e.Intended < 2000*ms {
			e.Done = e.Intended + 22*ms
		}
	})
	o := observe(entries, failover()[:2], calm)
	row, odd := o.assess(broken(fault.LeaderDiskSlow), armClock{})
	if row.RecoverUs < 2_000_000 || row.RecoverUs > 2_030_000 || odd.text != "" {
		t.Errorf("got recovered at %d us, %+v; want right after the healing at 2 s", row.RecoverUs, odd)
	}
	if got, want := phaseNamesOf(row), []string{"catch_up", "recover"}; !slices.Equal(got, want) {
		t.Errorf("got phases %v, want %v", got, want)
	}
	if _, odd := observe(entries, failover(), calm).assess(broken(fault.LeaderDiskSlow), armClock{}); odd.text == "" ||
		odd.invalid {
		t.Errorf("got %+v with a change of leader, want a note", odd)
	}
}

func TestPowerLossHasARestartAndAFirstWrite(t *testing.T) {
	event := func(at time.Duration, kind replica.EventKind) nodeEvent {
		return nodeEvent{at: at, node: 1, event: replica.Event{Kind: kind, Term: raft.Term(4)}}
	}
	events := append(failover()[:2], event(2300*ms, replica.EventPreCampaign), event(2310*ms, replica.EventCampaign),
		event(2320*ms, replica.EventLeader), event(2330*ms, replica.EventTermCommitted))
	entries := ops(0, 3000*ms, func(e *loadgen.Entry) {
		switch {
		case e.Intended == 999*ms: // under way at the order
			e.Outcome, e.Done = loadgen.Unknown, 1000*ms
		case e.Intended >= 1000*ms && e.Intended < 2340*ms:
			e.Done = 2345 * ms
		case e.Intended >= 2340*ms && e.Intended < 2345*ms:
			e.Kind = loadgen.Get
		}
	})
	row, odd := observe(entries, events, calm).assess(broken(fault.PowerLoss), armClock{})
	if row.Unknown != 1 || odd.text != "" {
		t.Errorf("got %d unknown, %+v, want the one that was under way, and nothing odd", row.Unknown, odd)
	}
	if row.FirstAckUs != 2_340_500 || row.FirstWriteUs != 2_345_000 {
		t.Errorf("got first ack %d, first write %d; want the read at 2340.5 ms and the write at 2345 ms",
			row.FirstAckUs, row.FirstWriteUs)
	}
	got := row.PhasesMs()
	if got["restart"] != 300 || got["first_write"] != 345 || got["elect"] != 20 || got["first_commit"] != 10 {
		t.Errorf("got phases %v, want restart 300, elect 20, first_commit 10, first_write 345", got)
	}
	if _, ok := got["detect"]; ok {
		t.Error("got a phase in which nobody was there to detect anything")
	}
	if _, odd := observe(entries, nil, calm).assess(broken(fault.PowerLoss), armClock{}); !odd.invalid {
		t.Errorf("got %+v without a new leader, want invalid", odd)
	}
}

// Package result says which kinds have which phases; it does not know what the faults do.
func TestEveryKindHasThePhasesThatItsElectionAllows(t *testing.T) {
	row := result.Trial{
		InjectUs: 1, DetectUs: 2, ElectUs: 3, CommitUs: 4, FirstAckUs: 5, RecoverUs: 7,
		HealUs: 1, CaughtUpUs: 8, FirstWriteUs: 6,
	}
	for _, kind := range fault.Kinds() {
		row.Kind = kind
		phases := row.PhasesMs()
		_, elects := phases[result.PhaseElect]
		if want := fault.Of(kind).Election == fault.ElectionSure; result.ElectionFollows(kind) != want {
			t.Errorf("%s: want an election: %v", kind, want)
		}
		if want := fault.Of(kind).Election != fault.ElectionNone && !fault.Of(kind).Mixed; elects != want {
			t.Errorf("%s: got phases %v, want an election: %v", kind, phases, want)
		}
		all := fault.Of(kind).All && !fault.Of(kind).Mixed
		if _, restarts := phases[result.PhaseRestart]; restarts != all {
			t.Errorf("%s: got phases %v, want a restart of all: %v", kind, phases, all)
		}
		traits := fault.Of(kind)
		if result.HitsFollower(kind) != traits.Follower || result.HandsOver(kind) != traits.Orderly ||
			result.Mixed(kind) != traits.Mixed || result.CutsLinks(kind) != traits.Links {
			t.Errorf("%s: package result knows it as another one: %+v", kind, traits)
		}
		for name := range phases {
			if !slices.Contains(result.PhaseNames(), name) {
				t.Errorf("%s: phase %s has no place among the names", kind, name)
			}
		}
	}
}

func TestDurabilityOfAnArm(t *testing.T) {
	for want, change := range map[result.Durability]func(*Scenario){
		result.DurabilityFsync: func(*Scenario) {},
		result.DurabilityNone:  func(s *Scenario) { s.Sync = "none" },
		result.DurabilityMem:   func(s *Scenario) { s.Log, s.Machine, s.Sync = "mem", "mem", "none" },
	} {
		s := DefaultScenario()
		change(&s)
		if got := s.durability(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestStorageThatIsNotStable(t *testing.T) {
	for _, c := range []struct {
		verdict, sync     string
		require           bool
		invalid, warnings int
	}{
		{"honest", "fsync", true, 0, 0}, {"honest", "none", false, 0, 1}, {"honest", "none", true, 1, 0},
		{"no stable storage: tmpfs", "fsync", false, 0, 1}, {"suspicious: too fast", "fsync", true, 1, 0},
		{"", "fsync", true, 0, 0},
	} {
		s := DefaultScenario()
		s.Sync, s.RequireStable = c.sync, c.require
		e := &experiment{calibration: result.Calibration{Storage: result.Storage{Verdict: c.verdict}}}
		invalid, warnings := e.storageNotes(newArmRecord(Arm{Scenario: s}))
		if len(invalid) != c.invalid || len(warnings) != c.warnings {
			t.Errorf("%+v: got %q and %q", c, invalid, warnings)
		}
	}
}
