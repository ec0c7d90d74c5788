package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/internal/exit"
)

// checkFlags are the flags of check.
type checkFlags struct {
	timeout time.Duration
	limits  check.ReadLimits
	asJSON  bool
}

func newCheckCommand() *cobra.Command {
	f := &checkFlags{limits: check.ReadLimits{}.WithDefaults()}
	cmd := &cobra.Command{
		Use:   "check HISTORY|DIR",
		Short: "Check recorded histories: lost writes, linearizability, equal logs",
		Long: `Check a history that raftmark load --history recorded, or all that raftmark bench left in a result
directory.

Lost writes: the final value of every key must come from a write that no later acknowledged write should have replaced.
Linearizability: every key must behave like one register, operations taking effect between their start and their end.
Equal logs (of a directory): all nodes of a run must hold the same entries and the same state.

In a directory everything must be there: the files as their checksums say, the final reads, all nodes. What is missing,
or takes longer than --timeout, or more operations than --max-ops, is unknown, not ok.

Exit code 6: a violation. Exit code 4: it cannot be decided, in time or from what was recorded.`,
		Example: `  raftmark check history.csv.gz
  raftmark check results/20260102T150405Z-failover`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usage(fmt.Errorf("%d arguments: want one, the history file or a result directory", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.timeout <= 0 {
				return exit.Usage(fmt.Errorf("--timeout = %v: want above 0", f.timeout))
			}
			if err := f.limits.Validate(); err != nil || f.limits.OpsMax < 1 {
				return exit.Usage(fmt.Errorf("--max-ops = %d: want above 0", f.limits.OpsMax))
			}
			return f.run(cmd.OutOrStdout(), args[0])
		},
	}
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Minute, "for the check of linearizability, of each history")
	cmd.Flags().IntVar(&f.limits.OpsMax, "max-ops", f.limits.OpsMax,
		"operations read of each history, at about 300 B of memory")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "the result as JSON")
	return cmd
}

func (f *checkFlags) run(w io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return exit.Usage(err)
	}
	if info.IsDir() {
		return f.runDir(w, path)
	}
	report, err := f.history(path)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = writeIndented(w, report)
	} else {
		err = report.print(w)
	}
	return errors.Join(err, exitOf(report.verdict()))
}

// checkReport is what raftmark check found in one history, and its JSON.
type checkReport struct {
	History      string            `json:"history"`
	Operations   int               `json:"operations"`
	Dropped      int64             `json:"dropped"`
	FinalReads   int               `json:"final_reads"`
	LostWrites   *check.LostReport `json:"lost_writes"` // nil without final reads
	Linearizable check.Result      `json:"linearizable"`
}

func (f *checkFlags) history(path string) (checkReport, error) {
	history, err := check.ReadFile(path, f.limits)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, check.ErrNotHistory) {
		return checkReport{}, exit.Usage(err)
	}
	if err != nil {
		return checkReport{}, err
	}
	report := checkReport{History: filepath.ToSlash(path), Operations: len(history.Ops), Dropped: history.Dropped}
	for i := range history.Ops {
		if history.Ops[i].Final {
			report.FinalReads++
		}
	}
	if report.FinalReads > 0 {
		lost := check.LostWrites(history)
		report.LostWrites = &lost
	}
	report.Linearizable = check.Linearizable(history, f.timeout)
	return report, nil
}

func (r checkReport) verdict() check.Verdict {
	if r.LostWrites == nil {
		return r.Linearizable.Verdict
	}
	return check.Worse(r.Linearizable.Verdict, r.LostWrites.Verdict())
}

func (r checkReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%d operations, %d of them final reads, %d not recorded\n", r.Operations, r.FinalReads, r.Dropped)
	if l := r.LostWrites; l != nil {
		fmt.Fprintf(w, "lost writes: %s: %d acknowledged, lost: %d, phantom: %d, keys: %d, unread: %d\n",
			l.Verdict(), l.Acked, l.Lost, l.Phantom, l.Keys, l.Unread)
		for _, example := range l.Examples {
			fmt.Fprintf(w, "  %s\n", example)
		}
	} else {
		fmt.Fprintln(w, "lost writes: not checked: the history has no final reads")
	}
	l := r.Linearizable
	_, err := fmt.Fprintf(w, "linearizable: %s: %d of %d operations checked, on %d keys\n",
		l.Verdict, l.Checked, l.Ops, l.Keys)
	if l.Violation != "" {
		_, err = fmt.Fprintf(w, "  %s\n", l.Violation)
	}
	return err
}

func writeIndented(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// exitOf returns the exit code of a verdict.
func exitOf(v check.Verdict) error {
	switch v {
	case check.VerdictViolation:
		return exit.Error{Code: exit.Unsafe}
	case check.VerdictUnknown:
		return exit.Error{Code: exit.CannotResolve}
	case check.VerdictOK:
	}
	return nil
}
