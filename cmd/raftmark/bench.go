package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports"
)

// benchFlags are the flags of raftmark bench. A flag that is not given leaves the scenario as it is.
type benchFlags struct {
	rate, duration, warmup, payload, timeout, schedule string
	clients                                            []int
	runs, trials, maxInflight                          int
	seed                                               uint64
	axes, labels, thresholds                           []string
	out, progress, profile                             string
	quiet                                              bool
}

func newBenchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench [SCENARIO.yaml|name ...]",
		Short: "Run an experiment on a cluster, then render its report",
		Long: `Run an experiment on a cluster, then render its report.

A scenario is a YAML file, or the name of one that is built in (see raftmark list); the default is ` +
			bench.DefaultScenarioName + `.
Flags override the scenario in all its arms. Results go to a folder of their own.

Exit codes: 0 ok, 1 run error, 2 usage or configuration, 3 threshold failed, 4 threshold cannot be resolved,
5 invalid measurement, 6 safety violation, 130 interrupted (partial results are kept and marked).`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.AddCommand(newElectionsCommand())
	flags := cmd.Flags()
	flags.StringVarP(&f.rate, "rate", "r", "", "offered rate, such as 5000/s")
	flags.StringVarP(&f.duration, "duration", "d", "", "length of the steady phase, or of each point of a closed loop")
	flags.IntSliceVarP(&f.clients, "clients", "c", nil, "proposers of a closed loop, such as 1,64,256")
	flags.StringVarP(&f.warmup, "warmup", "w", "", "length of the warm-up")
	flags.StringVar(&f.payload, "payload", "", "size of a written value, such as 256B")
	flags.IntVar(&f.runs, "runs", 0, "runs of each arm, each on a fresh cluster")
	flags.IntVar(&f.trials, "trials", 0, "trials of each fault in each run")
	flags.StringVar(&f.profile, "profile", "",
		"quick, standard or paper: 10, 100 or 1000 trials of each fault in all runs together")
	flags.StringVar(&f.timeout, "timeout", "", "when a client gives an operation up")
	flags.IntVar(&f.maxInflight, "max-inflight", 0, "cap on operations under way; beyond it they are shed and counted")
	flags.StringVar(&f.schedule, "schedule", "", "law of arrivals: const or poisson")
	flags.StringArrayVarP(&f.axes, "axis", "L", nil, "matrix axis, such as transport=tcp,quic (repeatable)")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of arrivals, keys, order and instants of faults")
	flags.StringArrayVar(&f.labels, "label", nil, "key=value, noted in the manifest (repeatable)")
	flags.StringArrayVar(&f.thresholds, "threshold", nil,
		"condition on every arm, such as 'outage.p95<800ms' (repeatable)")
	flags.StringVarP(&f.out, "output", "o", "", "result directory, new or empty (default results/<utc>-<name>)")
	flags.StringVar(&f.progress, "progress", "auto", "auto, plain or json")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress, only the result")
	return cmd
}

// run runs all scenarios, after all of them were found to be valid.
func (f *benchFlags) run(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		args = []string{bench.DefaultScenarioName}
	}
	labels, thresholds, err := f.parse(len(args))
	if err != nil {
		return exit.Usage(err)
	}
	scenarios := make([]bench.Scenario, len(args))
	for i, name := range args {
		if scenarios[i], err = f.scenario(cmd, name); err != nil {
			return exit.Usage(err)
		}
	}
	var worst error
	for _, scenario := range scenarios {
		err := f.one(cmd, scenario, labels, thresholds)
		if worst == nil || severity(exit.Of(err)) > severity(exit.Of(worst)) {
			worst = err
		}
		if exit.Of(err) == exit.Interrupted || exit.Of(err) == exit.RunError || exit.Of(err) == exit.UsageError {
			break
		}
	}
	return worst
}

// severity orders the exit codes of several scenarios: the worst one is returned.
func severity(code exit.Code) int {
	order := []exit.Code{
		exit.OK, exit.CannotResolve, exit.Threshold, exit.Invalid, exit.UsageError, exit.RunError, exit.Interrupted,
		exit.Unsafe,
	}
	for i, c := range order {
		if c == code {
			return i
		}
	}
	return len(order)
}

