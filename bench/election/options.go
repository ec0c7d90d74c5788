package election

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Options are what a study is made of. Zero fields mean their defaults.
type Options struct {
	// Seed is what everything is drawn from. Default 1.
	Seed uint64
	// Trials are the crashes of each arm. Default 1000, as in the paper: its p99 needs 368. Higher: narrower
	// intervals, and more time.
	Trials int
	// TrialsWithoutRandomness are those of the arm whose election timeouts are all the same. Default a tenth of Trials,
	// as in the paper: they are long.
	TrialsWithoutRandomness int
	// Hours are virtual hours of steady running of each arm that elections without need are counted in. Default 4.
	// Higher: narrower intervals of the rate, and more time.
	Hours int
	// HourLength is how long each of Hours is. Default 1 h. Shorter is for trying things out.
	HourLength time.Duration
	// Tick is the length of a core's tick in a trial: what election timeouts are rounded to. Default 100 µs. Lower:
	// closer to the paper's continuous timeouts; proportionally slower.
	Tick time.Duration
	// SteadyTick is the same for the hours of steady running. Default 1 ms.
	SteadyTick time.Duration
	// TrialMax ends a trial without a leader. Default 30 s: three times what the paper calls too long.
	TrialMax time.Duration
	// RatePerS is the load of the arms that have one, in proposals a second (Poisson). Default 1000.
	RatePerS float64
	// Model is what messages and disks take. Default [PaperModel].
	Model Model
	// Disturbance is what happens in steady running. Default [DefaultDisturbance].
	Disturbance Disturbance
	// Workers are the trials that run at a time. It changes no result. Default one a processor.
	Workers int
	// Report, when not nil, is called with how much of the work is done, from several goroutines.
	Report func(done, total int)
}

// Model is what messages and disks take: each time is uniform between its bounds. A vote takes two ways and two
// syncs: the candidate's and the voter's.
type Model struct {
	Name      string        `json:"name"`
	OneWayMin time.Duration `json:"one_way_min_ns"`
	OneWayMax time.Duration `json:"one_way_max_ns"`
	SyncMin   time.Duration `json:"sync_min_ns"`
	SyncMax   time.Duration `json:"sync_max_ns"`
	// RequestsEarly lets requests for votes leave before the candidate's own vote is durable, which the core does not
	// do: see "Differs from §5.2" there.
	RequestsEarly bool `json:"requests_early"`
}

// PaperModel spends 15 ms on a vote, nearly all of it on two syncs of a disk: the paper's cluster had a broadcast
// time of "roughly 15 ms", which it explains with what servers must store.
func PaperModel() Model {
	return Model{
		Name: "two syncs", OneWayMin: 400 * time.Microsecond, OneWayMax: 600 * time.Microsecond,
		SyncMin: 6 * time.Millisecond, SyncMax: 8 * time.Millisecond,
	}
}

// Models returns other ways to spend the same 15 ms, to see how much depends on what the paper does not say.
func Models() []Model {
	return []Model{
		{
			Name: "all network", OneWayMin: 7 * time.Millisecond, OneWayMax: 8 * time.Millisecond,
			SyncMin: time.Microsecond, SyncMax: time.Microsecond,
		},
		{
			Name: "uneven syncs", OneWayMin: 400 * time.Microsecond, OneWayMax: 600 * time.Microsecond,
			SyncMin: time.Millisecond, SyncMax: 13 * time.Millisecond,
		},
		{
			Name: "requests before the sync", OneWayMin: 400 * time.Microsecond, OneWayMax: 600 * time.Microsecond,
			SyncMin: 13 * time.Millisecond, SyncMax: 15 * time.Millisecond, RequestsEarly: true,
		},
	}
}

// Disturbance is what disturbs a cluster in which nothing fails. Pauses are those of a whole process: the scheduler, a
// collection, a migration of its machine.
type Disturbance struct {
	// PauseEvery is the mean time between pauses of one server (exponential); each lasts longer than d with a
	// probability of (PauseMin/d)^PauseShape (Pareto), and at most PauseMax.
	PauseEvery time.Duration `json:"pause_every_ns"`
	PauseMin   time.Duration `json:"pause_min_ns"`
	PauseMax   time.Duration `json:"pause_max_ns"`
	PauseShape float64       `json:"pause_shape"`
	// One in LossOneIn messages is lost and comes LossDelay later, with all that follow it on its lane: what TCP does with
	// a lone lost segment.
	LossOneIn int           `json:"loss_one_in"`
	LossDelay time.Duration `json:"loss_delay_ns"`
}

