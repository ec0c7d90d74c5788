package bench

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// aroundFault is how long before a fault all operations are kept; sampledOneIn is the sampling elsewhere.
const (
	aroundFault  = time.Second
	sampledOneIn = 20
)

// armRecord gathers what the runs of an arm measured, on the arm's clock.
type armRecord struct {
	name     string
	scenario Scenario
	clock    armClock
	end      time.Duration // of the last run, on the arm's clock

	steady     *steadyStats
	under      map[string]*steadyStats // while a disk was broken, by kind of fault
	closed     [][]result.ClosedPoint  // by run
	lateTrials []string                // trials in which the generator was late: see lateness
	open       [][]result.OpenPoint    // by run, of a system in this process
	settings   map[string]string       // of it
	trials     []result.Trial
	timeline   []result.TimelineBin
	events     []result.Event
	stages     []result.StageRow
	followers  []result.FollowerStageRow
	stageClock *result.StageClock // nil without stages
	courses    []result.Course
	wire       wireCost        // of the steady phases
	exchange   *exchangeRecord // of a transport that is measured alone
	safety     result.Safety
	chains     []result.LogChain
	runs       int // recorded

	saturation saturationSums
	steps      []result.SteadyStep

	invalid, warnings, unsafe []string
}

func newArmRecord(arm Arm) *armRecord {
	a := &armRecord{
		name: arm.Name, scenario: arm.Scenario, clock: armClock{name: arm.Name}, steady: newSteadyStats(),
		under: map[string]*steadyStats{}, safety: result.Safety{Linearizable: "ok", Logs: "ok"},
	}
	a.steady.moves = arm.Scenario.Load.moves()
	return a
}

// record takes over what a run saw, complete or not, and writes its operations.
func (a *armRecord) record(r *run, ops *result.OpsWriter) error {
	a.clock = a.clock.next(r.from, a.end)
	// Whole bins, so that the next run's begin where these end.
	bins := (r.to - r.from + binWidth - 1) / binWidth
	a.end += bins * binWidth
	a.runs++
	if r.steadyTo > r.steadyFrom {
		a.steady.add(r.number, r.entries, r.steadyFrom, r.steadyTo, r.self())
	}
	a.recordSteps(r)
	a.wire.add(r.wire)
	a.timeline = append(a.timeline, timeline(r.entries, &r.phases, a.clock, r.from, r.to)...)
	a.recordTrials(r)
	a.recordCourse(r)
	a.recordSaturation(r)
	a.recordEvents(r)
	a.recordStages(&r.stages)
	a.addSafety(r.safety)
	a.invalid = append(a.invalid, r.invalid...)
	a.warnings = append(a.warnings, r.warnings...)
	a.unsafe = append(a.unsafe, r.unsafe...)
	return a.writeOps(r, ops)
}

// recordStages takes the stages of a run.
func (a *armRecord) recordStages(s *stageRecord) {
	for _, row := range s.rows {
		row.Arm = a.name
		a.stages = append(a.stages, row)
	}
	for _, row := range s.followers {
		row.Arm = a.name
		a.followers = append(a.followers, row)
	}
	a.warnings = append(a.warnings, s.warnings...)
	if len(s.rows) == 0 {
		return
	}
	if a.stageClock == nil {
		a.stageClock = &result.StageClock{}
	}
	c := a.stageClock
	c.ErrorUs = max(c.ErrorUs, s.clockErrorUs)
	c.Steps += s.steps
	c.Disordered += s.disordered
}

func (a *armRecord) recordTrials(r *run) {
	o := observe(r.entries, r.events, r.baseline)
	for _, t := range r.trials {
		t.number = 1
		for _, earlier := range a.trials {
			if earlier.Kind == t.kind {
				t.number++
			}
		}
		row, anomaly := o.assess(t, a.clock)
		a.trials = append(a.trials, row)
		a.recordUnder(r, &t)
		if anomaly.text == "" {
			continue
		}
		note := fmt.Sprintf("%s trial %d: %s", t.kind, t.number, anomaly.text)
		if anomaly.invalid {
			a.invalid = append(a.invalid, note)
		} else {
			a.warnings = append(a.warnings, "note: "+note)
		}
		r.actions = append(r.actions, action{at: t.end, kind: result.EventAnomaly, note: note})
	}
}

