package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/raftmark/raftmark/bench/result"
)

// finish writes everything that is known, whatever happened before. failed is what ended the experiment early.
func (e *experiment) finish(interrupted bool, failed error) (Outcome, error) {
	outcome := Outcome{Dir: e.opts.Dir, Interrupted: interrupted}
	e.manifest.Finished = time.Now().UTC()
	e.manifest.Interrupted = interrupted
	e.manifest.Environment.StealPercent = stealSince(e.cpu)
	outcome.Summary = e.summary(interrupted, failed)
	err := errors.Join(
		e.writer.WriteManifest(e.manifest),
		e.ops.Close(),
		e.hlog.Close(),
		e.writeRecords(),
		e.writer.WriteSummary(outcome.Summary),
		e.writer.Close(),
	)
	if err != nil {
		err = fmt.Errorf("write the result: %w", err)
	}
	data := filepath.Join(e.opts.Dir, dataDir)
	if entries, readErr := os.ReadDir(data); readErr == nil && len(entries) > 0 {
		outcome.DataDir = data
	} else if readErr == nil {
		err = errors.Join(err, os.Remove(data))
	}
	return outcome, err
}

func (e *experiment) writeRecords() error {
	var trials []result.Trial
	var bins []result.TimelineBin
	var events []result.Event
	var stages []result.StageRow
	var followers []result.FollowerStageRow
	var chains []result.LogChain
	for _, arm := range e.arms {
		chains = append(chains, arm.chains...)
		trials = append(trials, arm.trials...)
		bins = append(bins, arm.timeline...)
		events = append(events, arm.events...)
		stages = append(stages, arm.stages...)
		followers = append(followers, arm.followers...)
	}
	err := errors.Join(e.writer.WriteTrials(trials), e.writer.WriteTimeline(bins), e.writer.WriteEvents(events))
	if len(stages) > 0 {
		err = errors.Join(err, e.writer.WriteStages(stages), e.writer.WriteFollowerStages(followers))
	}
	if len(chains) > 0 {
		err = errors.Join(err, e.writer.WriteLogChains(chains))
	}
	return errors.Join(err, e.writePercentiles(), e.writeExchange(), e.writeSaturation())
}

// writePercentiles writes the distributions of the arms' steady phases.
func (e *experiment) writePercentiles() error {
	var errs []error
	for _, arm := range e.arms {
		if arm.steady.duration == 0 {
			continue
		}
		errs = append(errs,
			e.writer.WritePercentiles("response-"+fileName(arm.name), arm.steady.histograms.Response()),
			e.writer.WritePercentiles("service-"+fileName(arm.name), arm.steady.histograms.Service()))
	}
	return errors.Join(errs...)
}

func (e *experiment) summary(interrupted bool, failed error) result.Summary {
	s := result.Summary{Schema: result.SummarySchema, Verdict: result.VerdictOK, Calibration: e.calibration}
	nobody := ratesNobodyHeld(e.arms)
	for _, arm := range e.arms {
		one, invalid := arm.summary()
		one.FloorUs = arm.scenario.floorUs(&e.calibration)
		for i, p := range one.Open {
			if rate := arm.scenario.Open.Rates[i]; nobody[rate] {
				invalid = append(invalid, fmt.Sprintf("open loop of %s: no system held it: %s", rate, p.Why))
			}
		}
		if interrupted {
			invalid = append(invalid, "interrupted: what follows is partial")
		}
		if failed != nil {
			invalid = append(invalid, fmt.Sprintf("ended early: %v", failed))
		}
		stable, warning := e.storageNotes(arm)
		invalid = append(invalid, stable...)
		late, lateWarnings := arm.lateness()
		invalid = append(invalid, late...)
		one.Validity = slices.Concat(arm.unsafe, invalid, warning, lateWarnings, arm.warnings, e.disturbances())
		if one.Validity == nil {
			one.Validity = []string{}
		}
		switch {
		case len(arm.unsafe) > 0:
			s.Verdict = result.VerdictUnsafe
		case len(invalid) > 0 && s.Verdict == result.VerdictOK:
			s.Verdict = result.VerdictInvalid
		}
		s.Arms = append(s.Arms, one)
	}
	return s
}

