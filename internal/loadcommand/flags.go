package loadcommand

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/units"
)

// loadFlags is the command line.
type loadFlags struct {
	to       Destination
	addrs    []string
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

	opts  loadgen.Options // checked
	reach Reach
}

func (f *loadFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.addrs, f.to.AddressFlag, nil, f.to.AddressUsage)
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
	if f.to.Bind != nil {
		f.to.Bind(cmd)
	}
}

// check finds every fault of the flags, and keeps what they mean for run.
func (f *loadFlags) check(changed func(string) bool) error {
	var err error
	f.opts, f.reach, err = f.options(changed)
	if err != nil {
		return exit.Usage(oneLine(err))
	}
	return nil
}

// options turns the flags into checked options.
func (f *loadFlags) options(changed func(string) bool) (loadgen.Options, Reach, error) {
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
	reach := Reach{Addrs: f.addrs, Conns: f.conns, Clock: load.Clock}
	fault(len(f.addrs) == 0, "--%s: none given, want host:port,...", f.to.AddressFlag)
	faults = append(faults, flagNames(load.Validate()))
	faults = append(faults, f.to.Check(reach, load))
	return load, reach, errors.Join(faults...)
}
