package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	electionsim "github.com/raftmark/raftmark/bench/election"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// ElectionsName and ElectionsDescription are those of the study in virtual time, as of a scenario.
const (
	ElectionsName        = "elections"
	ElectionsDescription = "Figure 16 of the Raft paper, simulated: time without a leader by election timeout, and " +
		"its price."
)

// ElectionOptions configure [RunElections].
type ElectionOptions struct {
	// Study is what is simulated.
	Study electionsim.Options
	// Dir is the result directory, new or empty. Required.
	Dir string
	// Command is the command line for the manifest. Default that of the process.
	Command []string
	// Labels go into the manifest. Default none.
	Labels map[string]string
}

// RunElections simulates the election study and writes its result directory. The files with its numbers depend on the
// options alone; manifest.json also says when and where. A study that ends early leaves nothing.
func RunElections(ctx context.Context, opts ElectionOptions) (Outcome, error) {
	if opts.Dir == "" {
		return Outcome{}, errors.New("ElectionOptions.Dir: empty; want a folder")
	}
	if opts.Command == nil {
		opts.Command = slices.Concat([]string{filepath.Base(os.Args[0])}, os.Args[1:])
	}
	writer, err := result.Create(opts.Dir)
	if err != nil {
		return Outcome{}, err
	}
	cpu, started := readCPU(), time.Now().UTC()
	study, err := electionsim.Run(ctx, opts.Study)
	if err != nil {
		return Outcome{Interrupted: ctx.Err() != nil}, errors.Join(fmt.Errorf("election study: %w", err), os.Remove(opts.Dir))
	}
	version, commit, dirty := buildVersion()
	manifest := result.Manifest{
		Name: ElectionsName, Started: started, Finished: time.Now().UTC(), Command: opts.Command,
		Seed: study.Options.Seed, Version: version, Commit: commit, Dirty: dirty, Labels: opts.Labels,
		Environment: environment(opts.Dir, "simulated"),
	}
	manifest.Environment.StealPercent = stealSince(cpu)
	outcome := Outcome{Dir: opts.Dir, Summary: electionSummary(study)}
	trials, hours := electionRows(study)
	err = errors.Join(
		writer.WriteManifest(manifest),
		writer.WriteElections(electionSettings(study), trials, hours),
		writer.WriteSummary(outcome.Summary),
		writer.Close(),
	)
	if err != nil {
		err = fmt.Errorf("write the result: %w", err)
	}
	return outcome, err
}

// electionSummary names the arms; their numbers are in files of their own.
func electionSummary(s *electionsim.Study) result.Summary {
	summary := result.Summary{Schema: result.SummarySchema, Verdict: result.VerdictOK}
	for i := range s.Arms {
		a := &s.Arms[i]
		summary.Arms = append(summary.Arms, result.Arm{Name: a.Name, Config: map[string]any{
			"election.min": a.Timeouts.Min.String(), "election.max": a.Timeouts.Max.String(),
			"heartbeat": a.Timeouts.Heartbeat().String(), "protocol": a.Protocol.String(),
		}})
	}
	return summary
}

func electionSettings(s *electionsim.Study) result.Elections {
	o, d := s.Options, s.Options.Disturbance
	e := result.Elections{
		TickUs: float64(o.Tick) / 1e3, SteadyTickUs: float64(o.SteadyTick) / 1e3, TrialMaxMs: inMs(o.TrialMax),
		RatePerS: o.RatePerS, PauseEveryS: d.PauseEvery.Seconds(), PauseMinMs: inMs(d.PauseMin), PauseMaxMs: inMs(d.PauseMax),
		PauseShape: d.PauseShape, LossOneIn: d.LossOneIn, LossDelayMs: inMs(d.LossDelay), Points: electionPoints(),
	}
	for i := range s.Arms {
		arm := electionArm(&s.Arms[i])
		arm.TimeMs, arm.MeanMs, arm.Leaderless = electionTimes(s.Trials[i])
		e.Arms = append(e.Arms, arm)
	}
	for i := range s.Steady {
		e.Steady = append(e.Steady, electionArm(&s.Steady[i]))
	}
	return e
}

