package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp"
	"github.com/raftmark/raftmark/loadgen/units"
)

// verifyTimeout is how long one read of --verify may take: an election and some.
const verifyTimeout = 10 * time.Second

// loadFlags is the command line of raftmark load.
type loadFlags struct {
	targets  []string
	conns    int
	connect  time.Duration
	rate     units.Rate
	load     loadgen.Options
	schedule string
	steps    string
	ramp     string
	spacing  string
	workload string
	payload  string
	mix      string
	keyDist  string
	filler   string
	history  string
	verify   bool
	progress string
	quiet    bool
	json     bool
}

func newLoadCommand() *cobra.Command {
	f := &loadFlags{rate: units.Rate{PerSecond: 1000}}
	cmd := &cobra.Command{
		Use:   "load --targets host:port,...",
		Short: "Offer load to any server of the Redis protocol and measure what its users would feel",
		Long: `Offer load to a cluster, or to any server of the Redis protocol.

The loop is open: operations are due on a schedule, and the response time counts from then, whatever the generator,
the connection or the server did meanwhile. --closed, or --rate max, measures service time with waiting clients instead.

Every operation ends ok, failed (definitely not applied), unknown or shed (over --max-inflight). Those that are not ok
enter the response percentiles at their deadline, so that no error improves a figure.

--workload takes a preset (ycsb-a, -b, -c, -d, -f) or a YAML file; other flags overrule what it says. CAS, which --mix
and ycsb-f can ask for, is a command of raftmark's own nodes, and none of a Redis server.

Exit code 5: the measurement did not hold its own conditions. Exit code 6: --verify missed acknowledged writes.`,
		Example: `  raftmark load --targets 127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003 -r 5000/s -d 10s
  raftmark load --targets 127.0.0.1:7001 -r max -c 64 --payload 1KiB --read-share 0.5
  raftmark load --targets 127.0.0.1:7001 --steps 1000/s:10s,2000/s:10s,4000/s:10s
  raftmark load --targets 127.0.0.1:7001 --ramp 100/s..5000/s -d 30s --spacing poisson --payload 64B..4KiB
  raftmark load --targets 127.0.0.1:7001 --workload ycsb-a -r 2000/s
  raftmark load --targets 127.0.0.1:7001 --verify --history history.csv.gz`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(fmt.Errorf("argument %q: want none; addresses go to --targets", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd.Flags().Changed)
		},
	}
	f.bind(cmd)
	return cmd
}

func (f *loadFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.targets, "targets", nil, "client addresses, host:port, comma separated (required)")
	flags.IntVar(&f.conns, "conns", 4, "connections to each node")
	flags.DurationVar(&f.connect, "connect-timeout", 5*time.Second, "how long to wait for a leader at the start")
	flags.VarP(&f.rate, "rate", "r", "offered load, such as 5000/s; max is --closed")
	flags.DurationVarP(&f.load.Duration, "duration", "d", 10*time.Second, "measured phase; 0 is until interrupted")
	flags.DurationVarP(&f.load.Warmup, "warmup", "w", 2*time.Second, "before it, not measured")
	flags.BoolVar(&f.load.Closed, "closed", false, "closed loop: clients that wait (service time)")
	flags.IntVarP(&f.load.Clients, "clients", "c", 64, "clients of the closed loop")
	flags.StringVar(&f.schedule, "schedule", string(loadgen.ScheduleConst), "const, poisson, step or ramp")
	flags.StringVar(&f.steps, "steps", "", "rates of --schedule step, such as 1000/s:10s,2000/s:10s")
	flags.StringVar(&f.ramp, "ramp", "", "of --schedule ramp, over --duration, such as 100/s..5000/s")
	flags.StringVar(&f.spacing, "spacing", string(loadgen.ScheduleConst), "within steps and ramps: const or poisson")
	flags.IntVar(&f.load.InflightMax, "max-inflight", 1<<16,
		"operations under way at most, above they are shed; by default fewer when values could be over 2GiB in sum")
	flags.DurationVar(&f.load.Timeout, "timeout", 10*time.Second, "from the intended start to giving up")
	flags.Uint64Var(&f.load.Seed, "seed", 0, "of schedule, keys and values; 0 is a new one, printed")
	flags.StringVar(&f.workload, "workload", "", "what the operations do: a preset such as ycsb-a, or a YAML file")
	flags.StringVar(&f.payload, "payload", "128B",
		"length of written values: 128B, 64B..4KiB, lognormal(256B,1.2,64KiB) or 128B:9,4KiB:1")
	flags.IntVar(&f.load.Workload.Keys, "keys", 10_000, "number of keys")
	flags.StringVar(&f.keyDist, "key-dist", string(loadgen.KeysUniform), "uniform, zipfian, sequential or latest")
	flags.Float64Var(&f.load.Workload.HotShare, "hot-share", 0, "share of operations that go to one key, 0 to 1")
	flags.Float64Var(&f.load.Workload.ReadShare, "read-share", 0, "share of reads, 0 to 1")
	flags.StringVar(&f.mix, "mix", "", "shares of the operations instead, such as get=0.5,set=0.3,incr=0.1,cas=0.1")
	flags.BoolVar(&f.load.Workload.Preload, "preload", false, "write every key once before the warm-up")
	flags.StringVar(&f.filler, "filler", string(loadgen.FillerRandom), "content of values: random, text or constant")
	flags.StringVar(&f.history, "history", "", "write every operation to this file, for raftmark check")
	flags.BoolVar(&f.verify, "verify", false, "read everything back at the end; exit 6 when a write is lost")
	flags.StringVar(&f.progress, "progress", "auto", "auto, plain or json")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	flags.BoolVar(&f.json, "json", false, "the summary as JSON")
}

