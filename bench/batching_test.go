package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

// The two settings that batching varies reach the cluster: with one entry a message and one message on its way, most of
// what many proposers have is waiting.
func TestBatchingReachesTheCluster(t *testing.T) {
	s, err := LoadScenario("batching")
	if err != nil {
		t.Fatal(err)
	}
	s.Runs, s.Closed.Warmup, s.Closed.Duration = 1, 0, Duration(500*ms)
	for _, axis := range []string{"message_entries_max=1,4096", "inflight_messages_max=1,64"} {
		if err := s.Axis(axis); err != nil {
			t.Fatal(err)
		}
	}
	r, _ := runInprocScenario(t, s)
	rates := map[string]float64{}
	for _, arm := range r.Summary.Arms {
		if len(arm.Closed) != 1 || arm.Closed[0].N == 0 {
			t.Fatalf("%s has no point: %+v", arm.Name, arm.Closed)
		}
		rates[arm.Name] = arm.Closed[0].PerS
	}
	least := "inflight_messages_max=1,message_entries_max=1"
	most := slices.MaxFunc(r.Summary.Arms, func(a, b result.Arm) int {
		return int(a.Closed[0].PerS - b.Closed[0].PerS)
	}).Name
	if rates[most] < 3*rates[least] || strings.HasSuffix(most, "entries_max=1") {
		t.Errorf("one at a time is as fast as many: %v", rates)
	}
}
