package loadcommand

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/loadgen/units"
)

// New returns the command load of a program. Its PreRunE checks the flags and connects to nothing; its errors carry
// their exit code (package exit).
func New(to Destination) *cobra.Command {
	f := &loadFlags{to: to, rate: units.Rate{PerSecond: 1000}}
	cmd := &cobra.Command{
		Use:     fmt.Sprintf("load --%s host:port,...", to.AddressFlag),
		Short:   to.Short,
		Long:    to.Long,
		Example: to.Example,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usage(fmt.Errorf("argument %q: want none; addresses go to --%s", args[0], to.AddressFlag))
			}
			return nil
		},
		PreRunE: func(cmd *cobra.Command, _ []string) error { return f.check(cmd.Flags().Changed) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.bind(cmd)
	return cmd
}
