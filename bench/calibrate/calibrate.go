package calibrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/datasync"
	"github.com/raftmark/raftmark/loadgen"
)

// The durability classes of what is measured on a disk, as long as the nodes sync at all.
const (
	DurabilityFsync    = "fsync"
	DurabilityVolatile = "volatile"
)

// Options says where and how long to measure.
type Options struct {
	// Dir is the folder whose disk is measured; it must exist. Default: the current folder.
	Dir string
	// Each is the time for each of the measurements, and for the honesty probe. Default 1 s. Raised, the tails are known
	// better.
	Each time.Duration
	// Transports are those between nodes whose round trips are measured, each for Each or [TransportEachMax], whichever
	// is shorter. Default none.
	Transports []Transport
}

// WithDefaults returns a copy with every zero field at its default.
func (o Options) WithDefaults() Options {
	if o.Dir == "" {
		o.Dir = "."
	}
	if o.Each == 0 {
		o.Each = time.Second
	}
	return o
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	if o.Each < 10*time.Millisecond || o.Each > time.Minute {
		return fmt.Errorf("Each = %v: must be 10ms to 1m", o.Each)
	}
	return nil
}

// Run measures, one thing after the other. It leaves nothing behind.
func Run(ctx context.Context, opts Options) (result.Calibration, error) {
	opts = opts.WithDefaults()
	if err := opts.Validate(); err != nil {
		return result.Calibration{}, fmt.Errorf("calibration options: %w", err)
	}
	var c result.Calibration
	var fsync, rtt []time.Duration
	steps := []struct {
		name string
		run  func() error
	}{
		{"storage", func() (err error) { c.Storage, err = probeStorage(ctx, opts.Dir, opts.Each/2); return err }},
		{"fsync", func() (err error) {
			fsync, err = measureWrites(ctx, opts.Dir, fsyncBytes, opts.Each, datasync.File)
			return err
		}},
		{"round trip", func() (err error) { rtt, err = measureRoundTrip(ctx, opts.Each); return err }},
		{"transports", func() (err error) {
			c.Transports, err = measureTransports(ctx, opts.Dir, opts.Each, opts.Transports)
			return err
		}},
		{"timer", func() error { return measureTimer(ctx, opts.Each, &c) }},
		{"generator", func() (err error) { c.GeneratorMaxPerS, err = measureGenerator(ctx, opts.Each); return err }},
	}
	for _, step := range steps {
		if err := errors.Join(ctx.Err(), step.run()); err != nil {
			return result.Calibration{}, fmt.Errorf("calibrate %s: %w", step.name, err)
		}
	}
	c.FsyncUs, c.RTTUs = microseconds(fsync), microseconds(rtt)
	c.DurabilityClass = DurabilityFsync
	if !c.Storage.Stable() {
		c.DurabilityClass = DurabilityVolatile
	}
	return c, nil
}

// microseconds sums up a sample; values that it is too small for stay nil.
func microseconds(sample []time.Duration) result.Quantiles {
	q := result.Quantiles{N: len(sample)}
	if q.N == 0 {
		return q
	}
	sorted := slices.Sorted(slices.Values(sample))
	us := func(d time.Duration) *float64 {
		value := float64(d.Nanoseconds()) / 1000
		return &value
	}
	at := func(p float64) *float64 {
		if q.N < loadgen.MinimumSample(p) {
			return nil
		}
		return us(quantile(sorted, p))
	}
	q.Min, q.Max = us(sorted[0]), us(sorted[q.N-1])
	q.P50, q.P90, q.P95, q.P99, q.P999 = at(0.5), at(0.9), at(0.95), at(0.99), at(0.999)
	return q
}

// quantile returns the smallest value with a share of at least p at or below it. The sample must not be empty.
func quantile(sample []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(sample))
	rank := int(p * float64(len(sorted)))
	if float64(rank) < p*float64(len(sorted)) {
		rank++
	}
	return sorted[max(0, min(len(sorted), rank)-1)]
}
