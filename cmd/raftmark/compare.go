package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/versus"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	floor          string
	threshold      []string
	maxRegressions []string
	matters        float64
	anyway         bool
	out            string
}

func newCompareCommand() *cobra.Command {
	f := &compareFlags{}
	cmd := &cobra.Command{
		Use:   "compare BASE NEW [NEW...]",
		Short: "Say what became better or worse between stored results, or that this cannot be said",
		Long: `Compare stored results: for each metric of each arm, the ratio of NEW to BASE with its 95 % interval, and
whether that is better, worse, or cannot be resolved. With one result, its arms are compared with its first.

Runs and trials of faults are the unit: a result with fewer than 4 runs an arm resolves nothing of its
latencies. --floor names a second result of what BASE is a result of; the difference between these two
is noise, and no smaller one counts. Results of other machines, durability or read consistency are
refused, unless --anyway.

Exit codes: 0 compared, and within the limits of --max-regression and --threshold, if any; 2 wrong
arguments, or no results; 3 a limit is broken; 4 a limit can neither be said to hold nor to be broken;
6 a result is of a cluster that was unsafe.`,
		Example: `  raftmark compare results/before results/after
  raftmark compare --floor results/before-again --max-regression 10% results/before results/after
  raftmark compare results/20260102T150405Z-failover`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usage(errors.New("compare takes result directories: BASE NEW [NEW...], or one with several arms"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.floor, "floor", "", "`DIR` of a second result of what BASE is a result of")
	flags.Float64Var(&f.matters, "matters", 0, "relative difference from which one matters, such as 0.05")
	flags.StringArrayVar(&f.maxRegressions, "max-regression", nil,
		"allowed, such as 10% or 'response p99=10%'; repeatable")
	flags.StringArrayVar(&f.threshold, "threshold", nil, "`condition` on NEW, such as 'outage.p95<800ms'; repeatable")
	flags.BoolVar(&f.anyway, "anyway", false, "compare what was measured under other conditions, and say so")
	flags.StringVarP(&f.out, "output", "o", "", "write a page into this new `folder`")
	return cmd
}

func (f *compareFlags) run(cmd *cobra.Command, args []string) error {
	limits, thresholds, err := f.gates()
	if err != nil {
		return exit.Usage(err)
	}
	var all []*result.Result
	for _, dir := range args {
		r, err := result.Open(dir)
		if err != nil {
			return exit.Usage(err)
		}
		all = append(all, r)
	}
	options := versus.Options{Threshold: f.matters, Anyway: f.anyway}
	if f.floor != "" {
		if options.Floor, err = result.Open(f.floor); err != nil {
			return exit.Usage(err)
		}
	}
	comparison, err := compareResults(all, options)
	if err != nil {
		return exit.Usage(err)
	}
	cmd.Print(comparison.Text())
	if f.out != "" {
		page, err := comparison.WritePage(f.out)
		if err != nil {
			return err
		}
		cmd.Printf("page: %s\n", page)
	}
	gate, lines, err := comparison.Check(limits)
	if err != nil {
		return exit.Usage(err)
	}
	for _, r := range all[min(1, len(all)-1):] {
		answer, more := checkThresholds(thresholds, r)
		gate, lines = max(gate, answer), append(lines, more...)
	}
	if len(comparison.Unsafe) > 0 {
		return exit.Error{Code: exit.Unsafe, Err: errors.New(strings.Join(comparison.Unsafe, "; "))}
	}
	return gateError(gate, lines, cmd)
}

func compareResults(all []*result.Result, o versus.Options) (*versus.Comparison, error) {
	if len(all) == 1 {
		return versus.CompareArms(all[0], o)
	}
	return versus.Compare(all[0], all[1:], o)
}

func (f *compareFlags) gates() ([]versus.Limit, []bench.Threshold, error) {
	var limits []versus.Limit
	var thresholds []bench.Threshold
	for _, text := range f.maxRegressions {
		l, err := versus.ParseLimit(text)
		if err != nil {
			return nil, nil, err
		}
		limits = append(limits, l)
	}
	for _, text := range f.threshold {
		t, err := bench.ParseThreshold(text)
		if err != nil {
			return nil, nil, err
		}
		thresholds = append(thresholds, t)
	}
	return limits, thresholds, nil
}

// checkThresholds applies conditions to all arms of a result.
func checkThresholds(thresholds []bench.Threshold, r *result.Result) (gate versus.Gate, lines []string) {
	for _, t := range thresholds {
		for _, arm := range r.Summary.Arms {
			held, sentence := t.Check(arm)
			switch held {
			case bench.HeldYes:
				continue
			case bench.HeldNo:
				gate = max(gate, versus.GateFailed)
			default:
				gate = max(gate, versus.GateUnknown)
			}
			lines = append(lines, sentence)
		}
	}
	return gate, lines
}

func gateError(gate versus.Gate, lines []string, cmd *cobra.Command) error {
	for _, line := range lines {
		cmd.Println(line)
	}
	switch gate {
	case versus.GateFailed:
		return exit.Error{Code: exit.Threshold, Err: errors.New("a limit is broken")}
	case versus.GateUnknown:
		return exit.Error{Code: exit.CannotResolve, Err: errors.New("cannot resolve whether the limits hold")}
	default:
		return nil
	}
}
