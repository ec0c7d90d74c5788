package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft/sim"
)

// simSeedsFull is how many runs of the default length exercise everything, so that what is missing then is a fault.
const simSeedsFull = 100

// simFlags are the flags of raftmark sim.
type simFlags struct {
	seeds, parallel int
	seed, from      uint64
	seconds         float64
	without, only   string
	trace           bool
	out             string
	atMost          time.Duration
}

func newSimCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Prove the Raft core in a simulated cluster, many times over",
		Long: `Run simulated clusters whose network, disks, clocks and servers misbehave, each from a seed that decides
everything, in virtual time, with all invariants checked after every event; then all trouble ends, and the cluster must
recover.

A failing run is made smaller as long as it fails. It is printed with the end of its trace and the command that repeats
it, and written to a file when --out names a folder.

Every run draws some classes of trouble, not all. With --seed, --seeds and --from do not apply; --trace is for --seed.
"crashes at a chosen point" are those of the tests, which crash one scripted run at each of its points: 0 here.

Exit code 6: a violation. Exit code 5: no violation, but 100 runs or more did not exercise everything that they are
there for. Fewer runs may miss something by chance: that is a note.`,
		Example: `  raftmark sim --seeds 1000
  raftmark sim --seeds 1000000 --for 8h --out regressions
  raftmark sim --seed 42 --trace`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usage(fmt.Errorf("%d arguments: want none", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err = errors.Join(err, simFlagsTogether(cmd)); err != nil {
				return exit.Usage(onOneLine([]error{err}))
			}
			if cmd.Flags().Changed("seed") {
				return runSimSeed(cmd.Context(), cmd.OutOrStdout(), &f, o)
			}
			return runSimSeeds(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &f, o)
		},
	}
	cmd.Flags().IntVar(&f.seeds, "seeds", 100, "runs")
	cmd.Flags().Uint64Var(&f.from, "from", 1, "seed of the first run")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "make only the run of this seed")
	cmd.Flags().Float64Var(&f.seconds, "seconds", 60, "virtual time of the trouble in each run")
	cmd.Flags().IntVar(&f.parallel, "parallel", 0, "runs at a time (default: one a processor)")
	cmd.Flags().DurationVar(&f.atMost, "for", 0, "begin no run after so much real time, such as 8h (default: no bound)")
	cmd.Flags().StringVar(&f.without, "without", "", "classes of trouble that no run has, with commas")
	cmd.Flags().StringVar(&f.only, "only", "", "the only classes of trouble that runs have, with commas")
	cmd.Flags().BoolVar(&f.trace, "trace", false, "with --seed: print everything that happens")
	cmd.Flags().StringVar(&f.out, "out", "", "folder for the options of a failing run, as a regression test reads them")
	return cmd
}

// simFlagsTogether refuses flags that would not be looked at: those of many runs with --seed, and that of one without.
func simFlagsTogether(cmd *cobra.Command) error {
	one := cmd.Flags().Changed("seed")
	if !one && cmd.Flags().Changed("trace") {
		return errors.New("--trace: want --seed with it, the run to print")
	}
	for _, name := range []string{"seeds", "from"} {
		if one && cmd.Flags().Changed(name) {
			return fmt.Errorf("--seed and --%s: want one of them, as --seed makes a single run", name)
		}
	}
	return nil
}

// options returns the options that all runs share.
func (f *simFlags) options() (sim.Options, error) {
	o := sim.Options{Seed: f.seed, Duration: time.Duration(f.seconds * float64(time.Second))}
	var errWithout, errOnly error
	o.Without, errWithout = sim.ParseClasses(f.without)
	o.Only, errOnly = sim.ParseClasses(f.only)
	if err := errors.Join(errWithout, errOnly); err != nil {
		return sim.Options{}, err
	}
	if f.atMost < 0 {
		return sim.Options{}, fmt.Errorf("--for = %v: want at least 0", f.atMost)
	}
	if f.seconds == 0 {
		return sim.Options{}, errors.New("--seconds = 0: want above 0")
	}
	if f.seeds < 1 { // 0 is the default to sim
		return sim.Options{}, fmt.Errorf("--seeds = %d: want at least 1", f.seeds)
	}
	campaign := sim.CampaignOptions{From: f.from, Seeds: f.seeds, Parallel: f.parallel, Run: o}
	return o, campaign.WithDefaults().Validate()
}