// DefaultDisturbance is a busy shared machine and a network that loses one message in 100 000.
func DefaultDisturbance() Disturbance {
	return Disturbance{
		PauseEvery: 5 * time.Second, PauseMin: time.Millisecond, PauseMax: 2 * time.Second, PauseShape: 1.2,
		LossOneIn: 100_000, LossDelay: 200 * time.Millisecond,
	}
}

// WithDefaults returns a copy with the zero fields set.
func (o Options) WithDefaults() Options {
	if o.Seed == 0 {
		o.Seed = 1
	}
	setDefault(&o.Trials, 1000)
	setDefault(&o.TrialsWithoutRandomness, max(1, o.Trials/10))
	setDefault(&o.Hours, 4)
	setDefault(&o.HourLength, time.Hour)
	setDefault(&o.Tick, 100*time.Microsecond)
	setDefault(&o.SteadyTick, time.Millisecond)
	setDefault(&o.TrialMax, 30*time.Second)
	if o.RatePerS == 0 {
		o.RatePerS = 1000
	}
	if o.Model == (Model{}) {
		o.Model = PaperModel()
	}
	if o.Disturbance == (Disturbance{}) {
		o.Disturbance = DefaultDisturbance()
	}
	setDefault(&o.Workers, runtime.GOMAXPROCS(0))
	return o
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Limits.
const (
	trialsMax = 1_000_000
	hoursMax  = 10_000
	// tickMax keeps the shortest arm's heartbeat interval, 6 ms, a whole number of ticks.
	tickMax = time.Millisecond
)

// Validate returns all faults of options whose defaults are set.
func (o Options) Validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(o.Trials >= 1 && o.Trials <= trialsMax, "Trials: %d; want 1 to %d", o.Trials, trialsMax)
	fault(o.TrialsWithoutRandomness >= 1 && o.TrialsWithoutRandomness <= trialsMax,
		"TrialsWithoutRandomness: %d; want 1 to %d", o.TrialsWithoutRandomness, trialsMax)
	fault(o.Hours >= 1 && o.Hours <= hoursMax, "Hours: %d; want 1 to %d", o.Hours, hoursMax)
	fault(o.HourLength >= time.Second && o.HourLength <= time.Hour, "HourLength: %v; want 1 s to 1 h", o.HourLength)
	for _, tick := range []struct {
		name string
		is   time.Duration
	}{{"Tick", o.Tick}, {"SteadyTick", o.SteadyTick}} {
		fault(tick.is >= time.Microsecond && tick.is <= tickMax && time.Millisecond%max(tick.is, 1) == 0,
			"%s: %v; want 1 µs to %v, of which a millisecond is a multiple", tick.name, tick.is, tickMax)
	}
	fault(o.TrialMax >= time.Second, "TrialMax: %v; want at least 1 s", o.TrialMax)
	fault(o.RatePerS > 0 && o.RatePerS <= 100_000, "RatePerS: %v; want more than 0, at most 100000", o.RatePerS)
	fault(o.Workers >= 1, "Workers: %d; want at least 1", o.Workers)
	return errors.Join(append(faults, o.Model.Validate(), o.Disturbance.Validate())...)
}

// Validate returns all faults of a model.
func (m Model) Validate() error {
	var faults []error
	if m.OneWayMin < 0 || m.OneWayMax < m.OneWayMin {
		faults = append(faults, fmt.Errorf("Model: one way %v to %v; want from 0, and in order", m.OneWayMin, m.OneWayMax))
	}
	if m.SyncMin < 0 || m.SyncMax < m.SyncMin {
		faults = append(faults, fmt.Errorf("Model: sync %v to %v; want from 0, and in order", m.SyncMin, m.SyncMax))
	}
	return errors.Join(faults...)
}

// Validate returns all faults of a disturbance.
func (d Disturbance) Validate() error {
	var faults []error
	if d.PauseEvery <= 0 || d.PauseMin <= 0 || d.PauseMax < d.PauseMin || d.PauseShape <= 0 {
		faults = append(faults, fmt.Errorf("Disturbance: a pause every %v of %v to %v with shape %v; want them above 0 and "+
			"in order", d.PauseEvery, d.PauseMin, d.PauseMax, d.PauseShape))
	}
	if d.LossOneIn < 1 || d.LossDelay < 0 {
		faults = append(faults, fmt.Errorf("Disturbance: one loss in %d, %v each; want at least 1, and at least 0",
			d.LossOneIn, d.LossDelay))
	}
	return errors.Join(faults...)
}
