package loadcommand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/loadgen"
)

// verifyTimeout is how long one read of --verify may take: an election and some.
const verifyTimeout = 10 * time.Second

// loadRun is one run of the command.
type loadRun struct {
	flags      *loadFlags
	clock      clock.Clock
	opts       loadgen.Options
	target     Target
	generator  *loadgen.Generator
	histograms *loadgen.Histograms
	steps      *loadgen.StepStats // nil without steps
	trace      *loadgen.Trace     // nil when neither --history nor --verify
	report     Report
}

func (f *loadFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	var err error
	r := &loadRun{flags: f, clock: f.opts.Clock, opts: f.opts, histograms: loadgen.NewHistograms()}
	if r.target, err = f.to.Open(f.reach); err != nil {
		return exit.Usage(oneLine(err))
	}
	defer func() { _ = r.target.Close() }() // it has nothing to lose
	if err := r.connect(ctx); err != nil {
		return err
	}
	if r.generator, err = loadgen.New(f.opts, r.target, r.recorder()); err != nil {
		return exit.Usage(oneLine(err))
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
	r.report = newReport(r, interrupted, cpu)
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
		return exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted before the load began")}
	}
	if err != nil {
		return oneLine(fmt.Errorf("--%s %s within --connect-timeout %v: %w",
			r.flags.to.AddressFlag, strings.Join(r.flags.addrs, ","), r.flags.connect, err))
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
