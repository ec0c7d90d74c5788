package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft/chronicle"
)

// Options say which run to make. Everything else of it is drawn from the seed.
type Options struct {
	// Seed is where all chance comes from. Any value; runs with the same options are the same.
	Seed uint64
	// Duration is the virtual time of the part with trouble. More: more happens in one run. Default 60 s.
	Duration time.Duration
	// Without takes classes away from those that the seed has drawn. Default none.
	Without Class
	// Only, when not 0, takes all others away. Default 0.
	Only Class
	// Trace takes a line for everything that happens, in order. It costs a factor of ten. Default nil.
	Trace func(string)
	// Chronicle, when not nil, keeps who was what when and which message arrived when, for a diagram. Default nil.
	Chronicle *chronicle.Recorder
}

// Bounds of Options.
const (
	durationDefault = 60 * time.Second
	durationMin     = 100 * time.Millisecond
	durationMax     = 24 * time.Hour
)

// WithDefaults returns a copy with every zero field set to its default.
func (o Options) WithDefaults() Options {
	if o.Duration == 0 {
		o.Duration = durationDefault
	}
	return o
}

// Validate returns all faults of o, which has its defaults, or nil.
func (o Options) Validate() error {
	var errs []error
	if o.Duration < durationMin || o.Duration > durationMax {
		errs = append(errs, fmt.Errorf("sim.Duration: %v, need %v to %v", o.Duration, durationMin, durationMax))
	}
	if o.Without&^classesAll != 0 || o.Only&^classesAll != 0 {
		errs = append(errs, fmt.Errorf("sim.Without, sim.Only: %#x, %#x, need classes", o.Without, o.Only))
	}
	return errors.Join(errs...)
}

// Command returns the command that repeats the run.
func (o Options) Command() string {
	s := fmt.Sprintf("go run ./cmd/raftmark sim --seed %d --seconds %g", o.Seed, o.Duration.Seconds())
	if o.Without != 0 {
		s += " --without " + o.Without.String()
	}
	if o.Only != 0 {
		s += " --only " + o.Only.String()
	}
	return s + " --trace"
}

// WriteText writes the options as the text of a regression file, after a comment.
func (o Options) WriteText(w io.Writer, comment string) error {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(comment), "\n") {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	fmt.Fprintf(&b, "seed %d\nseconds %g\n", o.Seed, o.Duration.Seconds())
	if o.Without != 0 {
		fmt.Fprintf(&b, "without %v\n", o.Without)
	}
	if o.Only != 0 {
		fmt.Fprintf(&b, "only %v\n", o.Only)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ReadOptions reads what WriteText wrote.
func ReadOptions(r io.Reader) (Options, error) {
	var o Options
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		var err error
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case name == "seed":
			o.Seed, err = strconv.ParseUint(value, 10, 64)
		case name == "seconds":
			var seconds float64
			seconds, err = strconv.ParseFloat(value, 64)
			o.Duration = time.Duration(seconds * float64(time.Second))
		case name == "without":
			o.Without, err = ParseClasses(value)
		case name == "only":
			o.Only, err = ParseClasses(value)
		default:
			err = errors.New("want seed, seconds, without or only")
		}
		if err != nil {
			return Options{}, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
	}
	return o, lines.Err()
}