// disturbances are what is noted and does not invalidate.
func (e *experiment) disturbances() []string {
	var notes []string
	if steal := e.manifest.Environment.StealPercent; steal > stealWarning {
		notes = append(notes, fmt.Sprintf("warning: the host took %.1f %% of the CPU time for others (steal)", steal))
	}
	if e.opts.Scenario.Placement == PlacementProcess {
		notes = append(notes, "note: clients and servers share this host")
	}
	return notes
}

// summary sums an arm up, and returns what makes it invalid.
func (a *armRecord) summary() (result.Arm, []string) {
	arm := result.Arm{
		Name: a.name, Durability: a.scenario.durability(), Config: config(a.scenario), Safety: a.safety,
		Closed: closedPoints(a.closed), ClosedRuns: a.closed,
		Faults: a.faults(), StagesUs: stageQuantiles(a.stages, a.followers, phaseSteady),
		Courses: a.courses, StageGroups: stageGroupsOf(a.stages, a.followers, phaseSteady), StageClock: a.stageClock,
		LogWrites: a.wire.logWritesPerCommit(),
	}
	invalid := slices.Clone(a.invalid)
	if a.scenario.Exchange != nil {
		var faults []string
		arm.Safety = result.Safety{Linearizable: "unknown"}
		arm.Exchange, faults = a.exchange.summary()
		return arm, append(invalid, faults...)
	}
	if a.scenario.Closed != nil {
		arm.Safety = result.Safety{Linearizable: "unknown"}
		arm.Open, arm.Faults = openPoints(a.open), a.stops()
		if len(a.settings) > 0 {
			arm.Config["settings"] = a.settings
		}
		if len(arm.Closed) == 0 {
			invalid = append(invalid, "nothing was measured")
		}
		return arm, invalid
	}
	if a.runs == 0 {
		arm.Safety.Linearizable, arm.Safety.Logs = "unknown", "unknown"
	}
	if o := a.scenario.Saturation; o != nil {
		var faults []string
		arm.Saturation, faults = a.saturation.summary(o)
		return arm, append(invalid, faults...)
	}
	var steady []string
	arm.Steady, steady = a.steady.summary()
	arm.Wire, arm.SteadySteps = a.wire.perCommit(), a.steps
	if a.runs > 1 {
		arm.SteadyRuns = a.steady.runs
	}
	return arm, append(invalid, steady...)
}

// faults sums the trials up by kind, in the order of the scenario.
func (a *armRecord) faults() []result.FaultSummary {
	var summaries []result.FaultSummary
	for _, plan := range a.scenario.Faults {
		if slices.ContainsFunc(summaries, func(f result.FaultSummary) bool { return f.Kind == plan.Kind }) {
			continue
		}
		var outage, leaderless, debt []float64
		byPhase := map[string][]float64{}
		for _, t := range a.trials {
			if t.Kind != plan.Kind {
				continue
			}
			outage, debt = append(outage, t.OutageMs), append(debt, t.LatencyDebtOpS)
			if t.LeaderlessMs >= 0 {
				leaderless = append(leaderless, t.LeaderlessMs)
			}
			for name, ms := range t.PhasesMs() {
				byPhase[name] = append(byPhase[name], ms)
			}
		}
		f := result.FaultSummary{
			Kind: plan.Kind, Trials: len(outage), OutageMs: quantilesOf(outage), LeaderlessMs: quantilesOf(leaderless),
			PhasesMs: map[string]result.Quantiles{}, LatencyDebtOpS: quantilesOf(debt),
		}
		for _, name := range result.PhaseNames() {
			f.PhasesMs[name] = quantilesOf(byPhase[name])
		}
		if under := a.under[plan.Kind]; under != nil {
			f.Under, f.UnderStagesUs = under.sums(), stageQuantiles(a.stages, a.followers, plan.Kind)
		}
		summaries = append(summaries, f)
	}
	return summaries
}

// config returns the effective scenario of an arm as plain values, under the names of the file.
func config(s Scenario) map[string]any {
	s.Axes = nil
	text, err := MarshalScenario(s)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	var plain map[string]any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return map[string]any{"error": err.Error()}
	}
	return plain
}
