package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/election"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports"
)

// electionFlags are the flags of raftmark bench elections.
type electionFlags struct {
	study  election.Options
	labels []string
	out    string
	quiet  bool
}

// newElectionsCommand is a subcommand of bench: the scenario with its name is simulated, and has flags of its own.
func newElectionsCommand() *cobra.Command {
	var f electionFlags
	cmd := &cobra.Command{
		Use:   bench.ElectionsName,
		Short: "Figure 16 of the Raft paper, simulated: how long is a cluster without a leader?",
		Long: `Simulate what Figure 16 of the Raft paper measured, with the real core in virtual time: five servers, a
leader that crashes, and the time to the next one, for the paper's election timeouts. Then what the figure leaves
out: pre-vote, check-quorum, load, priorities, a shutdown in order, and elections that nobody needed.

The same seed gives the same numbers, byte for byte. On real processes: raftmark bench elections-real.

Exit codes: 0 ok, 1 run error, 2 usage, 6 safety violation in the simulation, 130 interrupted (nothing is kept).`,
		Example: `  raftmark bench elections
  raftmark bench elections --trials 100 --hours 1 -o results/elections
  raftmark bench elections-real --trials 100`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.study.Seed, "seed", 1, "seed of everything")
	flags.IntVar(&f.study.Trials, "trials", 1000, "crashes of each line (a tenth of them where timeouts are all the same)")
	flags.IntVar(&f.study.Hours, "hours", 4, "virtual hours of steady running of each setting")
	flags.DurationVar(&f.study.Tick, "tick", 100*time.Microsecond, "tick of the cores in a trial")
	flags.IntVar(&f.study.Workers, "parallel", 0, "trials at a time (default: one a processor); changes no number")
	flags.StringArrayVar(&f.labels, "label", nil, "key=value, noted in the manifest (repeatable)")
	flags.StringVarP(&f.out, "output", "o", "", "result directory, new or empty (default results/<utc>-elections)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress, only the result")
	return cmd
}

// checked returns the options of the study, or all that is wrong with the flags.
func (f *electionFlags) checked() (election.Options, map[string]string, error) {
	labels, err := parseLabels(f.labels)
	faults := []error{err}
	for _, flag := range []struct {
		name  string
		value int
	}{{"trials", f.study.Trials}, {"hours", f.study.Hours}} {
		if flag.value < 1 {
			faults = append(faults, fmt.Errorf("--%s %d: must be at least 1", flag.name, flag.value))
		}
	}
	if f.out != "" {
		if entries, err := os.ReadDir(f.out); err == nil && len(entries) > 0 {
			faults = append(faults, fmt.Errorf("--output %s: must be new or empty; it has %s", f.out, entries[0].Name()))
		}
	}
	o := f.study.WithDefaults()
	return o, labels, errors.Join(append(faults, o.Validate())...)
}

func (f *electionFlags) run(cmd *cobra.Command) error {
	o, labels, err := f.checked()
	if err != nil {
		return exit.Usage(err)
	}
	dir := f.out
	if dir == "" {
		dir = filepath.Join("results", time.Now().UTC().Format("20060102T150405Z")+"-"+bench.ElectionsName)
	}
	if !f.quiet {
		o.Report = electionProgress(cmd)
	}
	outcome, err := bench.RunElections(cmd.Context(), bench.ElectionOptions{Study: o, Dir: dir, Labels: labels})
	switch {
	case outcome.Interrupted:
		return exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted: nothing is kept")}
	case errors.Is(err, election.ErrUnsafe):
		return exit.Error{Code: exit.Unsafe, Err: err}
	case err != nil:
		return err
	}
	rendered, err := reports.Render(outcome.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "\n%s\nresults: %s\n", renderedText(rendered), outcome.Dir)
	return nil
}

// electionProgress prints a line at most once a second.
func electionProgress(cmd *cobra.Command) func(done, total int) {
	var (
		mu    sync.Mutex
		begin = time.Now()
		last  = begin
	)
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if now.Sub(last) < time.Second || done == total {
			return
		}
		last = now
		left := time.Duration(float64(now.Sub(begin)) * float64(total-done) / float64(done)).Round(time.Second)
		fmt.Fprintf(cmd.ErrOrStderr(), "elections: %d %% simulated, about %v left\n", 100*done/total, left)
	}
}
