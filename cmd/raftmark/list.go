package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/fault"
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
			fmt.Fprintln(out, "scenarios (raftmark bench NAME)")
			for _, s := range scenarios {
				fmt.Fprintf(out, "  %-12s %s\n", s.Name, s.Description)
			}
			fmt.Fprintln(out, "faults")
			for _, kind := range fault.Kinds() {
				fmt.Fprintf(out, "  %-12s %s\n", kind, fault.Describe(kind))
			}
			fmt.Fprintln(out, "systems")
			fmt.Fprintf(out, "  %-12s %s\n", "raftmark", "the cluster in this program")
			fmt.Fprintln(out, "transports")
			fmt.Fprintf(out, "  %-12s %s\n", "tcp", "plain TCP")
			fmt.Fprintf(out, "  %-12s %s\n", "tls", "TLS 1.3 over TCP")
			fmt.Fprintf(out, "  %-12s %s\n", "quic", "QUIC, always with TLS 1.3")
			fmt.Fprintf(out, "  %-12s %s\n", "mem", "within one process (placement inproc)")
			fmt.Fprintln(out, "storages")
			fmt.Fprintf(out, "  %-12s %s\n", "pebble", "raft log (synced) and state machine on Pebble")
			fmt.Fprintf(out, "  %-12s %s\n", "mem", "raft log and state machine in memory: lost with the process")
			fmt.Fprintf(out, "  %-12s %s\n", "null", "state machine that keeps nothing: a control")
			fmt.Fprintf(out, "axes (raftmark bench -L KEY=V1,V2)\n  %s\n", strings.Join(bench.AxisKeys(), ", "))
			return nil
		},
	}
}

// noArguments makes a stray argument a usage error.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Errorf("%s takes no argument, got %q", cmd.CommandPath(), args[0]))
	}
	return nil
}
