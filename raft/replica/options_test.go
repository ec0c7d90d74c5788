package replica_test

import (
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
)

func TestLeaseIsTwoTicksShorterThanAnElectionTimeout(t *testing.T) {
	const fault = "Core.LeaseNanos: 140000001; want at most 140000000, (ElectionTicksMin 30 - 2) * TickInterval 5ms"
	const longest = 140 * time.Millisecond
	for lease, want := range map[time.Duration]bool{0: true, longest: true, longest + 1: false} {
		o := replica.Options{Core: raft.Config{ID: 1, Voters: []raft.NodeID{1}, LeaseNanos: int64(lease)}}.WithDefaults()
		got := o.Validate().Error() // it has no ports
		if valid := !strings.Contains(got, "Lease"); valid != want || !valid && !strings.Contains(got, fault) {
			t.Errorf("a lease of %v: got %v, want it valid: %v", lease, got, want)
		}
	}
}
