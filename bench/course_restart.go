package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// restartRecord is one restart of a follower. Instants are on the machine's clock.
type restartRecord struct {
	node     uint64
	entries  uint64        // in its log when it was killed
	start    time.Duration // its process was ordered to start
	answers  time.Duration // its ports answered
	caughtUp time.Duration // it had applied what was committed at the start
}

// runRestart kills one follower again and again, and starts it at once: what a start costs with a log of this length.
func (r *run) runRestart(ctx context.Context) error {
	leader, ok := leaderOf(r.look(ctx))
	if !ok {
		return errors.New("nobody leads before the first step")
	}
	var node uint64
	for _, s := range r.look(ctx) {
		if s.node != leader.node {
			node = s.node
		}
	}
	if node == 0 {
		return errors.New("no follower answers before the first step")
	}
	for i := range r.scenario.Course.Restarts {
		if err := r.restartOnce(ctx, node, i+1); err != nil {
			return err
		}
		if err := r.coursePause(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) restartOnce(ctx context.Context, node uint64, number int) error {
	name := fmt.Sprintf("restart follower %d, %d of %d", node, number, r.scenario.Course.Restarts)
	return r.step(ctx, stepRestart, name, []uint64{node}, func(ctx context.Context) error {
		leader, follower, err := r.leaderAnd(ctx, node)
		if err != nil {
			return err
		}
		record := restartRecord{node: node, entries: follower.last - follower.first}
		_, gone, err := r.sys.Kill(ctx, node)
		if err != nil {
			return err
		}
		r.actions = append(r.actions, action{at: gone, node: node, kind: result.EventKill, note: "started again at once"})
		record.start = r.clock.Now()
		r.act(result.EventRestart, node, "")
		if err := r.sys.Restart(ctx, node); err != nil {
			return err
		}
		record.answers = r.clock.Now()
		if _, err := r.awaitApplied(ctx, node, leader.commit); err != nil {
			return err
		}
		record.caughtUp = r.clock.Now()
		r.course.restarts = append(r.course.restarts, record)
		return nil
	})
}

// leaderAnd waits until the leader and a follower answer, and returns what they say.
func (r *run) leaderAnd(ctx context.Context, node uint64) (leader, follower nodeStatus, err error) {
	answered, err := poll(ctx, time.Duration(r.scenario.Course.StepMax), func() bool {
		statuses := r.look(ctx)
		var leads bool
		leader, leads = leaderOf(statuses)
		at := slices.IndexFunc(statuses, func(s nodeStatus) bool { return s.node == node })
		if at >= 0 {
			follower = statuses[at]
		}
		return leads && at >= 0
	})
	switch {
	case err != nil:
		return leader, follower, err
	case !answered:
		return leader, follower, fmt.Errorf("the leader, or node %d, does not answer", node)
	case leader.node == node:
		return leader, follower, fmt.Errorf("node %d leads meanwhile: the restart of a leader is another experiment", node)
	}
	return leader, follower, nil
}

// awaitApplied waits until a node has applied what was committed up to an index, and returns what it says then.
func (r *run) awaitApplied(ctx context.Context, node, commit uint64) (nodeStatus, error) {
	for {
		if s, err := r.sys.nodeStatus(ctx, node); err == nil && s.applied >= commit {
			return s, nil
		}
		if err := pause(ctx, returnPoll); err != nil {
			return nodeStatus{}, err
		}
	}
}

// restartResults are the restarts of a course as the result has them.
func (c *courseRecord) restartResults(arm armClock) []result.Restart {
	var all []result.Restart
	for _, x := range c.restarts {
		all = append(all, result.Restart{
			Node: x.node, Entries: int64(x.entries), StartUs: arm.us(x.start), AnswersUs: arm.us(x.answers),
			CaughtUpUs: arm.us(x.caughtUp),
		})
	}
	return all
}

// restartFaults says what forbids to publish the restarts.
func restartFaults(r *run, restarts []result.Restart) []string {
	var faults []string
	if want := r.scenario.Course.Restarts; len(restarts) < want {
		faults = append(faults, fmt.Sprintf("run %d: %d of %d restarts were done", r.number, len(restarts), want))
	}
	for i, x := range restarts {
		if want := int64(r.scenario.Course.Backlog.Entries); x.Entries < want && r.scenario.Raft.SnapshotLogBytes == -1 {
			faults = append(faults, fmt.Sprintf("run %d, restart %d: the log had %d entries, not %d",
				r.number, i+1, x.Entries, want))
		}
	}
	return faults
}
