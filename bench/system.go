package bench

import (
	"context"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
)

// system is a running cluster, as a run needs it. process.go makes one of operating system processes.
type system interface {
	fault.Cluster
	// clientAddrs are where the nodes take requests.
	clientAddrs() []string
	// status asks all running nodes, for the hash of their state too when hash is set; those that did not answer are
	// absent.
	status(ctx context.Context, hash bool) []nodeStatus
	// events returns what the nodes noted until now, in the order of time.
	events() ([]nodeEvent, error)
	// stages returns the sampled proposals that the leader has noted; Arm is empty.
	stages(ctx context.Context) []result.StageRow
	// failed is closed when a node has ended although nobody told it to; failure says how.
	failed() <-chan struct{}
	failure() error
	// close ends all processes and waits for them.
	close() error
}

// nodeStatus is what a node says about itself.
type nodeStatus struct {
	node    uint64
	leads   bool // it leads, and has committed in its term
	leader  uint64
	term    uint64
	commit  uint64
	applied uint64
	hash    string // of the state at applied; "" when the node does not say
	dropped uint64 // events that it could not note, since its start
}

// leaderOf returns the node that leads with the highest term among statuses, or false.
func leaderOf(statuses []nodeStatus) (leader nodeStatus, ok bool) {
	for _, s := range statuses {
		if s.leads && (!ok || s.term > leader.term) {
			leader, ok = s, true
		}
	}
	return leader, ok
}

// caughtUp says whether all n nodes answered and have applied up to commit.
func caughtUp(statuses []nodeStatus, n int, commit uint64) bool {
	if len(statuses) < n {
		return false
	}
	for _, s := range statuses {
		if s.applied < commit {
			return false
		}
	}
	return true
}

// pollEvery is how often a cluster is asked while something is awaited.
const pollEvery = 40 * time.Millisecond

// poll calls done every pollEvery until it returns true, the limit has passed (false), or ctx ends (its error).
func poll(ctx context.Context, limit time.Duration, done func() bool) (bool, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done() {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
}

// pause sleeps, or returns ctx's error early.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
