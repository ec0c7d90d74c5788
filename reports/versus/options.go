package versus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// Options of a comparison.
type Options struct {
	// Floor is another result of what BASE is a result of; nil: the noise floor is not known.
	Floor *result.Result
	// Threshold is the relative difference that does not matter, such as 0.05. Default 0: any that is resolved does.
	Threshold float64
	// Anyway compares what was measured under other conditions.
	Anyway bool
}

// Validate returns all faults of o.
func (o Options) Validate() error {
	if !(o.Threshold >= 0 && o.Threshold < 1) {
		return fmt.Errorf("threshold = %v: want 0 or more, and below 1", o.Threshold)
	}
	return nil
}

// Limit is the regression that is allowed, of one metric or of all.
type Limit struct {
	Metric string // "" is all
	Most   float64
}

// ParseLimit reads "10%" or "response p99=10%".
func ParseLimit(text string) (Limit, error) {
	metric, share, named := strings.Cut(text, "=")
	if !named {
		metric, share = "", text
	}
	number, percent := strings.CutSuffix(strings.TrimSpace(share), "%")
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !percent || value < 0 || value > 1000 {
		return Limit{}, fmt.Errorf("maximal regression %q: want a share like 10%% or \"response p99=10%%\", 0%% to 1000%%",
			text)
	}
	return Limit{Metric: strings.TrimSpace(metric), Most: value / 100}, nil
}

// ErrNoSuchMetric is wrapped by the error of a limit of a metric that was not compared.
var ErrNoSuchMetric = errors.New("no such metric was compared")