func inMs(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func electionArm(a *electionsim.Arm) result.ElectionArm {
	arm := result.ElectionArm{
		Name: a.Name, MinMs: inMs(a.Timeouts.Min), MaxMs: inMs(a.Timeouts.Max), HeartbeatMs: inMs(a.Timeouts.Heartbeat()),
		PreVote: a.Protocol.PreVote, CheckQuorum: a.Protocol.CheckQuorum, Load: a.Load, Priority: string(a.Priorities),
		Ending: string(a.Ending), Model: a.Model.Name, OneWayMinMs: inMs(a.Model.OneWayMin),
		OneWayMaxMs: inMs(a.Model.OneWayMax), SyncMinMs: inMs(a.Model.SyncMin), SyncMaxMs: inMs(a.Model.SyncMax),
	}
	for _, g := range a.Groups {
		arm.Groups = append(arm.Groups, string(g))
	}
	return arm
}

// electionTimes sums up the times to the next leader. A trial without one is longer than all others.
func electionTimes(trials []electionsim.Trial) (q result.Quantiles, mean *float64, without int) {
	var sorted []float64
	sum := 0.0
	for i := range trials {
		if t := &trials[i]; t.Elected() {
			sorted = append(sorted, inMs(t.Elect))
			sum += inMs(t.Elect)
		}
	}
	slices.Sort(sorted)
	n := len(trials)
	without = n - len(sorted)
	at := func(quantile float64) *float64 {
		if n < loadgen.MinimumSample(quantile) || rank(n, quantile) >= len(sorted) {
			return nil
		}
		return &sorted[rank(n, quantile)]
	}
	q = result.Quantiles{N: n, P50: at(.5), P90: at(.9), P95: at(.95), P99: at(.99), P999: at(.999)}
	if len(sorted) > 0 {
		q.Min = &sorted[0]
	}
	if without == 0 && n > 0 {
		q.Max = &sorted[n-1]
		sum /= float64(n)
		mean = &sum
	}
	return q, mean, without
}

// electionPoints are what the text of §9.3 says of Figure 16, and the least outage that it expects.
func electionPoints() []result.ElectionPoint {
	return []result.ElectionPoint{
		{Group: result.ElectionRandomness, MinMs: 150, MaxMs: 150, What: "min", ValueMs: 10_000, AtLeast: true},
		{Group: result.ElectionRandomness, MinMs: 150, MaxMs: 155, What: "p50", ValueMs: 287},
		{Group: result.ElectionRandomness, MinMs: 150, MaxMs: 200, What: "max", ValueMs: 513},
		{Group: result.ElectionScale, MinMs: 12, MaxMs: 24, What: "mean", ValueMs: 35},
		{Group: result.ElectionScale, MinMs: 12, MaxMs: 24, What: "max", ValueMs: 152},
	}
}

func electionRows(s *electionsim.Study) (trials []result.ElectionTrial, hours []result.ElectionHour) {
	for i := range s.Arms {
		for n := range s.Trials[i] {
			t := &s.Trials[i][n]
			trials = append(trials, result.ElectionTrial{
				Arm: s.Arms[i].Name, Trial: n + 1, PhaseUs: t.Phase.Microseconds(), DetectUs: microsecondsOr(t.Detect),
				ElectUs: microsecondsOr(t.Elect), CommitUs: microsecondsOr(t.Commit), Stands: t.Stands, Terms: t.Terms,
			})
		}
	}
	for i := range s.Steady {
		for n := range s.Hours[i] {
			h := &s.Hours[i][n]
			hours = append(hours, result.ElectionHour{
				Arm: s.Steady[i].Name, Hour: n + 1, LengthS: s.Options.HourLength.Seconds(), Elections: h.Elections,
				Needless: h.Needless, Stands: h.Stands, PreVotes: h.PreVotes, WithoutUs: h.Without.Microseconds(),
			})
		}
	}
	return trials, hours
}

// microsecondsOr keeps what never happened.
func microsecondsOr(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Microseconds()
}
