package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/raft/replica"
)

// covers says whether t is in the part of a run that belongs to its course; nil covers nothing.
func (c *courseRecord) covers(t time.Duration) bool {
	if c == nil || len(c.segments) == 0 || t < c.segments[0].from || t >= c.end {
		return false
	}
	// The backlog is written for its own sake; what the load sees meanwhile is sampled.
	return !slices.ContainsFunc(c.steps, func(s stepRecord) bool {
		return s.kind == stepBacklog && t >= s.from && t < s.end
	})
}

// recordCourse sums the course of a run up, and notes what makes it invalid.
func (a *armRecord) recordCourse(r *run) {
	c := r.course
	if c == nil {
		return
	}
	o := observe(r.entries, r.events, r.baseline)
	gaps := o.leaderless(r.actions, c.segments[0].from, c.end)
	course := result.Course{
		Kind: c.kind, Run: r.number, FromUs: a.clock.us(c.segments[0].from), ToUs: a.clock.us(c.end),
		Marks: []result.Mark{}, Leaderless: []result.Gap{}, Steps: []result.Step{},
	}
	for _, s := range c.segments {
		segment, faults := o.segment(s, a.clock)
		course.Segments = append(course.Segments, segment)
		for _, fault := range faults {
			a.invalid = append(a.invalid, fmt.Sprintf("run %d, segment %s: %s", r.number, s.name, fault))
		}
	}
	slices.SortStableFunc(course.Segments, func(x, y result.Segment) int { return cmp.Compare(x.FromUs, y.FromUs) })
	for _, s := range c.steps {
		course.Steps = append(course.Steps, o.step(s, gaps, a.clock))
	}
	for _, g := range gaps {
		course.Leaderless = append(course.Leaderless, result.Gap{FromUs: a.clock.us(g.from), ToUs: a.clock.us(g.to)})
	}
	course.Members = o.memberships(c.segments[0].from, c.end, a.clock)
	course.Marks = append(course.Marks, o.marks(c, a.clock)...)
	if c.catchUp != nil {
		course.CatchUp = o.catchUp(c.catchUp, c.end, a.clock)
		a.invalid = append(a.invalid, catchUpFaults(r, course.CatchUp)...)
	}
	if c.kind == CourseRestart {
		course.Restarts = c.restartResults(a.clock)
		a.invalid = append(a.invalid, restartFaults(r, course.Restarts)...)
	}
	a.courses = append(a.courses, course)
}

// segment sums a part of the course up. The conditions of a steady phase hold for the controls. In the others the rate
// may not be achieved; but what is slow must not be the generator: see disturbedFaults.
func (o observations) segment(s segmentRecord, arm armClock) (segment result.Segment, faults []string) {
	stats := loadgen.StatsOf(o.entries, s.from, s.to)
	gap := o.outage(s.from, s.to)
	segment = result.Segment{
		Name: s.name, Control: s.control, FromUs: arm.us(s.from), ToUs: arm.us(s.to),
		OfferedPerS: stats.OfferedPerS, AchievedPerS: stats.AchievedPerS, ResponseUs: result.Quantiles(stats.ResponseUs),
		GapMs: milliseconds(gap.to - gap.from),
		OK:    stats.OK, Failed: stats.Failed, Unknown: stats.Unknown, Shed: stats.Shed,
	}
	if s.name == segmentBefore {
		return segment, nil // it is the steady phase, and judged there
	}
	if !s.control {
		return segment, disturbedFaults(&stats)
	}
	faults = stats.Invalid()
	if stats.Failed+stats.Unknown+stats.Shed > 0 {
		faults = append(faults, fmt.Sprintf("%d operations failed, %d ended unknown and %d were shed",
			stats.Failed, stats.Unknown, stats.Shed))
	}
	return segment, faults
}

// lagOfP99Max is the part of the 99th percentile of the response that the generator's lateness may have in a segment in
// which something is done, and lagMaxUs what it may be in any case.
const (
	lagOfP99Max = 0.1
	lagMaxUs    = 1000
)

// disturbedFaults says what forbids to publish a segment in which something is done.
func disturbedFaults(stats *loadgen.Stats) []string {
	faults := brokenFaults(stats)
	if late := lateFault(stats); late != "" {
		faults = append(faults, late)
	}
	return faults
}