// recordUnder takes what was due while a disk was broken. It is published for its tail: the generator's own must be a
// small part of that.
func (a *armRecord) recordUnder(r *run, t *trialRecord) {
	if !t.traits().Lasts() || t.heal == never {
		return
	}
	under := a.under[t.kind]
	if under == nil {
		under = newSteadyStats()
		a.under[t.kind] = under
	}
	one := under.window(r.entries, t.inject, t.heal)
	for _, reason := range brokenFaults(&one) {
		a.invalid = append(a.invalid, fmt.Sprintf("%s trial %d: %s", t.kind, t.number, reason))
	}
	if late := lateFault(&one); late != "" {
		a.lateTrials = append(a.lateTrials, fmt.Sprintf("%s trial %d: %s", t.kind, t.number, late))
	}
}

// lateTrialsMax is the part of an arm's trials in which the generator may have been late: that of late sends in rule
// R16.
const lateTrialsMax = 0.05

// lateness says of each trial in which the generator was late that it was. No such trial is left out: response times
// count from the intended instant, so that the lateness is in them and makes the system look slower, and to choose
// trials by what disturbed them would make it look faster. Too many of them are invalid.
func (a *armRecord) lateness() (invalid, warnings []string) {
	if float64(len(a.lateTrials)) > lateTrialsMax*float64(len(a.trials)) {
		return a.lateTrials, nil
	}
	for _, trial := range a.lateTrials {
		warnings = append(warnings, fmt.Sprintf("warning: %s: at most %.0f %% of the arm's %d trials may be so",
			trial, lateTrialsMax*100, len(a.trials)))
	}
	return nil, warnings
}

func (a *armRecord) recordEvents(r *run) {
	first := len(a.events)
	a.events = append(a.events, result.Event{
		Arm: a.name, TimeUs: a.clock.us(r.from), Kind: result.EventRun,
		Note: fmt.Sprintf("run %d; the machine's clock reads %d us", r.number, r.from.Microseconds()),
	})
	for i := range r.events {
		e := &r.events[i]
		a.events = append(a.events, result.Event{
			Arm: a.name, TimeUs: a.clock.us(e.at), Node: e.node, Kind: string(e.event.Kind), Term: uint64(e.event.Term),
			Leader: uint64(e.event.Leader), Index: uint64(e.event.Index), Peer: uint64(e.event.Peer), Note: e.note(),
		})
	}
	for _, act := range r.actions {
		a.events = append(a.events, result.Event{
			Arm: a.name, TimeUs: a.clock.us(act.at), Node: act.node, Kind: act.kind, Note: act.note,
		})
	}
	slices.SortStableFunc(a.events[first:], func(x, y result.Event) int { return cmp.Compare(x.TimeUs, y.TimeUs) })
}

func (a *armRecord) addSafety(s result.Safety) {
	s.Linearizable = cmp.Or(s.Linearizable, string(check.VerdictUnknown)) // of a run that was not checked
	s.Logs = cmp.Or(s.Logs, string(check.VerdictUnknown))
	a.safety = sumOf(a.safety, s)
}

// writeOps writes the operations of a run: all around faults and in a course, a sample elsewhere.
func (a *armRecord) writeOps(r *run, ops *result.OpsWriter) error {
	trial := 0
	for i := range r.entries {
		e := &r.entries[i]
		for trial < len(r.trials) && r.trials[trial].end < e.Intended {
			trial++
		}
		oneIn := sampledOneIn
		if r.course.covers(e.Intended) {
			oneIn = 1
		}
		if trial < len(r.trials) && e.Intended >= r.trials[trial].inject-aroundFault {
			oneIn = 1
		}
		if e.Seq%uint64(oneIn) != 0 {
			continue
		}
		row := result.OpRow{
			Arm: a.name, Kind: e.Kind.String(), IntendedUs: a.clock.us(e.Intended), SentUs: a.clock.us(e.Sent),
			DoneUs: a.clock.us(e.Done), Outcome: e.Outcome.String(), Attempts: int(e.Attempts),
			Redirects: int(e.Redirects), SampledOneIn: oneIn,
		}
		if e.Outcome == loadgen.Shed {
			row.SentUs, row.DoneUs = -1, -1
		}
		if err := ops.Write(row); err != nil {
			return err
		}
	}
	return nil
}
