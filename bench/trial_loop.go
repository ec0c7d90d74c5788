package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
)

// What counts as recovered for the trial to end: the acknowledgements of the last recoveredWindow are nearly all that
// were due, and the 99th percentile of their response is within a factor, or within a time, of the steady phase's.
const (
	recoveredWindow = 400 * time.Millisecond
	recoveredShare  = 0.8
	recoveredFactor = 2
	recoveredMargin = 10 * time.Millisecond
)

// briefly is how long answers are waited for while a node is paused.
const briefly = 250 * time.Millisecond

// releaseLimit bounds the healing when a trial was broken off.
const releaseLimit = 2 * time.Second

// errNotSettled ends the trials of a run: a fault in a cluster that is not well measures something else.
var errNotSettled = errors.New("the cluster did not settle within trial.recover")

// runTrials runs the trials of all kinds in an order shuffled from the seed.
func (r *run) runTrials(ctx context.Context) error {
	var kinds []string
	for _, plan := range r.scenario.Faults {
		for range plan.Trials {
			kinds = append(kinds, plan.Kind)
		}
	}
	r.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i, kind := range kinds {
		t := trialRecord{
			kind: kind, command: never, inject: never, heal: never, caughtUp: never, recover: never,
			end:  never,
			wait: randomPhase(r.random, time.Duration(r.scenario.Heartbeat)),
		}
		err := r.trial(ctx, &t, i+1, len(kinds))
		if t.injected {
			if t.end == never {
				t.end = r.clock.Now()
			}
			r.trials = append(r.trials, t)
		}
		if errors.Is(err, errNotSettled) {
			r.invalid = append(r.invalid, fmt.Sprintf("run %d: %v after %d of %d trials: the others were left out",
				r.number, err, i, len(kinds)))
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// trial runs one trial, the n-th of total.
func (r *run) trial(ctx context.Context, t *trialRecord, n, total int) error {
	o := fault.Options{Delay: time.Duration(r.scenario.DiskDelay)}
	if t.traits().Seeded {
		o.Seed = r.random.Uint64()
	}
	f, err := fault.New(t.kind, o)
	if err != nil {
		return err
	}
	t.from = r.clock.Now()
	r.begin(phaseSettle)
	r.progress.phase(phaseSettle, n, total)
	if t.term, err = r.settle(ctx); err != nil {
		return err
	}
	if err := f.Prepare(ctx, r.sys); err != nil {
		return err
	}
	if err := pause(ctx, t.wait); err != nil {
		return err
	}
	r.begin(t.kind)
	r.progress.phase(t.kind, n, total)
	injection, err := f.Inject(ctx, r.sys)
	if err != nil {
		return err
	}
	t.injected = true
	t.node, t.command, t.inject, t.note = injection.Node, injection.Commanded, injection.Effective, injection.Note
	if t.traits().Lasts() && !t.traits().Kills {
		defer r.release(f, t)
	}
	r.note(injection.Steps)
	r.note(fault.Hits(t.kind, t.node, r.sys.Members(), t.inject))
	if err := f.Check(ctx, r.sys); err != nil {
		return err
	}
	return r.afterFault(ctx, f, t)
}

// note takes what was done to nodes among the events.
func (r *run) note(steps []fault.Step) {
	for _, s := range steps {
		r.actions = append(r.actions, action{at: s.At, node: s.Node, kind: s.Kind, note: s.Note})
	}
}

// release heals what its trial left broken: a node whose disk hangs could not end.
func (r *run) release(f fault.Fault, t *trialRecord) {
	if t.heal != never {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseLimit)
	defer cancel()
	if err := f.Heal(ctx, r.sys); err != nil {
		r.warnings = append(r.warnings, fmt.Sprintf("run %d: %v", r.number, err))
	}
}

// afterFault watches, heals, and waits for recovery.
func (r *run) afterFault(ctx context.Context, f fault.Fault, t *trialRecord) error {
	committed := uint64(0)
	if t.traits().Disk {
		if leader, ok := leaderOf(r.look(ctx)); ok {
			committed = leader.commit
		}
	}
	if err := r.watch(ctx, t); err != nil {
		return err
	}
	if committed > 0 {
		r.stagesUnder(ctx, t, committed)
	}
	if t.traits().Heals() {
		t.heal = r.clock.Now()
		r.note(fault.Heals(t.kind, t.node, r.sys.Members(), t.heal))
	}
	if err := f.Heal(ctx, r.sys); err != nil {
		return err
	}
	if t.overWhenHealed() {
		// Clients were served all the time: what is looked at must not reach back before the healing.
		if err := pause(ctx, recoveredWindow); err != nil {
			return err
		}
	}
	recovered, err := r.recovered(ctx, &t.caughtUp)
	if err != nil {
		return err
	}
	t.end = r.clock.Now()
	if recovered {
		t.recover = t.end
	}
	return nil
}

// settle waits for a quiet and healthy cluster, and returns its term.
func (r *run) settle(ctx context.Context) (term uint64, err error) {
	if err := pause(ctx, time.Duration(r.scenario.Trial.Settle)); err != nil {
		return 0, err
	}
	var caughtUp time.Duration
	healthy, err := r.recovered(ctx, &caughtUp)
	if err != nil {
		return 0, err
	}
	leader, ok := leaderOf(r.look(ctx))
	if !healthy || !ok {
		return 0, errNotSettled
	}
	return leader.term, nil
}

// stagesUnder takes the sampled proposals of the node whose disk is broken, if it still leads: those after the entry
// that was committed when the fault had taken effect.
func (r *run) stagesUnder(ctx context.Context, t *trialRecord, committed uint64) {
	r.stages.take(r.sys.stages(ctx).of(t.node).between(committed, 0), r.number, t.kind)
}

// watch lets the fault last. When a new leader is to be waited for, it waits until a leader of a later term has
// answered a write, and then a while; when none does within the limit the trial goes on to its healing, and the
// assessment notes it.
func (r *run) watch(ctx context.Context, t *trialRecord) error {
	if !t.traits().WatchLeader {
		return pause(ctx, time.Duration(r.scenario.Trial.Watch)-(r.clock.Now()-t.inject))
	}
	if t.node != 0 {
		_, err := poll(ctx, time.Duration(r.scenario.Trial.Recover), func() bool {
			asked := r.clock.Now()
			leader, ok := leaderOf(r.lookBriefly(ctx, t))
			if !ok || leader.term <= t.term {
				return false
			}
			// Only the new leader can have answered since: the old one was gone, or cut off, before it was elected.
			answered, _ := poll(ctx, pollEvery, func() bool { return r.recent.wroteSince(asked) })
			return answered
		})
		if err != nil {
			return err
		}
	}
	return pause(ctx, time.Duration(r.scenario.Trial.Watch))
}

// lookBriefly is look for those that answer: a paused node would keep each look waiting for it.
func (r *run) lookBriefly(ctx context.Context, t *trialRecord) []nodeStatus {
	if t.traits().Pauses {
		within, cancel := context.WithTimeout(ctx, briefly)
		defer cancel()
		ctx = within
	}
	return r.look(ctx)
}

// recovered waits until all nodes run and have caught up with what was committed at the call, and the clients see what
// they saw in the steady phase. It returns false at the limit. In at it notes when the nodes had caught up.
func (r *run) recovered(ctx context.Context, at *time.Duration) (bool, error) {
	*at = never
	commit := uint64(0)
	return poll(ctx, time.Duration(r.scenario.Trial.Recover), func() bool {
		statuses := r.look(ctx)
		leader, ok := leaderOf(statuses)
		if !ok {
			return false
		}
		if commit == 0 {
			commit = leader.commit
		}
		if !caughtUp(statuses, r.scenario.Nodes, commit) {
			return false
		}
		if *at == never {
			*at = r.clock.Now()
		}
		return r.servedAsBefore()
	})
}

// servedAsBefore looks at the acknowledgements of the last window.
func (r *run) servedAsBefore() bool {
	n, p99 := r.recent.window(r.clock.Now() - recoveredWindow)
	due := r.baseline.perS * recoveredWindow.Seconds()
	return float64(n) >= recoveredShare*due && p99 <= r.baseline.limit()
}
