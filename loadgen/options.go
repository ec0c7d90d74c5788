package loadgen

import (
	"errors"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
)

// Bounds of the options.
const (
	RateMax        = 10_000_000
	ClientsMax     = 1 << 16
	InflightMax    = 1 << 20
	InflightBytes  = 2 << 30 // in-flight operations times payload
	TimeoutMax     = 10 * time.Minute
	PayloadMax     = 64 << 20
	KeysMax        = 1_000_000_000
	KeyPrefixBytes = 64
	StepsMax       = 256
)

// Options says how much load of which kind. The zero value is 1,000 writes a second until the context ends.
type Options struct {
	// Rate is the offered load of the open loop, operations a second; where ScheduleRamp begins. Default 1000. Not for
	// ScheduleStep.
	Rate float64
	// Schedule spaces the operations of the open loop. Default ScheduleConst.
	Schedule ScheduleKind
	// Steps are the rates of ScheduleStep, at most StepsMax. The warm-up has the first one.
	Steps []Step `json:",omitempty"`
	// RampTo is the rate that ScheduleRamp reaches at the end of Duration. The warm-up has the rate it begins with.
	RampTo float64 `json:",omitempty"`
	// Spacing is the law within steps and ramps, ScheduleConst or SchedulePoisson. Default ScheduleConst.
	Spacing ScheduleKind `json:",omitempty"`
	// Closed replaces the open loop: Clients workers, each waiting for its operation before the next. What it measures
	// is service time; it hides waiting (rule R1).
	Closed bool
	// Clients is the number of workers of the closed loop. More gives more throughput until the target saturates, then
	// only more latency. Default 64.
	Clients int
	// Duration is the length of the measured phase. 0 is until the context ends; with ScheduleStep it is the sum of the
	// steps, and with ScheduleRamp it is required.
	Duration time.Duration
	// Warmup precedes the measured phase; its operations are recorded but are outside the window. 0 is none.
	Warmup time.Duration
	// InflightMax caps the operations under way in the open loop; one that is due while the cap is reached is shed and
	// counted. Raising it costs memory (payload and about 200 B each). Default 65536, or as many of the longest payload
	// as InflightBytes allows when those are fewer.
	InflightMax int
	// Timeout is how long after its intended start an operation is given up. Default 10 s.
	Timeout time.Duration
	// Drain is how long Run waits at the end for operations under way before it closes the target. Default Timeout + 1
	// s, which lets every operation reach its own deadline.
	Drain time.Duration
	// Seed decides the schedule, the keys and the values. Default 1.
	Seed uint64
	// Workload is what the operations do.
	Workload Workload
	// Clock is the run's clock. Default: a new one of this machine.
	Clock clock.Clock `json:"-"`
}

// WithDefaults returns a copy with every zero field at its default.
func (o Options) WithDefaults() Options {
	o.Schedule = orDefault(o.Schedule, ScheduleConst)
	if o.Schedule == ScheduleStep {
		o.Duration = orDefault(o.Duration, total(o.Steps))
	} else {
		o.Rate = orDefault(o.Rate, 1000)
	}
	if o.Schedule == ScheduleStep || o.Schedule == ScheduleRamp {
		o.Spacing = orDefault(o.Spacing, ScheduleConst)
	}
	o.Clients = orDefault(o.Clients, 64)
	o.Timeout = orDefault(o.Timeout, 10*time.Second)
	o.Drain = orDefault(o.Drain, o.Timeout+time.Second)
	o.Seed = orDefault(o.Seed, 1)
	o.Workload = o.Workload.withDefaults(o.Seed)
	o.InflightMax = orDefault(o.InflightMax, inflightPreset(o.Workload.PayloadMax()))
	if o.Clock == (clock.Clock{}) {
		o.Clock = clock.New()
	}
	return o
}

// inflightPreset returns the default of Options.InflightMax for values of up to that length.
func inflightPreset(payload int) int {
	return min(1<<16, max(1, InflightBytes/max(1, payload)))
}

func orDefault[T comparable](value, preset T) T {
	var zero T
	if value == zero {
		return preset
	}
	return value
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	faults = append(faults, o.validateSchedule())
	fault(o.Clients > 0 && o.Clients <= ClientsMax,
		"Clients = %d: want 1 to %d", o.Clients, ClientsMax)
	fault(o.Duration >= 0, "Duration = %v: want 0 (until stopped) or more", o.Duration)
	fault(o.Warmup >= 0, "Warmup = %v: want 0 or more", o.Warmup)
	fault(o.InflightMax > 0 && o.InflightMax <= InflightMax,
		"InflightMax = %d: want 1 to %d", o.InflightMax, InflightMax)
	fault(o.Timeout > 0 && o.Timeout <= TimeoutMax,
		"Timeout = %v: want above 0 and at most %v", o.Timeout, TimeoutMax)
	fault(o.Drain > 0, "Drain = %v: want above 0", o.Drain)
	under := o.InflightMax
	if o.Closed {
		under = o.Clients
	}
	fault(int64(under)*int64(o.Workload.PayloadMax()) <= InflightBytes,
		"InflightMax (Clients when closed) × PayloadBytes = %d × %d: want at most %d bytes",
		under, o.Workload.PayloadMax(), InflightBytes)
	return errors.Join(append(faults, o.Workload.validate())...)
}
