package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/check"
)

func newCheckCommand() *cobra.Command {
	var timeout time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check HISTORY",
		Short: "Check a recorded history: lost writes and linearizability",
		Long: `Check a history that raftmark load --history or raftmark bench recorded.

Lost writes: the final value of every key must come from a write that no later acknowledged write should have replaced.
Linearizability: every key must behave like one register, operations taking effect between their start and their end.

Exit code 6: a violation. Exit code 4: it cannot be decided, in time or from what was recorded.`,
		Example: `  raftmark check history.csv.gz`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(fmt.Errorf("%d arguments: want one, the history file", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return usageError(fmt.Errorf("--timeout = %v: want above 0", timeout))
			}
			return runCheck(cmd.OutOrStdout(), args[0], timeout, asJSON)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "for the check of linearizability")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the result as JSON")
	return cmd
}

// checkReport is what raftmark check found, and its JSON.
type checkReport struct {
	History      string            `json:"history"`
	Operations   int               `json:"operations"`
	Dropped      int64             `json:"dropped"`
	FinalReads   int               `json:"final_reads"`
	LostWrites   *check.LostReport `json:"lost_writes"` // nil without final reads
	Linearizable check.Result      `json:"linearizable"`
}

func runCheck(w io.Writer, path string, timeout time.Duration, asJSON bool) error {
	history, err := check.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, check.ErrNotHistory) {
		return usageError(err)
	}
	if err != nil {
		return err
	}
	report := checkReport{History: path, Operations: len(history.Ops), Dropped: history.Dropped}
	for i := range history.Ops {
		if history.Ops[i].Final {
			report.FinalReads++
		}
	}
	if report.FinalReads > 0 {
		lost := check.LostWrites(history)
		report.LostWrites = &lost
	}
	report.Linearizable = check.Linearizable(history, timeout)
	if err := report.print(w, asJSON); err != nil {
		return err
	}
	return report.exit()
}

func (r checkReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
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

func (r checkReport) exit() error {
	verdicts := []check.Verdict{r.Linearizable.Verdict}
	if r.LostWrites != nil {
		verdicts = append(verdicts, r.LostWrites.Verdict())
	}
	worst := exitOK
	for _, verdict := range verdicts {
		switch {
		case verdict == check.VerdictViolation:
			return exitError{code: exitUnsafe}
		case verdict == check.VerdictUnknown:
			worst = exitCannotResolve
		}
	}
	if worst != exitOK {
		return exitError{code: worst}
	}
	return nil
}
