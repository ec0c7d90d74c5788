package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/internal/exit"
)

func newListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List scenarios, faults, systems, transports and storages",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scenarios, err := bench.Builtin()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			table := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
			row := func(name, description string) { fmt.Fprintf(table, "  %s\t%s\n", name, description) }
			title := func(text string) { fmt.Fprintf(table, "%s\n", text) }
			title("scenarios (raftmark bench NAME), and how long they take")
			for _, s := range scenarios {
				row(s.Name, about(s.Planned())+"\t"+s.Description)
			}
			row(bench.ElectionsName, "in virtual time\t"+bench.ElectionsDescription)
			title("faults")
			for _, kind := range fault.Kinds() {
				row(string(kind), fault.Describe(kind))
			}
			title("systems")
			row("raftmark", "the cluster in this program")
			title("transports")
			row("tcp", "plain TCP")
			row("tls", "TLS 1.3 over TCP")
			row("quic", "QUIC, always with TLS 1.3")
			row("mem", "within one process (placement inproc)")
			title("storages")
			row("pebble", "raft log (synced) and state machine on Pebble")
			row("mem", "raft log and state machine in memory: lost with the process")
			row("null", "state machine that keeps nothing: a control")
			if err := table.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(out, "axes (raftmark bench -L KEY=V1,V2)\n  %s\n", strings.Join(bench.AxisKeys(), ", "))
			return nil
		},
	}
}

// about says how long something takes, as far as it can be known before.
func about(d time.Duration) string {
	switch {
	case d <= 0:
		return "unknown"
	case d < 100*time.Second:
		return fmt.Sprintf("about %.0f s", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("about %.0f min", d.Minutes())
	default:
		return fmt.Sprintf("about %.1f h", d.Hours())
	}
}

// noArguments makes a stray argument a usage error.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exit.Usage(fmt.Errorf("%s takes no argument, got %q", cmd.CommandPath(), args[0]))
	}
	return nil
}