// brokenFaults says what leaves nothing to publish.
func brokenFaults(stats *loadgen.Stats) (faults []string) {
	if stats.OK == 0 {
		faults = append(faults, fmt.Sprintf("none of %d operations was acknowledged", stats.Offered))
	}
	if stats.Early > 0 || stats.Negative > 0 {
		faults = append(faults,
			fmt.Sprintf("%d operations were dispatched early, %d latencies were negative", stats.Early, stats.Negative))
	}
	return faults
}

// lateFault says whether the generator was late while something was done; "" when it was not. That time is published
// for its tail: the generator's own tail must be a small part of it.
func lateFault(stats *loadgen.Stats) string {
	lag, tail := stats.SendLagUs.P99, stats.ResponseUs.P99
	if lag == nil || tail == nil || *lag <= lagMaxUs || *lag <= lagOfP99Max**tail {
		return ""
	}
	return fmt.Sprintf(
		"the generator was late: send lag p99 %.0f µs is above %d µs and above %.0f %% of response p99 %.0f µs",
		*lag, lagMaxUs, lagOfP99Max*100, *tail)
}

func (o observations) step(s stepRecord, gaps []gap, arm armClock) result.Step {
	end := s.end
	if end == never {
		end = max(s.from, s.to)
	}
	outage := o.outage(s.from, end)
	byOutcome, debt := o.tally(s.from, s.from, end)
	step := result.Step{
		Kind: s.kind, Name: s.name, Nodes: s.nodes, FromUs: arm.us(s.from), DoneUs: arm.us(s.to), EndUs: arm.us(end),
		ResponseUs: result.Quantiles(loadgen.StatsOf(o.entries, s.from, end).ResponseUs),
		OutageMs:   milliseconds(outage.to - outage.from), LatencyDebtOpS: debt,
		NotOK: byOutcome[loadgen.Failed] + byOutcome[loadgen.Unknown] + byOutcome[loadgen.Shed],
	}
	for _, g := range gaps {
		if from, to := max(g.from, s.from), min(g.to, end); to > from {
			step.LeaderlessMs += milliseconds(to - from)
		}
	}
	return step
}

// leaderless returns the times of [from, to] in which no leader could commit. One ends by the leader's own word (it
// follows, or has told another to campaign), or when the bench ended its process; a leader that commits in a later term
// before any of that leaves no gap.
func (o observations) leaderless(actions []action, from, to time.Duration) []gap {
	type change struct {
		at     time.Duration
		node   uint64
		begins bool
	}
	var changes []change
	for i := range o.events {
		e := &o.events[i]
		switch e.event.Kind {
		case replica.EventTermCommitted:
			changes = append(changes, change{e.at, e.node, true})
		case replica.EventFollower, replica.EventTransfer:
			changes = append(changes, change{e.at, e.node, false})
		default: // says nothing of who leads
		}
	}
	for _, a := range actions {
		if a.kind == result.EventKill || a.kind == result.EventStop {
			changes = append(changes, change{a.at, a.node, false})
		}
	}
	slices.SortStableFunc(changes, func(x, y change) int { return cmp.Compare(x.at, y.at) })
	leader, since := uint64(0), never
	var gaps []gap
	for _, c := range changes {
		switch {
		case c.begins:
			if leader == 0 && since != never && c.at >= from && since <= to {
				gaps = append(gaps, gap{from: since, to: c.at})
			}
			leader, since = c.node, never
		case c.node == leader && leader != 0:
			leader, since = 0, c.at
		}
	}
	if leader == 0 && since != never && since <= to {
		gaps = append(gaps, gap{from: since, to: to, open: true})
	}
	return gaps
}

// memberships returns the configurations as they began to count on the first node that had them.
func (o observations) memberships(from, to time.Duration, arm armClock) []result.Mark {
	var marks []result.Mark
	latest := uint64(0) // index of the newest configuration seen
	for i := range o.events {
		e := &o.events[i]
		if e.event.Kind != replica.EventConfig || e.members == "" || e.at > to {
			continue
		}
		index := uint64(e.event.ConfigurationIndex)
		if len(marks) > 0 && index <= latest {
			continue
		}
		latest = index
		marks = append(marks, result.Mark{AtUs: arm.us(max(e.at, from)), Kind: "members", Text: e.members})
	}
	return marks
}

