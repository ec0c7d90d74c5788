package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/calibrate"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/clock"
)

// dataDir is where the nodes' data folders are, within the result directory, while runs need them.
const dataDir = "data"

// Options say what to run and where to keep it.
type Options struct {
	// Scenario is the experiment; it must be valid.
	Scenario Scenario
	// Dir is the result directory: new, or empty. Required.
	Dir string
	// Executable is the program that is started as a node, with "node" as its first argument. Default: this one.
	Executable string
	// Command is noted in the manifest: how to repeat the experiment. Default: os.Args.
	Command []string
	// Labels are noted in the manifest.
	Labels map[string]string
	// Report takes an update once a second and at each note; one call at a time. Nil: nobody is told.
	Report func(Update)
	// Systems can be measured beside ours and the floor, with placement inproc.
	Systems []Candidate
	// CalibrateEach is the time for each of the calibrations. Default 800 ms.
	CalibrateEach time.Duration
}

// WithDefaults returns a copy with every zero field at its default.
func (o Options) WithDefaults() (Options, error) {
	if o.Executable == "" {
		path, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("find this program: %w", err)
		}
		o.Executable = path
	}
	if o.Command == nil {
		o.Command = os.Args
	}
	if o.CalibrateEach == 0 {
		o.CalibrateEach = calibrateEachDefault
	}
	return o, nil
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	var faults []error
	if o.Dir == "" {
		faults = append(faults, &FieldError{Field: "Dir", Value: `""`, Bound: "the result directory"})
	}
	return errors.Join(append(faults, o.Scenario.Validate(o.others()...))...)
}

// others returns the names of the systems that were given.
func (o Options) others() []string {
	var names []string
	for _, c := range o.Systems {
		names = append(names, c.Name)
	}
	return names
}

// Outcome is what an experiment left behind.
type Outcome struct {
	Dir         string
	Summary     result.Summary
	Interrupted bool
	// DataDir holds the nodes' data folders, kept because something went wrong; "" when they were removed.
	DataDir string
}

// Run runs the experiment and writes its result directory. When ctx ends, or when something fails, everything is
// stopped, what was measured until then is written and marked, and the data of the nodes is kept. The error is what
// failed; an interruption is none.
func Run(ctx context.Context, opts Options) (Outcome, error) {
	opts, err := opts.WithDefaults()
	if err != nil {
		return Outcome{}, err
	}
	if err := opts.Validate(); err != nil {
		return Outcome{}, fmt.Errorf("bench options: %w", err)
	}
	e, err := newExperiment(opts)
	if err != nil {
		return Outcome{}, err
	}
	err = e.measure(ctx)
	interrupted := ctx.Err() != nil
	if interrupted {
		err = nil // what broke off because of it is no failure
	}
	outcome, finishErr := e.finish(interrupted, err)
	return outcome, errors.Join(err, finishErr)
}

// experiment is a scenario under way.
type experiment struct {
	opts     Options
	clock    clock.Clock
	writer   *result.Writer
	ops      *result.OpsWriter
	hlog     *result.IntervalsWriter
	arms     []*armRecord
	progress *progress
	manifest result.Manifest
	cpu      cpuTimes

	calibration result.Calibration
}

func newExperiment(opts Options) (*experiment, error) {
	arms, err := Arms(opts.Scenario, opts.others()...)
	if err != nil {
		return nil, err
	}
	e := &experiment{opts: opts, clock: clock.New(), cpu: readCPU()}
	for _, arm := range arms {
		e.arms = append(e.arms, newArmRecord(arm))
	}
	if e.writer, err = result.Create(opts.Dir); err != nil {
		return nil, err
	}
	text, err := MarshalScenario(opts.Scenario)
	if err != nil {
		return nil, err
	}
	if err := e.writer.WriteScenario(text); err != nil {
		return nil, err
	}
	version, commit, dirty := buildVersion()
	e.manifest = result.Manifest{
		Name: opts.Scenario.Name, Started: time.Now().UTC(), Command: opts.Command, Seed: opts.Scenario.Seed,
		Version: version, Commit: commit, Dirty: dirty, Labels: opts.Labels,
		Environment: environment(opts.Dir, opts.Scenario.Placement),
	}
	e.stampDurability()
	if err := e.writer.WriteManifest(e.manifest); err != nil {
		return nil, err
	}
	if e.ops, err = e.writer.NewOpsWriter(); err != nil {
		return nil, err
	}
	e.hlog, err = e.writer.NewIntervalsWriter()
	return e, err
}

// measure calibrates and goes through the runs of all arms.
func (e *experiment) measure(ctx context.Context) error {
	slots := order(len(e.arms), e.opts.Scenario.Runs)
	runs := len(slots)
	if e.opts.Scenario.Exchange != nil {
		runs = e.opts.Scenario.Runs // each is one of all arms
	}
	e.progress = startProgress(e.opts.Report, e.opts.Scenario.Planned(), runs)
	defer e.progress.stop()
	data := filepath.Join(e.opts.Dir, dataDir)
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	e.progress.phase("calibrate", 0, 0)
	calibration, err := calibrate.Run(ctx, calibrate.Options{
		Dir: data, Each: e.opts.CalibrateEach, Transports: transportsOf(e.arms),
	})
	if err != nil {
		return err
	}
	e.calibration = calibration
	e.manifest.Storage = calibration.Storage.Verdict
	if err := e.writer.WriteCalibration(calibration); err != nil {
		return err
	}
	if e.opts.Scenario.Exchange != nil {
		return e.measureExchange(ctx)
	}
	for _, slot := range slots {
		if err := ctx.Err(); err != nil {
			return err
		}
		arm := e.arms[slot.arm]
		started := time.Now()
		e.progress.beginRun(arm.name)
		if err := e.run(ctx, arm, slot.run); err != nil {
			return fmt.Errorf("run %d of %s: %w", slot.run, arm.name, err)
		}
		e.progress.endRun(time.Since(started))
	}
	return nil
}

// run runs one arm once, and records what there is also when it failed. The data folder goes when all is well.
func (e *experiment) run(ctx context.Context, arm *armRecord, number int) error {
	dir := filepath.Join(e.opts.Dir, dataDir, fmt.Sprintf("run%d-%s", number, fileName(arm.name)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the run's data folder: %w", err)
	}
	if arm.scenario.Closed != nil {
		if err := e.runInproc(ctx, arm, number, dir); err != nil {
			return err
		}
		return removeData(dir)
	}
	r := newRun(arm.scenario, number, e.clock, e.progress)
	err := r.execute(ctx, func(ctx context.Context) (system, error) {
		return startProcesses(ctx, e.opts.Executable, dir, arm.scenario, e.clock)
	})
	if recordErr := errors.Join(arm.record(r, e.ops), arm.writeIntervals(r, e.hlog),
		arm.writeHistories(r, e.writer)); recordErr != nil {
		return errors.Join(err, recordErr)
	}
	if err != nil || len(r.unsafe) > 0 {
		return err
	}
	return removeData(dir)
}

func removeData(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the run's data folder: %w", err)
	}
	return nil
}

// fileName returns an arm's name as part of a file name.
func fileName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
			return c
		case c == '=':
			return '-'
		default:
			return '_'
		}
	}, name)
}