// one runs one scenario, renders its report and says how it went.
func (f *benchFlags) one(
	cmd *cobra.Command, s bench.Scenario, labels map[string]string, thresholds []bench.Threshold,
) error {
	dir := f.out
	if dir == "" {
		dir = filepath.Join("results", time.Now().UTC().Format("20060102T150405Z")+"-"+s.Name)
	}
	show := newProgressView(cmd.ErrOrStderr(), f.progress, f.quiet)
	outcome, err := bench.Run(cmd.Context(), bench.Options{
		Scenario: s, Dir: dir, Labels: labels, Report: show.update,
	})
	show.clear()
	if outcome.Dir == "" {
		return err // nothing was begun
	}
	out := cmd.OutOrStdout()
	rendered, renderErr := reports.Render(outcome.Dir)
	if renderErr == nil {
		fmt.Fprintf(out, "\n%s\n", rendered.Headline)
	}
	printValidity(cmd, outcome.Summary)
	if renderErr == nil {
		fmt.Fprintf(out, "report: %s\n", rendered.Page)
	}
	fmt.Fprintf(out, "results: %s\n", outcome.Dir)
	if outcome.DataDir != "" {
		fmt.Fprintf(out, "data of the nodes kept: %s\n", outcome.DataDir)
	}
	err = errors.Join(err, renderErr)
	return verdict(cmd, outcome, thresholds, err)
}

// printValidity prints what does not hold, each line once.
func printValidity(cmd *cobra.Command, summary result.Summary) {
	fmt.Fprintf(cmd.OutOrStdout(), "verdict: %s\n", summary.Verdict)
	for _, arm := range summary.Arms {
		for _, note := range arm.Validity {
			fmt.Fprintf(cmd.OutOrStdout(), "  %s: %s\n", arm.Name, note)
		}
	}
}

// verdict turns the outcome into the exit code; the worst wins.
func verdict(cmd *cobra.Command, o bench.Outcome, thresholds []bench.Threshold, err error) error {
	switch {
	case o.Summary.Verdict == result.VerdictUnsafe:
		return exit.Error{Code: exit.Unsafe, Err: errors.Join(errors.New("safety violation"), err)}
	case o.Interrupted:
		said := fmt.Errorf("interrupted: partial results in %s", o.Dir)
		return exit.Error{Code: exit.Interrupted, Err: errors.Join(said, err)}
	case err != nil:
		return err
	case o.Summary.Verdict == result.VerdictInvalid:
		return exit.Error{Code: exit.Invalid, Err: errors.New("the measurement did not hold its own conditions")}
	}
	var failed, unresolved bool
	for _, t := range thresholds {
		for _, arm := range o.Summary.Arms {
			held, text := t.Check(arm)
			fmt.Fprintf(cmd.OutOrStdout(), "threshold: %s\n", text)
			failed = failed || held == bench.HeldNo
			unresolved = unresolved || held == bench.HeldUnknown
		}
	}
	switch {
	case failed:
		return exit.Error{Code: exit.Threshold, Err: errors.New("a threshold failed")}
	case unresolved:
		return exit.Error{Code: exit.CannotResolve, Err: errors.New("a threshold cannot be resolved")}
	}
	return nil
}

// parse checks what does not depend on a scenario.
func (f *benchFlags) parse(scenarios int) (labels map[string]string, thresholds []bench.Threshold, err error) {
	var faults []error
	if labels, err = parseLabels(f.labels); err != nil {
		faults = append(faults, err)
	}
	for _, text := range f.thresholds {
		t, err := bench.ParseThreshold(text)
		if err != nil {
			faults = append(faults, err)
		}
		thresholds = append(thresholds, t)
	}
	switch f.progress {
	case progressAuto, progressPlain, progressJSON:
	default:
		faults = append(faults, fmt.Errorf("--progress %q: must be auto, plain or json", f.progress))
	}
	if f.out != "" {
		if scenarios > 1 {
			faults = append(faults, fmt.Errorf("--output %s: must be left out with %d scenarios", f.out, scenarios))
		}
		if entries, err := os.ReadDir(f.out); err == nil && len(entries) > 0 {
			faults = append(faults, fmt.Errorf("--output %s: must be new or empty; it has %s", f.out, entries[0].Name()))
		}
	}
	return labels, thresholds, errors.Join(faults...)
}
