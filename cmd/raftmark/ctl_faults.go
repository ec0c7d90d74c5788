package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/server/control"
	"github.com/raftmark/raftmark/storage/faultfs"
)

// addFaultsFlag adds the flag that lets a node's disk be broken on purpose, which node and cluster up share.
func addFaultsFlag(cmd *cobra.Command, enable *bool) {
	cmd.Flags().BoolVar(enable, "enable-faults", false, "let raftmark ctl faults break the disk and the links on purpose")
}

func newFaultsCommand(f *ctlFlags) *cobra.Command {
	faults := &cobra.Command{
		Use:   "faults",
		Short: "Show, add and clear faults of the nodes' disks and links",
		Long: `Show the rules by which the disks of nodes, and their links to each other, fail on purpose, and how often
each was hit. The nodes must have been started with --enable-faults; --admin names them, each for itself.

  raftmark ctl faults add --op sync --path log/ --delay 20ms --admin 127.0.0.1:7201
  raftmark ctl faults add --op write --path kv/ --error ENOSPC --after 10
  raftmark ctl faults add --op sync --stall
  raftmark ctl faults clear
  raftmark ctl faults links add --cut

Paths begin at the data folder: log/ is the raft log, kv/ the state machine, snapshot/ the snapshots.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.faults(cmd, (*control.Client).Faults)
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "Show the rules and their hits", Args: noArguments, RunE: faults.RunE,
	}
	clearing := &cobra.Command{
		Use: "clear", Short: "Remove all rules of disks, and let go on what they hold up", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.faults(cmd, (*control.Client).ClearFaults)
		},
	}
	for _, cmd := range []*cobra.Command{faults, list, clearing} {
		f.bind(cmd, askTimeout)
	}
	faults.AddCommand(list, newFaultsAddCommand(f), clearing, newLinkFaultsCommand(f))
	return faults
}

// faultFlags are the flags of one rule.
type faultFlags struct {
	rule  faultfs.Rule
	op    string
	delay time.Duration
	stall bool
	short bool
}

func newFaultsAddCommand(f *ctlFlags) *cobra.Command {
	var r faultFlags
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a rule of disks: which operations on which files are delayed, stalled or failed",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rule, err := r.parse()
			if err != nil {
				return exit.Usage(err)
			}
			return f.faults(cmd, func(c *control.Client, ctx context.Context, admin string) (server.FaultsAnswer, error) {
				return c.AddFaults(ctx, admin, rule)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.op, "op", "", "sync, write, read, create, remove or any (required)")
	flags.StringVar(&r.rule.Path, "path", "", "a part of the path, from the data folder on: log/, kv/, snapshot/")
	flags.DurationVar(&r.delay, "delay", 0, "hold each operation up for so long")
	flags.BoolVar(&r.stall, "stall", false, "hold each operation up until the rules are cleared")
	flags.StringVar(&r.rule.Error, "error", "", "fail each operation with EIO or ENOSPC")
	flags.BoolVar(&r.short, "short", false, "write half of the bytes, then fail with --error (default ENOSPC)")
	flags.Int64Var(&r.rule.After, "after", 0, "let so many operations pass first")
	flags.Int64Var(&r.rule.Count, "count", 0, "act upon so many operations only (default: all)")
	f.bind(cmd, askTimeout)
	return cmd
}

// parse returns the rule that the flags make.
func (r faultFlags) parse() (faultfs.Rule, error) {
	rule := r.rule
	rule.Op, rule.Delay = faultfs.Op(r.op), faultfs.Duration(r.delay)
	var chosen []faultfs.Action
	for _, c := range []struct {
		set    bool
		action faultfs.Action
	}{
		{r.delay != 0, faultfs.Delay}, {r.stall, faultfs.Stall}, {r.short, faultfs.Short},
		{rule.Error != "" && !r.short, faultfs.Error},
	} {
		if c.set {
			chosen = append(chosen, c.action)
		}
	}
	if len(chosen) != 1 {
		return rule, fmt.Errorf("%d actions, want one of --delay, --stall, --error and --short", len(chosen))
	}
	rule.Action = chosen[0]
	if err := rule.WithDefaults().Validate(); err != nil {
		return rule, fmt.Errorf("--%s", strings.ReplaceAll(err.Error(), "\n", "; --"))
	}
	return rule, nil
}

// faults makes a request to each node and prints the rules that are in force then.
func (f *ctlFlags) faults(
	cmd *cobra.Command, ask func(c *control.Client, ctx context.Context, admin string) (server.FaultsAnswer, error),
) error {
	admins, err := f.addresses(cmd)
	if err != nil {
		return err
	}
	return f.do(cmd, func(ctx context.Context, c *control.Client) error {
		var answers []server.FaultsAnswer
		var errs []error
		for _, address := range admins {
			answer, err := ask(c, ctx, address)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", address, err))
				continue
			}
			answers = append(answers, answer)
		}
		if len(answers) > 0 {
			if err := printFaults(cmd.OutOrStdout(), answers); err != nil {
				return err
			}
		}
		return onOneLine(errs)
	})
}

// printFaults prints the rules of nodes, and says of whose disk there are none.
func printFaults(w io.Writer, answers []server.FaultsAnswer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tRULE\tOP\tPATH\tACTION\tAFTER\tCOUNT\tMATCHED\tHITS\tWAITING")
	for _, a := range answers {
		if len(a.Rules) == 0 {
			fmt.Fprintf(table, "%d\t-\tno faults\n", a.Node)
		}
		for i, r := range a.Rules {
			fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%d\n", a.Node, i+1, r.Op, orAll(r.Path), actionText(r.Rule),
				r.After, countText(r.Count), r.Matched, r.Hits, r.Waiting)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printLinkFaults(w, answers)
}

func orAll(path string) string {
	if path == "" {
		return "all"
	}
	return path
}

func countText(count int64) string {
	if count == 0 {
		return "all"
	}
	return fmt.Sprint(count)
}

// actionText says what a rule does: delay 20ms, error EIO.
func actionText(r faultfs.Rule) string {
	switch r.Action {
	case faultfs.Delay:
		return fmt.Sprintf("delay %v", time.Duration(r.Delay))
	case faultfs.Error, faultfs.Short:
		return fmt.Sprintf("%s %s", r.Action, r.Error)
	default:
		return string(r.Action)
	}
}
