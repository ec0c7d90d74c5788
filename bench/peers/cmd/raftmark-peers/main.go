package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports"
)

// flags are what a user chooses.
type flags struct {
	proposers []int
	payloads  []string
	rates     []string
	systems   []string
	runs      int
	trials    int
	duration  time.Duration
	warmup    time.Duration
	dir       string
}

func main() {
	os.Exit(int(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)))
}

// run is the whole program: arguments in, exit code out. The first interrupt cancels the command's context; a second
// one ends the process at once.
func run(ctx context.Context, args []string, out, errOut io.Writer) exit.Code {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	command := newCommand()
	command.SetArgs(append([]string{}, args...)) // nil would be the process's
	command.SetOut(out)
	command.SetErr(errOut)
	err := command.ExecuteContext(ctx)
	if !exit.Said(err) {
		fmt.Fprintln(errOut, "raftmark-peers:", err)
	}
	return exit.Of(err)
}

func newCommand() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use: "raftmark-peers", Short: "measure other Raft libraries beside raftmark and the floor",
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usage(fmt.Errorf("unknown command %q; see raftmark-peers --help", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := f.scenario()
			if err != nil {
				return exit.Usage(err)
			}
			return f.measure(cmd.Context(), s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(command)
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.Usage(err) })
	command.AddCommand(newLoadCommand())
	return command
}

func (f *flags) register(command *cobra.Command) {
	set := command.Flags()
	set.IntSliceVar(&f.proposers, "proposers", []int{1, 8, 64, 256, 1024}, "points of the closed loop")
	set.StringSliceVar(&f.payloads, "payload", []string{"128B", "1KiB"}, "sizes of a command in the closed loop")
	set.StringSliceVar(&f.rates, "rate", []string{"5000/s", "20000/s"}, "rates of the open loop; none with \"\"")
	set.StringSliceVar(&f.systems, "systems", names(), "what to measure")
	set.IntVar(&f.runs, "runs", 3, "interleaved runs of each system")
	set.IntVar(&f.trials, "trials", 10, "stops of the leader for each system, over all runs; 0 is none")
	set.DurationVarP(&f.duration, "duration", "d", time.Second, "measured time of a point")
	set.DurationVarP(&f.warmup, "warmup", "w", 300*time.Millisecond, "time before it")
	set.StringVarP(&f.dir, "output", "o", "", "result directory (default results/<utc>-peers)")
}

// names returns all systems, the floor first.
func names() []string {
	all := []string{bench.SystemFloor, bench.SystemRaftmark}
	for _, c := range peers.Systems() {
		all = append(all, c.Name)
	}
	return all
}

// scenario returns the experiment that the flags ask for.
func (f *flags) scenario() (bench.Scenario, error) {
	s := bench.DefaultScenario()
	s.Name, s.Placement, s.Machine = "peers", bench.PlacementInproc, "null"
	s.Description = "Raft libraries beside the floor: 3 nodes in one process, real files and fsync, loopback TCP, " +
		"a closed loop, an open loop, and the outage after an abrupt stop of the leader."
	s.Runs = f.runs
	closed := bench.DefaultClosed()
	closed.Proposers, closed.Warmup, closed.Duration = f.proposers, bench.Duration(f.warmup), bench.Duration(f.duration)
	closed.Payloads = nil
	for i, text := range f.payloads {
		var size bench.Size
		if err := size.UnmarshalText([]byte(text)); err != nil {
			return s, fmt.Errorf("--payload %q: %w", text, err)
		}
		if i == 0 {
			closed.Payload = size
		} else {
			closed.Payloads = append(closed.Payloads, size)
		}
	}
	s.Closed = &closed
	if err := f.open(&s); err != nil {
		return s, err
	}
	if f.trials > 0 {
		s.Stops = &bench.Stops{
			Trials: (f.trials + f.runs - 1) / max(1, f.runs), Rate: 1000, Settle: bench.Duration(300 * time.Millisecond),
		}
	}
	s.System = f.systems[0]
	if len(f.systems) > 1 {
		s.Axes = map[string][]string{"system": f.systems}
	}
	if err := s.Validate(names()...); err != nil {
		return s, err
	}
	_, err := bench.Arms(s, names()...)
	return s, err
}

func (f *flags) open(s *bench.Scenario) error {
	var rates []bench.Rate
	for _, text := range f.rates {
		var rate bench.Rate
		if text == "" {
			continue
		}
		if err := rate.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("--rate %q: %w", text, err)
		}
		rates = append(rates, rate)
	}
	if len(rates) > 0 {
		s.Open = &bench.Open{Rates: rates, Warmup: s.Closed.Warmup, Duration: s.Closed.Duration}
	}
	return nil
}

func (f *flags) measure(ctx context.Context, s bench.Scenario, out, errOut io.Writer) error {
	if f.dir == "" {
		f.dir = filepath.Join("results", time.Now().UTC().Format("20060102T150405Z")+"-peers")
	}
	fmt.Fprintf(errOut, "about %v: %d runs of %d systems, forwards and backwards\n",
		s.Planned(names()...).Round(time.Second), f.runs, len(f.systems))
	outcome, err := bench.Run(ctx, bench.Options{
		Scenario: s, Dir: f.dir, Systems: peers.Systems(),
		Report: func(u bench.Update) {
			if u.Note != "" {
				fmt.Fprintln(errOut, strings.TrimSpace(u.Arm+"  "+u.Note))
			}
		},
	})
	if err != nil && outcome.Dir == "" {
		return err
	}
	rendered, reportErr := reports.Render(f.dir)
	if err := errors.Join(err, reportErr); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\nreport: %s\n", rendered.Headline, rendered.Page)
	if outcome.Interrupted || outcome.Summary.Verdict != result.VerdictOK {
		for _, reason := range rendered.Reasons {
			fmt.Fprintln(errOut, rendered.Stamp+":", reason)
		}
		return exit.Error{Code: exit.Invalid}
	}
	return nil
}