// marks are the instants that a picture shows: the steps, and what the nodes said about them.
func (o observations) marks(c *courseRecord, arm armClock) []result.Mark {
	var marks []result.Mark
	add := func(at time.Duration, kind, format string, args ...any) {
		if at != never {
			marks = append(marks, result.Mark{AtUs: arm.us(at), Kind: kind, Text: fmt.Sprintf(format, args...)})
		}
	}
	for _, s := range c.steps {
		switch s.kind {
		case stepCatchUp:
			add(s.to, "caught-up", "%s", s.name)
		case stepReturn:
			add(s.from, s.kind, "%s", s.name)
			add(s.to, "caught-up", "%s caught up", nodeList(s.nodes))
		case stepStop:
			add(s.to, s.kind, "%s", s.name)
		default:
			add(s.from, s.kind, "%s", s.name)
		}
	}
	first := c.segments[0].from
	joint, index := false, replica.Event{}.ConfigurationIndex
	for i := range o.events {
		e := &o.events[i]
		if e.at < first || e.at > c.end {
			continue
		}
		switch e.event.Kind {
		case replica.EventConfig:
			is := strings.Contains(e.members, "→")
			if e.event.ConfigurationIndex > index && is != joint {
				joint = is
				kind, text := "joint", "joint"
				if !is {
					kind, text = "left-joint", "joint left"
				}
				add(e.at, kind, "%s", text)
			}
			index = max(index, e.event.ConfigurationIndex)
		case replica.EventTransfer:
			add(e.at, "transfer", "%d hands over to %d", e.node, uint64(e.event.Peer))
		case replica.EventTermCommitted:
			add(e.at, "leader", "%d leads", e.node)
		case replica.EventSnapshotInstalled:
			add(e.at, "installed", "%d installed a snapshot", e.node)
		default: // of no step
		}
	}
	slices.SortStableFunc(marks, func(x, y result.Mark) int { return cmp.Compare(x.AtUs, y.AtUs) })
	return marks
}

func (o observations) catchUp(c *catchUpRecord, end time.Duration, arm armClock) *result.CatchUp {
	u := &result.CatchUp{
		Node: c.node, Behind: int64(c.commitAtReturn) - int64(c.appliedAtStop), AppliedAtStop: c.appliedAtStop,
		CommitAtReturn: c.commitAtReturn, LogFirst: c.logFirst, BacklogS: (c.backlogTo - c.backlogFrom).Seconds(),
		StartUs: arm.us(c.start), AnswersUs: arm.us(c.answers), InstalledUs: -1, CaughtUpUs: arm.us(c.caughtUp),
		SnapshotBytes: int64(c.snapshotBytes),
	}
	if u.BacklogS > 0 {
		u.BacklogPerS = float64(c.backlogAcked) / u.BacklogS
	}
	for i := range o.events {
		e := &o.events[i]
		if e.event.Kind == replica.EventSnapshotInstalled && e.node == c.node && e.at >= c.start && e.at <= end {
			u.Snapshots++
			if u.InstalledUs < 0 {
				u.InstalledUs, u.SnapshotIndex = arm.us(e.at), e.snapshot
			}
		}
	}
	return u
}

// catchUpFaults says what a return by snapshot lacks to be one.
func catchUpFaults(r *run, u *result.CatchUp) []string {
	var faults []string
	add := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf("run %d: ", r.number)+fmt.Sprintf(format, args...))
		}
	}
	add(u.CaughtUpUs >= 0, "the follower did not catch up")
	want := int64(r.scenario.Course.Backlog.Entries)
	add(u.Behind >= want, "the follower was %d entries behind, not %d", u.Behind, want)
	add(u.LogFirst >= u.AppliedAtStop, "the leader's log began after entry %d and the follower had %d: it needed no "+
		"snapshot", u.LogFirst, u.AppliedAtStop)
	add(u.Snapshots > 0, "the follower installed no snapshot")
	return faults
}