// options turns the flags into checked options.
func (f *loadFlags) options(changed func(string) bool) (loadgen.Options, resp.Options, error) {
	load := f.load
	load.Clock = clock.New()
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	faults = append(faults, f.applySchedule(&load, changed), f.applyWorkload(&load.Workload, changed))
	fault(load.Closed && changed("rate") && !f.rate.Max, "--closed with --rate %v: want one of them", f.rate)
	fault(changed("clients") && !load.Closed && !f.rate.Max, "--clients = %d in an open loop: want --closed", load.Clients)
	for name, zero := range map[string]bool{ // zero would be taken for the default
		"clients": load.Clients == 0, "max-inflight": load.InflightMax == 0, "timeout": load.Timeout == 0,
		"keys": load.Workload.Keys == 0 && changed("keys"), "conns": f.conns == 0,
	} {
		fault(zero, "--%s = 0: want above 0", name)
	}
	fault(f.progress != "auto" && f.progress != "plain" && f.progress != "json",
		"--progress = %q: want auto, plain or json", f.progress)
	fault(f.connect <= 0, "--connect-timeout = %v: want above 0", f.connect)
	load.Closed = load.Closed || f.rate.Max
	if load.Seed == 0 {
		load.Seed = uint64(load.Clock.Now())
	}
	if !changed("max-inflight") {
		load.InflightMax = 0 // what the longest value allows
	}
	load = load.WithDefaults()
	target := resp.Options{Addrs: f.targets, Conns: f.conns, Clock: load.Clock}.WithDefaults()
	fault(len(f.targets) == 0, "--targets: none given, want host:port,...")
	faults = append(faults, flagNames(load.Validate()))
	if len(f.targets) > 0 {
		faults = append(faults, target.Validate())
	}
	return load, target, errors.Join(faults...)
}

// loadRun is one run of raftmark load.
type loadRun struct {
	flags      *loadFlags
	clock      clock.Clock
	opts       loadgen.Options
	target     *resp.Target
	generator  *loadgen.Generator
	histograms *loadgen.Histograms
	steps      *loadgen.StepStats // nil without steps
	trace      *loadgen.Trace     // nil when neither --history nor --verify
	report     loadReport
}

func (f *loadFlags) run(ctx context.Context, stdout, stderr io.Writer, changed func(string) bool) error {
	opts, targetOpts, err := f.options(changed)
	if err != nil {
		return usageError(oneLine(err))
	}
	r := &loadRun{flags: f, clock: opts.Clock, opts: opts, histograms: loadgen.NewHistograms()}
	if r.target, err = resp.New(targetOpts); err != nil {
		return usageError(oneLine(err))
	}
	defer func() { _ = r.target.Close() }() // it has nothing to lose
	if err := r.connect(ctx); err != nil {
		return err
	}
	if r.generator, err = loadgen.New(opts, r.target, r.recorder()); err != nil {
		return usageError(oneLine(err))
	}
	stop := startLoadProgress(f, r.generator, r.target, stderr)
	cpu := processCPU()
	err = r.generator.Run(ctx)
	cpu = processCPU() - cpu
	stop()
	interrupted := errors.Is(err, context.Canceled)
	if err != nil && !interrupted {
		return fmt.Errorf("offer load: %w", err)
	}
	r.report = newLoadReport(r, interrupted, cpu)
	if err := r.keep(ctx, interrupted); err != nil {
		return err
	}
	if err := r.report.print(stdout, f.json); err != nil {
		return err
	}
	return r.report.exit()
}

// recorder keeps what the flags ask for.
func (r *loadRun) recorder() loadgen.Recorder {
	recorders := []loadgen.Recorder{r.histograms}
	if r.flags.history != "" || r.flags.verify {
		r.trace = loadgen.NewTrace(r.opts.Seed, 0)
		recorders = append(recorders, r.trace)
	}
	if len(r.opts.Steps) > 0 {
		r.steps = loadgen.NewStepStats(r.opts.Steps)
		recorders = append(recorders, r.steps)
	}
	return loadgen.Tee(recorders...)
}

func (r *loadRun) connect(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, r.flags.connect)
	defer cancel()
	err := r.target.WaitReady(wait)
	if ctx.Err() != nil {
		return exitError{code: exitInterrupted, err: errors.New("interrupted before the load began")}
	}
	if err != nil {
		return oneLine(fmt.Errorf("--targets %s within --connect-timeout %v: %w",
			strings.Join(r.flags.targets, ","), r.flags.connect, err))
	}
	return nil
}

// keep verifies and writes the history, as far as that was asked for.
func (r *loadRun) keep(ctx context.Context, interrupted bool) error {
	if r.trace == nil {
		return nil
	}
	history := check.FromTrace(r.trace, r.opts.Workload)
	if r.flags.verify && !interrupted {
		if r.opts.Duration == 0 {
			ctx = context.WithoutCancel(ctx) // the interrupt ended the load, not the check
		}
		reads := loadgen.NewTrace(r.opts.Seed, 0)
		first := uint64(r.generator.Counters().Offered)
		err := loadgen.ReadBack(ctx, r.target, history.WrittenKeys(), first, verifyTimeout, r.clock, reads)
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("read back: %w", err)
		}
		r.report.Interrupted = err != nil // what was not read back is unknown because of that
		history.AddFinal(reads, r.opts.Workload)
		lost := check.LostWrites(history)
		r.report.Verified = &lost
	}
	if r.flags.history != "" {
		return history.WriteFile(r.flags.history)
	}
	return nil
}

// oneLine joins the lines of a joined error.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}
