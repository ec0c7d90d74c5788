package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
)

// run is the whole program: arguments in, exit code out. The first interrupt cancels the command's context; a second
// one ends the process at once, as if nobody listened.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if !exit.Said(err) {
		fmt.Fprintf(stderr, "raftmark: %v\n", err)
	}
	return int(exit.Of(err))
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "raftmark",
		Short:             "Measure what a Raft cluster does to the latency of a commit, in calm and while its leader dies",
		Version:           buildVersion(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usage(fmt.Errorf("unknown command %q; see raftmark --help", args[0]))
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.Usage(err) })
	root.AddCommand(commands()...)
	return root
}

// buildVersion says what the program was built from, as far as the toolchain knows.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, modified := info.Main.Version, ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			version += ", commit " + setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			modified = ", modified"
		}
	}
	return version + modified + ", " + info.GoVersion
}

// commands lists the subcommands, each in the file of its name.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newLoadCommand(),
		newCheckCommand(),
		newBenchCommand(),
		newExchangeEndCommand(),
		newListCommand(),
		newCalibrateCommand(),
		newReportCommand(),
		newTraceCommand(),
		newCompareCommand(),
		newPublishCommand(),
		newVerifyCommand(),
		newNodeCommand(),
		newClusterCommand(),
		newCtlCommand(),
		newCertsCommand(),
		newSimCommand(),
	}
}
