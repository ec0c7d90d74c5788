package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// stopAnswerMax bounds the wait for an acknowledgement after a leader was stopped, and for a leader at all.
const stopAnswerMax = time.Minute

// stopTrial is one leader that was stopped.
type stopTrial struct {
	node                               uint64
	command, effect, served, heal, end time.Duration // on the clock
}

// runStops stops the leader again and again under an open loop. The load goes on through all of it; which gap belongs
// to which trial is decided afterwards, by the acknowledgements.
func (e *experiment) runStops(ctx context.Context, arm *armRecord, number int, system System) error {
	plan := arm.scenario.Stops
	if plan == nil {
		return nil
	}
	trace, target := loadgen.NewTrace(arm.scenario.Seed, 0), newCoreTarget(system, e.clock)
	acks := &lastAck{}
	generator, err := loadgen.New(e.openLoad(arm.scenario, plan.Rate, number), target, loadgen.Tee(trace, acks))
	if err != nil {
		return err
	}
	load, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	from := e.clock.Now()
	go func() { ended <- generator.Run(load) }()
	var trials []stopTrial
	for i := range plan.Trials {
		e.progress.phase(result.KindLeaderStop, i+1, plan.Trials)
		trial, err2 := e.stopLeader(ctx, system, acks, time.Duration(plan.Settle))
		if errors.Is(err2, errors.ErrUnsupported) {
			arm.warnings = append(arm.warnings, "note: no outage: "+err2.Error())
			break
		}
		if err2 != nil && ctx.Err() == nil {
			// Nothing is said of the outage that did not end; without it the others would look better than they are.
			arm.invalid = append(arm.invalid, fmt.Sprintf("run %d: stop %d of the leader: %v", number, i+1, err2))
			break
		}
		if err = err2; err != nil {
			break
		}
		trials = append(trials, trial)
	}
	stop()
	err = errors.Join(err, <-ended, target.Close())
	arm.recordStops(trace.Entries(), trials, from, e.clock.Now())
	if err != nil {
		return fmt.Errorf("stop the leader: %w", err)
	}
	return nil
}

// stopLeader makes one trial: all nodes run when it returns, and one of them leads.
func (e *experiment) stopLeader(
	ctx context.Context, system System, acks *lastAck, settle time.Duration,
) (stopTrial, error) {
	if err := pause(ctx, settle); err != nil {
		return stopTrial{}, err
	}
	wait, cancel := context.WithTimeout(ctx, stopAnswerMax)
	defer cancel()
	var t stopTrial
	var err error
	if t.node, err = system.Leader(wait); err != nil {
		return t, err
	}
	t.command = e.clock.Now()
	if err := system.Kill(t.node); err != nil {
		return t, fmt.Errorf("kill node %d: %w", t.node, err)
	}
	t.effect = e.clock.Now()
	if _, err := system.Leader(wait); err != nil {
		return t, err
	}
	// Twice the distance of two commands behind the new leader's first answer.
	if served, err := poll(wait, stopAnswerMax, func() bool { return acks.last() > t.effect }); err != nil || !served {
		return t, errors.Join(err, fmt.Errorf("no command was acknowledged within %v of the stop", stopAnswerMax))
	}
	t.served = acks.last()
	if err := pause(ctx, settle); err != nil {
		return t, err
	}
	t.heal = e.clock.Now()
	if err := system.Restart(wait, t.node); err != nil {
		return t, fmt.Errorf("restart node %d: %w", t.node, err)
	}
	t.end = e.clock.Now()
	return t, nil
}

// recordStops makes rows of the trials, on the arm's clock.
func (a *armRecord) recordStops(entries []loadgen.Entry, trials []stopTrial, from, to time.Duration) {
	a.clock = a.clock.next(from, a.end)
	a.end += to - from
	var acked []time.Duration
	for i := range entries {
		if entries[i].Outcome == loadgen.OK {
			acked = append(acked, entries[i].Done)
		}
	}
	slices.Sort(acked)
	for _, t := range trials {
		last, first := longestGap(acked, t.command, t.heal)
		row := result.Trial{
			Arm: a.name, Kind: result.KindLeaderStop, Trial: len(a.trials) + 1, Node: t.node, PhaseUs: -1,
			CommandUs: a.clock.us(t.command), InjectUs: a.clock.us(t.effect), LastAckUs: a.clock.us(last), DetectUs: -1,
			ElectUs: -1, CommitUs: -1, FirstAckUs: a.clock.us(first), RecoverUs: -1, HealUs: a.clock.us(t.heal),
			CaughtUpUs: -1, EndUs: a.clock.us(t.end), OutageMs: (first - last).Seconds() * 1e3, LeaderlessMs: -1,
			FirstWriteUs: a.clock.us(first),
		}
		for i := range entries {
			if e := &entries[i]; e.Intended >= t.command && e.Intended < t.end {
				switch e.Outcome {
				case loadgen.OK:
					row.OK++
				case loadgen.Failed:
					row.Failed++
				case loadgen.Unknown:
					row.Unknown++
				case loadgen.Shed:
					row.Shed++
				}
			}
		}
		a.trials = append(a.trials, row)
	}
}

// longestGap returns the ends of the longest time without an acknowledgement that overlaps [from, to). acked is in
// order.
func longestGap(acked []time.Duration, from, to time.Duration) (last, first time.Duration) {
	last, first = from, from
	for i := 1; i < len(acked); i++ {
		if acked[i] < from || acked[i-1] >= to {
			continue
		}
		if acked[i]-acked[i-1] > first-last {
			last, first = acked[i-1], acked[i]
		}
	}
	return last, first
}

// stops sums the trials up; nil without any.
func (a *armRecord) stops() []result.FaultSummary {
	var outages []float64
	for _, t := range a.trials {
		outages = append(outages, t.OutageMs)
	}
	if len(outages) == 0 {
		return nil
	}
	return []result.FaultSummary{{
		Kind: result.KindLeaderStop, Trials: len(outages), OutageMs: quantilesOf(outages),
		PhasesMs: map[string]result.Quantiles{},
	}}
}
