package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// Segments of a course: what the load saw while nothing was done, or while one thing was.
const (
	segmentBefore = "before" // the steady phase
	segmentDuring = "during" // members, restart-time: from the first step to the last
	segmentDown   = "down"   // snapshot-catch-up: one node stopped, the backlog committed
	segmentReturn = "return" // snapshot-catch-up: from the follower's start until it has caught up
	segmentAfter  = "after"
)

// Kinds of steps.
const (
	stepAdd     = "add"
	stepCatchUp = "catch-up"
	stepPromote = "promote"
	stepReplace = "replace"
	stepStop    = "stop"
	stepBacklog = "backlog"
	stepReturn  = "return"
	stepRestart = "restart"
)

// courseRecord is what the run loop notes of a course. Instants are on the machine's clock.
type courseRecord struct {
	kind     string
	steps    []stepRecord
	segments []segmentRecord
	end      time.Duration
	catchUp  *catchUpRecord
	restarts []restartRecord
}

// stepRecord is one order and what it took.
type stepRecord struct {
	kind, name string
	nodes      []uint64
	from, to   time.Duration // ordered; done, as the bench saw it
	end        time.Duration // of its aftermath: the next order
}

// segmentRecord is a part of a course that is summed up.
type segmentRecord struct {
	name     string
	from, to time.Duration
	control  bool // nothing was done in it
}

// catchUpRecord is the return of a follower.
type catchUpRecord struct {
	node              uint64
	appliedAtStop     uint64
	commitAtReturn    uint64
	start             time.Duration // its process was ordered to start
	answers           time.Duration // its ports answered
	caughtUp          time.Duration // it had applied what was committed at the start
	snapshotBytes     uint64        // received by it
	backlogFrom       time.Duration
	backlogTo         time.Duration
	backlogAcked      int
	logFirst, logLast uint64 // of the leader at the return: it holds (first, last]
}

// runCourse goes through the steps. What was recorded until an error is kept.
func (r *run) runCourse(ctx context.Context) error {
	r.course = &courseRecord{kind: r.scenario.Course.Kind}
	r.course.segments = append(r.course.segments,
		segmentRecord{name: segmentBefore, from: r.steadyFrom, to: r.steadyTo, control: true})
	var err error
	switch r.course.kind {
	case CourseMembers, CourseRestart:
		from := r.clock.Now()
		if r.course.kind == CourseMembers {
			err = r.runMembers(ctx)
		} else {
			err = r.runRestart(ctx)
		}
		r.course.segments = append(r.course.segments, segmentRecord{name: segmentDuring, from: from, to: r.clock.Now()})
	case CourseSnapshot:
		err = r.runSnapshot(ctx)
	}
	now := r.clock.Now()
	r.endStep(now)
	if err == nil {
		err = r.segment(ctx, segmentAfter, time.Duration(r.scenario.Course.After))
	}
	r.course.end = r.clock.Now()
	return err
}

// preload commits the backlog of a course that has data at its begin.
func (r *run) preload(ctx context.Context) error {
	c := r.scenario.Course
	if c == nil || c.Kind == CourseSnapshot || c.Backlog.Entries == 0 {
		return nil
	}
	r.begin(stepBacklog)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.StepMax))
	defer cancel()
	if err := r.commitBacklog(ctx); err != nil {
		return fmt.Errorf("commit what the cluster begins with: %w", err)
	}
	return nil
}

// segment watches the load for a while, and notes the time as a control.
func (r *run) segment(ctx context.Context, name string, d time.Duration) error {
	s := segmentRecord{name: name, from: r.clock.Now(), control: true}
	r.begin(name)
	err := pause(ctx, d)
	s.to = r.clock.Now()
	r.course.segments = append(r.course.segments, s)
	return err
}

// step does one thing within course.step_max, and notes when it was ordered and when it was done.
func (r *run) step(ctx context.Context, kind, name string, nodes []uint64, do func(context.Context) error) error {
	limit := time.Duration(r.scenario.Course.StepMax)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took longer than course.step_max (%v)", limit))
	defer cancel()
	r.begin(kind)
	now := r.clock.Now()
	r.endStep(now)
	r.course.steps = append(r.course.steps, stepRecord{
		kind: kind, name: name, nodes: nodes, from: now, to: never, end: never,
	})
	r.act(result.EventStep, 0, name)
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s := &r.course.steps[len(r.course.steps)-1]
	s.to = r.clock.Now()
	r.act(result.EventStepDone, 0, name)
	r.progress.note("%s: done in %v", name, (s.to - s.from).Round(time.Millisecond))
	return nil
}