// runSimSeed makes one run, with its trace if that is wanted. It does not make it smaller: that is done.
func runSimSeed(ctx context.Context, w io.Writer, f *simFlags, o sim.Options) error {
	var failed error
	if f.trace {
		o.Trace = func(line string) {
			if _, err := fmt.Fprintln(w, line); err != nil {
				failed = err
			}
		}
	}
	r, err := sim.Run(o)
	if err = errors.Join(err, failed, ctx.Err()); err != nil {
		return err
	}
	if err := r.Coverage.Print(w); err != nil {
		return err
	}
	violations := 0
	if r.Violation != nil {
		violations = 1
	}
	if _, err := fmt.Fprintf(w, "%-28s %#14x\n%-28s %14d\n", "hash", r.Hash, "violations", violations); err != nil {
		return err
	}
	if r.Violation == nil {
		return nil
	}
	if !f.trace {
		if r.Tail, err = sim.Traced(r.Options); err != nil {
			return err
		}
	}
	return printSimFailure(w, f, r)
}

func runSimSeeds(ctx context.Context, w, progress io.Writer, f *simFlags, o sim.Options) error {
	now := time.Now
	last := now()
	campaign := sim.CampaignOptions{From: f.from, Seeds: f.seeds, Parallel: f.parallel, Run: o}
	campaign.Progress = func(done int, sum *sim.Coverage) {
		if t := now(); t.Sub(last) >= 5*time.Second {
			last = t
			fmt.Fprintf(progress, "%d of %d runs, %.1f simulated hours\n", done, f.seeds, sum.Simulated.Hours())
		}
	}
	s, err := f.campaign(ctx, campaign, now)
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if err := s.Coverage.Print(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%-28s %14.0f\n%-28s %14d\n", "times real time",
		s.Coverage.Simulated.Seconds()/max(s.Took.Seconds(), 1e-9), "violations", len(s.Failures)); err != nil {
		return err
	}
	for _, failing := range s.Failures {
		small, runs, err := sim.Shrink(ctx, failing)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "\nseed %d, made smaller in %d runs\n", failing.Options.Seed, runs); err != nil {
			return err
		}
		if err := printSimFailure(w, f, small); exit.Of(err) != exit.Unsafe {
			return err
		}
	}
	switch {
	case len(s.Failures) > 0:
		return exit.Error{Code: exit.Unsafe}
	case err != nil:
		return exit.Error{Code: exit.Interrupted, Err: err}
	case o.Without == 0 && o.Only == 0:
		return simCovered(progress, &s.Coverage)
	}
	return nil
}

// simCovered says what runs did not exercise. Few runs may miss something by chance; many are there to miss nothing.
func simCovered(notes io.Writer, c *sim.Coverage) error {
	missing := strings.Join(c.Missing(), ", ")
	switch {
	case missing == "":
		return nil
	case c.Seeds < simSeedsFull:
		_, err := fmt.Fprintf(notes, "note: %d runs, of the %d that exercise everything, never exercised: %s\n",
			c.Seeds, simSeedsFull, missing)
		return err
	default:
		return exit.Error{Code: exit.Invalid, Err: fmt.Errorf("never exercised, so nothing is proved about it: %s", missing)}
	}
}

// campaign makes the runs, within the time that there is.
func (f *simFlags) campaign(ctx context.Context, o sim.CampaignOptions, now func() time.Time) (sim.Summary, error) {
	if f.atMost == 0 {
		return sim.Campaign(ctx, o, now)
	}
	bounded, cancel := context.WithTimeout(ctx, f.atMost)
	defer cancel()
	s, err := sim.Campaign(bounded, o, now)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	return s, err
}

// printSimFailure prints a violation and what repeats it, and writes the file.
func printSimFailure(w io.Writer, f *simFlags, r sim.Result) error {
	if len(r.Tail) > 0 {
		if _, err := fmt.Fprintf(w, "%s\n", strings.Join(r.Tail, "\n")); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(w, "VIOLATION %v\n%s\n", r.Violation, r.Options.Command()); err != nil {
		return err
	}
	if f.out != "" {
		if err := writeSimRegression(w, f.out, r); err != nil {
			return err
		}
	}
	return exit.Error{Code: exit.Unsafe}
}

func writeSimRegression(w io.Writer, dir string, r sim.Result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("seed_%d.txt", r.Options.Seed))
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	what, _, _ := strings.Cut(r.Violation.Error(), "\n")
	if err := errors.Join(r.Options.WriteText(file, what), file.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "written to %s\n", name)
	return err
}
