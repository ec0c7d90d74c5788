package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// CampaignOptions say how many runs to make.
type CampaignOptions struct {
	// From is the seed of the first run; the others follow it. Default 1.
	From uint64
	// Seeds is how many runs to make. More: rarer schedules are met. Default 100.
	Seeds int
	// Parallel is how many run at a time, each on one goroutine. Default one a processor.
	Parallel int
	// Run is what all runs have in common; its Seed, Trace and Chronicle are not looked at.
	Run Options
	// Progress is called after each run, one call at a time, with what was counted so far. Default nil.
	Progress func(done int, sum *Coverage)
}

// Bounds and defaults of CampaignOptions.
const (
	seedsDefault = 100
	seedsMax     = 1 << 40
	parallelMax  = 1 << 10
)

// WithDefaults returns a copy with every zero field set to its default.
func (o CampaignOptions) WithDefaults() CampaignOptions {
	if o.From == 0 {
		o.From = 1
	}
	if o.Seeds == 0 {
		o.Seeds = seedsDefault
	}
	if o.Parallel == 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	o.Run = o.Run.WithDefaults()
	return o
}

// Validate returns all faults of o, which has its defaults, or nil.
func (o CampaignOptions) Validate() error {
	var errs []error
	if o.Seeds < 1 || o.Seeds > seedsMax {
		errs = append(errs, fmt.Errorf("sim.Seeds: %d, need 1 to %d", o.Seeds, seedsMax))
	}
	if o.Parallel < 1 || o.Parallel > parallelMax {
		errs = append(errs, fmt.Errorf("sim.Parallel: %d, need 1 to %d", o.Parallel, parallelMax))
	}
	return errors.Join(append(errs, o.Run.Validate())...)
}

// Summary is what came of many runs.
type Summary struct {
	Coverage Coverage
	Failures []Result // runs with a violation, in the order of their seeds
	Took     time.Duration
}

// failuresMax is how many runs with a violation a campaign waits for before it ends early.
const failuresMax = 3

// Campaign makes many runs, each by itself, some at a time. It ends early when the context does, with its error, or
// when enough runs have failed.
func Campaign(ctx context.Context, o CampaignOptions, now func() time.Time) (Summary, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return Summary{}, fmt.Errorf("configure the simulation: %w", err)
	}
	c := campaign{options: o}
	begun := now()
	var workers sync.WaitGroup
	for range min(o.Parallel, o.Seeds) {
		workers.Go(func() { c.work(ctx) })
	}
	workers.Wait()
	c.sum.Took = now().Sub(begun)
	slices.SortFunc(c.sum.Failures, func(a, b Result) int {
		if a.Options.Seed < b.Options.Seed {
			return -1
		}
		return 1
	})
	if c.err == nil && c.done < o.Seeds && len(c.sum.Failures) == 0 {
		c.err = ctx.Err()
	}
	return c.sum, c.err
}

// campaign is what the workers share.
type campaign struct {
	options CampaignOptions

	mu    sync.Mutex
	taken int
	done  int
	sum   Summary
	err   error
}

func (c *campaign) work(ctx context.Context) {
	for {
		o, more := c.take(ctx)
		if !more {
			return
		}
		result, err := Run(o)
		c.add(&result, err)
	}
}

func (c *campaign) take(ctx context.Context) (Options, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == c.options.Seeds || len(c.sum.Failures) >= failuresMax || c.err != nil || ctx.Err() != nil {
		return Options{}, false
	}
	o := c.options.Run
	o.Trace, o.Chronicle = nil, nil
	o.Seed = c.options.From + uint64(c.taken)
	c.taken++
	return o, true
}

func (c *campaign) add(r *Result, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
		return
	}
	c.done++
	c.sum.Coverage.Add(&r.Coverage)
	if r.Violation != nil {
		c.sum.Failures = append(c.sum.Failures, *r)
	}
	if c.options.Progress != nil {
		c.options.Progress(c.done, &c.sum.Coverage)
	}
}
