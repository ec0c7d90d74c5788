package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft/chronicle"
	"github.com/raftmark/raftmark/raft/rafttest"
	"github.com/raftmark/raftmark/raft/sim"
	"github.com/raftmark/raftmark/reports"
	"github.com/raftmark/raftmark/reports/plot"
)

// traceFlags are the flags of raftmark trace.
type traceFlags struct {
	reports.TraceOptions
	seed              uint64
	seconds           float64
	script            string
	from, to          time.Duration
	messages          int
	without, only     string
	out               string
	hasSeed, hasTrial bool
}

func newTraceCommand() *cobra.Command {
	var f traceFlags
	cmd := &cobra.Command{
		Use:   "trace [DIR]",
		Short: "Draw what the nodes did: a trial of a stored result, a simulated cluster, or a script",
		Long: `Draw a space-time diagram: a line a node, time downward, terms as colours, roles as widths, faults, elections,
first commits and answers as marks, and messages as arrows where the source knows them.

  raftmark trace DIR                 the median and the worst trial of each fault of a stored result
  raftmark trace DIR --trial 7       one trial; --kind and --arm choose among several
  raftmark trace --seed 42           the longest failover of a simulated cluster; --from and --to choose another time
  raftmark trace --script FILE       a script of raft/testdata

Each is written as SVG, PNG and CSV. Nodes of a stored result record what they were and not each message, so that their
diagrams have no arrows.

Exit codes: 0 written; 1 a file could not be written; 2 usage, no such trial, or DIR or FILE cannot be used;
6 the simulated cluster or the script broke an invariant, which is drawn all the same.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.hasSeed, f.hasTrial = cmd.Flags().Changed("seed"), cmd.Flags().Changed("trial")
			if err := f.validate(args); err != nil {
				return exit.Usage(err)
			}
			return f.run(cmd, args)
		},
	}
	cmd.Flags().IntVar(&f.Trial, "trial", 0,
		"number of a trial within its arm and kind (default: the median and the worst)")
	cmd.Flags().StringVar(&f.Kind, "kind", "", "kind of the fault (default: all; with --trial the first that has it)")
	cmd.Flags().StringVar(&f.Arm, "arm", "", "arm (default: all; with --trial the first that has it)")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "draw the simulated cluster of this seed")
	cmd.Flags().Float64Var(&f.seconds, "seconds", 60, "with --seed: virtual time of the trouble, as in raftmark sim")
	cmd.Flags().StringVar(&f.without, "without", "", "with --seed: classes of trouble to leave out, with commas")
	cmd.Flags().StringVar(&f.only, "only", "", "with --seed: the only classes of trouble, with commas")
	cmd.Flags().StringVar(&f.script, "script", "", "draw this script")
	cmd.Flags().DurationVar(&f.from, "from", 0,
		"with --seed: begin of the picture (default: its longest failover below 600 ms)")
	cmd.Flags().DurationVar(&f.to, "to", 0, "with --seed: end of the picture")
	cmd.Flags().IntVar(&f.messages, "messages", 160,
		"with --seed: most messages to draw; beyond it heartbeats are left out, then entries")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "folder for the files (default: DIR/trace, else the current one)")
	return cmd
}

// validate refuses what would not be looked at.
func (f *traceFlags) validate(args []string) error {
	sources := len(args)
	for _, is := range []bool{f.hasSeed, f.script != ""} {
		if is {
			sources++
		}
	}
	var errs []error
	if sources != 1 {
		errs = append(errs, errors.New("trace: want one of a result directory, --seed and --script"))
	}
	if f.hasTrial && f.Trial < 1 {
		errs = append(errs, fmt.Errorf("--trial = %d: want at least 1", f.Trial))
	}
	if len(args) == 0 && f.TraceOptions != (reports.TraceOptions{}) {
		errs = append(errs, errors.New("--trial, --kind, --arm: want a result directory with them"))
	}
	if !f.hasSeed && (f.from != 0 || f.to != 0 || f.without != "" || f.only != "") {
		errs = append(errs, errors.New("--from, --to, --without, --only: want --seed with them"))
	}
	if f.from < 0 || f.to < 0 || f.to != 0 && f.to <= f.from {
		errs = append(errs, fmt.Errorf("--from = %v, --to = %v: want 0 <= from < to", f.from, f.to))
	}
	if f.messages < 1 {
		errs = append(errs, fmt.Errorf("--messages = %d: want at least 1", f.messages))
	}
	return errors.Join(errs...)
}

func (f *traceFlags) run(cmd *cobra.Command, args []string) error {
	out := f.out
	var figures []plot.Figure
	var breach error
	var err error
	switch {
	case len(args) == 1:
		if out == "" {
			out = filepath.Join(args[0], "trace")
		}
		if figures, err = reports.TraceTrials(args[0], f.TraceOptions); errors.Is(err, reports.ErrResult) {
			return exit.Usage(err)
		}
	case f.hasSeed:
		figures, breach, err = f.seedFigures()
	default:
		figures, breach, err = f.scriptFigures()
	}
	if err != nil {
		return err
	}
	if out == "" {
		out = "."
	}
	if err := plot.Write(out, figures); err != nil {
		return fmt.Errorf("write the diagram: %w", err)
	}
	for _, figure := range figures {
		cmd.Printf("%s\n  %s.svg (.png, .csv)\n", figure.Title, filepath.Join(out, figure.Name))
	}
	if breach != nil {
		return exit.Error{Code: exit.Unsafe, Err: breach}
	}
	return nil
}

// seedFigures makes the run of a seed and draws a part of it.
func (f *traceFlags) seedFigures() ([]plot.Figure, error, error) {
	o := sim.Options{Seed: f.seed, Duration: time.Duration(f.seconds * float64(time.Second)),
		Chronicle: &chronicle.Recorder{}}
	var errWithout, errOnly error
	o.Without, errWithout = sim.ParseClasses(f.without)
	o.Only, errOnly = sim.ParseClasses(f.only)
	if err := errors.Join(errWithout, errOnly, o.WithDefaults().Validate()); err != nil {
		return nil, nil, exit.Usage(err)
	}
	r, err := sim.Run(o)
	if err != nil {
		return nil, nil, err
	}
	d, err := drawnSeed(o.Chronicle.Record(), f)
	if err != nil {
		return nil, nil, exit.Usage(err)
	}
	var breach error
	if r.Violation != nil {
		breach = r.Violation
	}
	return []plot.Figure{plot.SpaceTimeDiagram(d)}, breach, nil
}

// scriptFigures runs a script and draws all of it.
func (f *traceFlags) scriptFigures() ([]plot.Figure, error, error) {
	file, err := os.Open(f.script)
	if err != nil {
		return nil, nil, exit.Usage(err)
	}
	defer func() { _ = file.Close() }()
	script := rafttest.Script{Chronicle: &chronicle.Recorder{}}
	err = rafttest.RunScript(&script, file)
	record := script.Chronicle.Record()
	if len(record.Rows) == 0 {
		return nil, nil, exit.Usage(fmt.Errorf("%s: nothing to draw: %w", f.script,
			errors.Join(err, errors.New("no line of it does anything"))))
	}
	name := strings.TrimSuffix(filepath.Base(f.script), filepath.Ext(f.script))
	return []plot.Figure{plot.SpaceTimeDiagram(drawnScript(name, record))}, err, nil
}