// endStep ends the aftermath of the last step, if it has not ended yet.
func (r *run) endStep(at time.Duration) {
	if n := len(r.course.steps); n > 0 && r.course.steps[n-1].end == never {
		r.course.steps[n-1].end = at
	}
}

func (r *run) coursePause(ctx context.Context) error {
	return pause(ctx, time.Duration(r.scenario.Course.Pause))
}

// membersSteps is how many pauses there are between the steps of members.
const membersSteps = 5

// runMembers grows the cluster by two nodes, which join as learners and are promoted in one joint change; then it adds
// a third, and in another joint change promotes that and removes all that the cluster began with. The leader is one of
// these: it hands over.
func (r *run) runMembers(ctx context.Context) error {
	var original []uint64
	for _, s := range r.look(ctx) {
		original = append(original, s.node)
	}
	if len(original) != r.scenario.Nodes {
		return fmt.Errorf("%d of %d nodes answered before the first step", len(original), r.scenario.Nodes)
	}
	slices.Sort(original)
	first, err := r.join(ctx, 2)
	if err != nil {
		return err
	}
	err = r.step(ctx, stepPromote, "promote "+nodeList(first), first, func(ctx context.Context) error {
		return r.sys.change(ctx, memberChanges(opPromote, first))
	})
	if err = errors.Join(err, r.coursePause(ctx)); err != nil {
		return err
	}
	last, err := r.join(ctx, 1)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("promote %s, remove %s", nodeList(last), nodeList(original))
	err = r.step(ctx, stepReplace, name, original, func(ctx context.Context) error {
		return r.sys.change(ctx, append(memberChanges(opPromote, last), memberChanges(opRemove, original)...))
	})
	if err = errors.Join(err, r.coursePause(ctx)); err != nil {
		return err
	}
	err = r.step(ctx, stepStop, "stop "+nodeList(original), original, func(ctx context.Context) error {
		for _, node := range original {
			if _, _, err := r.sys.Stop(ctx, node); err != nil {
				return err
			}
			r.act(result.EventStop, node, "removed")
		}
		return nil
	})
	return errors.Join(err, r.coursePause(ctx))
}

// join starts n nodes, adds them as learners in one change, and waits until they have caught up.
func (r *run) join(ctx context.Context, n int) (nodes []uint64, err error) {
	// The names are known when the processes run; they run before the step, which is the change of the membership.
	for range n {
		node, err := r.sys.addNode(ctx)
		if err != nil {
			return nil, fmt.Errorf("start a node that joins: %w", err)
		}
		r.act(result.EventStart, node, "joins")
		nodes = append(nodes, node)
	}
	name := "add learner "
	if n > 1 {
		name = "add learners "
	}
	err = r.step(ctx, stepAdd, name+nodeList(nodes), nodes, func(ctx context.Context) error {
		return r.sys.change(ctx, memberChanges(opAdd, nodes))
	})
	// Whoever adds nodes tells the clients: those that knew only nodes that are removed would find nobody.
	r.target.Know(r.sys.clientAddrs()...)
	if err != nil {
		return nodes, err
	}
	err = r.step(ctx, stepCatchUp, nodeList(nodes)+" caught up", nodes, func(ctx context.Context) error {
		return r.caughtUpWith(ctx, nodes)
	})
	return nodes, errors.Join(err, r.coursePause(ctx))
}

// caughtUpWith waits until the nodes have applied what was committed at the call.
func (r *run) caughtUpWith(ctx context.Context, nodes []uint64) error {
	commit := uint64(0)
	_, err := poll(ctx, time.Duration(r.scenario.Course.StepMax), func() bool {
		statuses := r.look(ctx)
		if leader, ok := leaderOf(statuses); ok && commit == 0 {
			commit = leader.commit
		}
		return commit > 0 && !slices.ContainsFunc(nodes, func(node uint64) bool {
			return !slices.ContainsFunc(statuses, func(s nodeStatus) bool { return s.node == node && s.applied >= commit })
		})
	})
	return err
}

func nodeList(nodes []uint64) string {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = fmt.Sprint(n)
	}
	return strings.Join(texts, ", ")
}

func memberChanges(op memberOp, nodes []uint64) []memberChange {
	changes := make([]memberChange, len(nodes))
	for i, n := range nodes {
		changes[i] = memberChange{op: op, node: n}
	}
	return changes
}
