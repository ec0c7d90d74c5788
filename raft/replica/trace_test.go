package replica_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// instant is the start of a trace's clock on the test's own, which all nodes share.
func instant(r *replica.Replica, at time.Duration) time.Time { return r.Started().Add(at) }

// The way of each proposal, put together from what the servers saw of it, goes forward in time at every step.
func TestTracesOfAllServersAreOneWay(t *testing.T) {
	const proposals, syncs = 20, time.Millisecond
	inCluster(t, 3, logmem.Options{SyncDelay: syncs}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		for range proposals {
			c.mustPropose(leader, "x")
		}
		synctest.Wait()
		whole := 0
		for _, tr := range leader.Traces() {
			if tr.Proposed == replica.NotSeen {
				t.Errorf("got %+v; what is no proposal has no trace", tr)
			}
			whole++
			inOrder(t, "leader", leader.Replica, tr.Proposed, tr.Batched, tr.Appended, tr.Writing, tr.Durable)
			inOrder(t, "leader", leader.Replica, tr.Appended, tr.Committed, tr.Applied, tr.Answered)
			if tr.Batch != 1 || tr.Written < 1 || tr.Durable-tr.Writing < syncs {
				t.Errorf("got %+v, want batches of one entry, and a write of %v", tr, syncs)
			}
			if len(tr.Peers) != 2 {
				t.Fatalf("%v was sent to %d, want 2", tr.ID, len(tr.Peers))
			}
			for _, p := range tr.Peers {
				f := c.nodes[p.ID]
				seen, ok := traceOf(f.Replica, tr.ID)
				if !ok {
					t.Fatalf("node %d has no trace of %v", p.ID, tr.ID)
				}
				inOrder(t, "follower", f.Replica, seen.Received, seen.Writing, seen.Durable)
				if instant(leader.Replica, p.Sent).After(instant(f.Replica, seen.Received)) ||
					instant(f.Replica, seen.Durable).After(instant(leader.Replica, p.Acked)) {
					t.Errorf("%v: sent and acknowledged %+v, but node %d saw %+v", tr.ID, p, p.ID, seen)
				}
				if p.Inflight < 1 || seen.Proposed != replica.NotSeen || seen.Durable-seen.Writing < syncs {
					t.Errorf("%v: got %+v of node %d, sent %+v", tr.ID, seen, p.ID, p)
				}
			}
		}
		for id, n := range c.nodes {
			if all := n.Traces(); whole != proposals || len(all) != whole {
				t.Errorf("got the traces of %d proposals, and %d at node %d; want %d", whole, len(all), id, proposals)
			}
		}
	})
}

func inOrder(t *testing.T, who string, r *replica.Replica, steps ...time.Duration) {
	t.Helper()
	for i, at := range steps {
		if at == replica.NotSeen || i > 0 && at < steps[i-1] {
			t.Errorf("%s %d: step %d of %v is before the one before it, or was not seen", who, r.Status().ID, i, steps)
		}
	}
}

func traceOf(r *replica.Replica, id raft.EntryID) (replica.Trace, bool) {
	for _, tr := range r.Traces() {
		if tr.ID == id {
			return tr, true
		}
	}
	return replica.Trace{}, false
}

// A follower that is cut off has not acknowledged; the others commit without it, and the trace says so.
func TestTraceOfACommitWithoutAFollower(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		leading, leader := c.leader()
		silent := leading%3 + 1
		c.cut(silent, false)
		c.mustPropose(leader, "x")
		synctest.Wait()
		traces := leader.Traces()
		last := traces[len(traces)-1]
		for _, p := range last.Peers {
			if (p.Acked == replica.NotSeen) != (p.ID == silent) {
				t.Errorf("got %+v, want an acknowledgement from all but %d", p, silent)
			}
		}
		if last.Answered == replica.NotSeen {
			t.Errorf("got %+v, want an answer", last)
		}
	})
}

func TestNoTraceWhenItIsOff(t *testing.T) {
	options := replica.Options{TraceOneIn: replica.TraceOff}
	inClusterOf(t, 3, logmem.Options{}, options, func(c *cluster) {
		_, leader := c.leader()
		c.mustPropose(leader, "x")
		for id, n := range c.nodes {
			if traces := n.Traces(); len(traces) > 0 {
				t.Errorf("node %d: got %+v", id, traces)
			}
		}
	})
}
