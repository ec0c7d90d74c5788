package bench

import (
	"strings"
	"testing"
	"time"
)

func TestElectionAxisSetsAllTimesOfAnArm(t *testing.T) {
	s, err := LoadScenario("elections-real")
	if err != nil {
		t.Fatal(err)
	}
	arms, err := Arms(s)
	if err != nil {
		t.Fatal(err)
	}
	first := arms[0].Scenario
	want := Election{Min: Duration(12 * time.Millisecond), Max: Duration(24 * time.Millisecond)}
	if len(arms) != 5 || first.Election != want || first.Heartbeat != Duration(6*time.Millisecond) {
		t.Errorf("got %d arms, the first with %v and %v", len(arms), first.Election, first.Heartbeat)
	}
	options := first.clusterOptions(t.TempDir(), "raftmark")
	if options.TickInterval != time.Millisecond {
		t.Errorf("tick: got %v, want 1ms", options.TickInterval)
	}
}

func TestElectionAxisRefusesWhatIsNoElection(t *testing.T) {
	for _, text := range []string{"", "150ms", "150ms..300ms", "150ms/75ms", "a..b/c", "150ms..300ms/"} {
		s := Scenario{}
		err := s.Set("election", text)
		if err == nil || !strings.Contains(err.Error(), "MIN..MAX/HEARTBEAT") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
