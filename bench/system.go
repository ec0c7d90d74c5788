package bench

import (
	"context"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/transport"
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
	// stages returns the way of the sampled proposals of the leader; Arm, Run and Phase are empty.
	stages(ctx context.Context) stageSample
	// nodeStatus asks one node.
	nodeStatus(ctx context.Context, node uint64) (nodeStatus, error)
	// logChain asks a node for the chain hash over the stored entries (after, upto].
	logChain(ctx context.Context, node, after, upto uint64) (string, error)
	// addNode starts a node that waits to be added to the cluster, and returns it when its ports answer.
	addNode(ctx context.Context) (uint64, error)
	// change makes changes to the membership, all at once, and returns when they are committed: those of a joint
	// configuration when it was left.
	change(ctx context.Context, changes []memberChange) error
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

	first, last   uint64 // its log holds (first, last]
	members       string // the configuration that counts for it, as "1 2 3"
	snapshotBytes uint64 // received in its life

	writes       uint64                  // of its log, synced, since its start
	messagesSent uint64                  // to other nodes, on all lanes
	socket       transport.SocketMetrics // zero when its transport does not count
}

// memberOp is what a change does with a node.
type memberOp string

// The changes that courses make.
const (
	opAdd     memberOp = "add" // as a learner
	opPromote memberOp = "promote"
	opRemove  memberOp = "remove"
)

// memberChange is one change of the membership.
type memberChange struct {
	op   memberOp
	node uint64
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
