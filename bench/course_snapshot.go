package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp"
)

// returnPoll is how often the follower that comes back is asked.
const returnPoll = 10 * time.Millisecond

// runSnapshot stops a follower, commits the backlog, and starts the follower again.
func (r *run) runSnapshot(ctx context.Context) error {
	c := &catchUpRecord{start: never, answers: never, caughtUp: never}
	r.course.catchUp = c
	statuses := r.look(ctx)
	leader, ok := leaderOf(statuses)
	if !ok {
		return errors.New("nobody leads before the first step")
	}
	at := slices.IndexFunc(statuses, func(s nodeStatus) bool { return s.node != leader.node })
	if at < 0 {
		return errors.New("no follower answers before the first step")
	}
	c.node = statuses[at].node
	nodes := []uint64{c.node}
	err := r.step(ctx, stepStop, fmt.Sprintf("kill follower %d", c.node), nodes, func(ctx context.Context) error {
		c.appliedAtStop = appliedBy(r.look(ctx), c.node)
		_, gone, err := r.sys.Kill(ctx, c.node)
		r.actions = append(r.actions, action{at: gone, node: c.node, kind: result.EventKill,
			note: "until the backlog is committed"})
		return err
	})
	if err != nil {
		return err
	}
	plan := r.scenario.Course.Backlog
	name := fmt.Sprintf("commit %d entries", plan.Entries)
	if err := r.step(ctx, stepBacklog, name, nil, func(ctx context.Context) error {
		err := r.commitBacklog(ctx)
		c.backlogFrom, c.backlogTo, c.backlogAcked = r.backlogFrom, r.backlogTo, r.backlogAcked
		return err
	}); err != nil {
		return err
	}
	r.endStep(r.clock.Now())
	// The state machines write and compact what the backlog left: that is not what the control is to show.
	r.begin(phaseSettle)
	if err := r.coursePause(ctx); err != nil {
		return err
	}
	if err := r.segment(ctx, segmentDown, time.Duration(r.scenario.Steady)); err != nil {
		return err
	}
	return r.bringBack(ctx, c)
}

func appliedBy(statuses []nodeStatus, node uint64) uint64 {
	for _, s := range statuses {
		if s.node == node {
			return s.applied
		}
	}
	return 0
}

// commitBacklog writes in a closed loop until as many writes as asked for were acknowledged.
func (r *run) commitBacklog(ctx context.Context) (err error) {
	plan := r.scenario.Course.Backlog
	target, err := resp.New(resp.Options{Addrs: r.sys.clientAddrs(), Clock: r.clock})
	if err != nil {
		return fmt.Errorf("client of the backlog: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	seed := r.seed ^ 0x6261636b6c6f67
	r.backlog = loadgen.NewTrace(seed, backlogEntriesMax+backlogClientsMax)
	generator, err := loadgen.New(loadgen.Options{
		Closed: true, Clients: plan.Clients, Timeout: time.Duration(r.scenario.Load.Timeout), Seed: seed, Clock: r.clock,
		Workload: loadgen.Workload{Keys: plan.Keys, PayloadBytes: int(plan.Payload)},
	}, target, r.backlog)
	if err != nil {
		return err
	}
	r.backlogOptions = generator.Options()
	load, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	r.backlogFrom = r.clock.Now()
	go func() { ended <- generator.Run(load) }()
	_, err = poll(ctx, time.Duration(r.scenario.Course.StepMax), func() bool {
		return generator.Counters().OK >= int64(plan.Entries)
	})
	stop()
	err = errors.Join(err, <-ended)
	r.backlogTo, r.backlogAcked = r.clock.Now(), int(generator.Counters().OK)
	if err == nil && r.backlogAcked < plan.Entries {
		err = fmt.Errorf("%d of %d writes were acknowledged within course.step_max", r.backlogAcked, plan.Entries)
	}
	return err
}

// bringBack starts the follower and waits until it has applied what was committed then.
func (r *run) bringBack(ctx context.Context, c *catchUpRecord) error {
	leader, ok := leaderOf(r.look(ctx))
	if !ok {
		return errors.New("nobody leads before the follower comes back")
	}
	c.commitAtReturn, c.logFirst, c.logLast = leader.commit, leader.first, leader.last
	segment := segmentRecord{name: segmentReturn, from: r.clock.Now()}
	name := fmt.Sprintf("start follower %d", c.node)
	err := r.step(ctx, stepReturn, name, []uint64{c.node}, func(ctx context.Context) error {
		c.start = r.clock.Now()
		r.act(result.EventRestart, c.node, "")
		if err := r.sys.Restart(ctx, c.node); err != nil {
			return err
		}
		c.answers = r.clock.Now()
		s, err := r.awaitApplied(ctx, c.node, c.commitAtReturn)
		if err == nil {
			c.caughtUp, c.snapshotBytes = r.clock.Now(), s.snapshotBytes
		}
		return err
	})
	segment.to = r.clock.Now()
	r.course.segments = append(r.course.segments, segment)
	r.endStep(segment.to)
	return err
}
