package main

import (
	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/exchange"
)

// newExchangeEndCommand returns the command that bench transport starts its two ends with. Nobody else uses it.
func newExchangeEndCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "exchange-end",
		Short:  "One end of raftmark bench transport: commands on standard input, answers on standard output",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return exchange.Serve(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
