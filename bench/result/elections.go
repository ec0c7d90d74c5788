package result

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ElectionsSchema versions elections.json.
const ElectionsSchema = "raftmark.elections/1"

// The files of an election study: what was simulated, each trial, each virtual hour. A result without
// elections.json is of something else.
const (
	ElectionsFile       = "elections.json"
	ElectionsTrialsFile = "elections.csv"
	ElectionsHoursFile  = "elections-steady.csv"
)

// The groups that an arm of an election study may belong to: what it is compared with.
const (
	ElectionRandomness        = "randomness"
	ElectionScale             = "scale"
	ElectionProtocol          = "protocol"
	ElectionOperations        = "operations"
	ElectionSensitivity       = "sensitivity"
	ElectionProductRandomness = "product randomness"
	ElectionProductScale      = "product scale"
)

// Elections is elections.json: the settings of an election study in virtual time.
type Elections struct {
	Schema string `json:"schema"`
	// TickUs and SteadyTickUs are the ticks of the cores, which election timeouts are rounded to, in trials and in hours.
	TickUs       float64 `json:"tick_us"`
	SteadyTickUs float64 `json:"steady_tick_us"`
	// TrialMaxMs is after how long without a leader a trial was ended.
	TrialMaxMs float64 `json:"trial_max_ms"`
	RatePerS   float64 `json:"rate_per_s"` // of the arms with a load
	// PauseEveryS, PauseMinMs, PauseMaxMs and PauseShape are the pauses of each server in the hours: exponential waits,
	// and lengths of a Pareto distribution that is cut off. One in LossOneIn messages came LossDelayMs later.
	PauseEveryS float64 `json:"pause_every_s"`
	PauseMinMs  float64 `json:"pause_min_ms"`
	PauseMaxMs  float64 `json:"pause_max_ms"`
	PauseShape  float64 `json:"pause_shape"`
	LossOneIn   int     `json:"loss_one_in"`
	LossDelayMs float64 `json:"loss_delay_ms"`

	Arms   []ElectionArm   `json:"arms"`   // in which leaders go
	Steady []ElectionArm   `json:"steady"` // in which none does
	Points []ElectionPoint `json:"points"` // that the paper publishes
}

// ElectionArm is one setting of an election study.
type ElectionArm struct {
	Name        string   `json:"name"`
	Groups      []string `json:"groups,omitempty"`
	MinMs       float64  `json:"election_min_ms"`
	MaxMs       float64  `json:"election_max_ms"`
	HeartbeatMs float64  `json:"heartbeat_ms"`
	PreVote     bool     `json:"pre_vote"`
	CheckQuorum bool     `json:"check_quorum"`
	Load        bool     `json:"load"`
	Priority    string   `json:"priority"` // equal, leader first, follower first
	Ending      string   `json:"ending"`   // crash, shutdown
	Model       string   `json:"model"`
	OneWayMinMs float64  `json:"one_way_min_ms"`
	OneWayMaxMs float64  `json:"one_way_max_ms"`
	SyncMinMs   float64  `json:"sync_min_ms"`
	SyncMaxMs   float64  `json:"sync_max_ms"`
	// TimeMs is from the crash, or the order to hand over, to the next leader. Trials without one count as longer than all
	// others: a quantile that falls among them is null.
	TimeMs     Quantiles `json:"time_ms"`
	MeanMs     *float64  `json:"mean_ms"` // null when a trial had no leader at its end
	Leaderless int       `json:"trials_without_leader"`
}

// ElectionPoint is a number that the paper gives for one of its lines.
type ElectionPoint struct {
	Group   string  `json:"group"`
	MinMs   float64 `json:"election_min_ms"`
	MaxMs   float64 `json:"election_max_ms"`
	What    string  `json:"what"` // p50, mean, max, min
	ValueMs float64 `json:"value_ms"`
	AtLeast bool    `json:"at_least"` // the paper says more than this
}

// ElectionTrial is a row of elections.csv: one leader that went. Times are microseconds since then; -1 is never.
type ElectionTrial struct {
	Arm      string `csv:"arm"`
	Trial    int    `csv:"trial"`    // from 1, within the arm
	PhaseUs  int64  `csv:"phase_us"` // from its last heartbeats to its end
	DetectUs int64  `csv:"detect_us"`
	ElectUs  int64  `csv:"elect_us"`
	CommitUs int64  `csv:"commit_us"`
	Stands   int    `csv:"candidacies"`
	Terms    int    `csv:"terms"`
}

// ElectionHour is a row of elections-steady.csv: one virtual hour without a failure.
type ElectionHour struct {
	Arm       string  `csv:"arm"`
	Hour      int     `csv:"hour"`      // from 1, within the arm
	LengthS   float64 `csv:"length_s"`  // 3600, unless it was shortened
	Elections int     `csv:"elections"` // that ended with a leader
	Needless  int     `csv:"needless"`  // of these, begun while the leader ran
	Stands    int     `csv:"candidacies"`
	PreVotes  int     `csv:"pre_vote_rounds"`
	WithoutUs int64   `csv:"without_leader_us"` // that was not paused
}

// WriteElections writes the three files of an election study. An empty Schema is filled in.
func (w *Writer) WriteElections(e Elections, trials []ElectionTrial, hours []ElectionHour) error {
	if e.Schema == "" {
		e.Schema = ElectionsSchema
	}
	return errors.Join(e.validate(), w.writeJSON(ElectionsFile, e), writeCSV(w, ElectionsTrialsFile, trials),
		writeCSV(w, ElectionsHoursFile, hours))
}

// Elections reads the files of an election study; e is nil when the result is of something else.
func (r *Result) Elections() (e *Elections, trials []ElectionTrial, hours []ElectionHour, err error) {
	data, err := os.ReadFile(filepath.Join(r.Dir, ElectionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if err := checkSchemaOf(ElectionsFile, data, ElectionsSchema); err != nil {
		return nil, nil, nil, err
	}
	e = &Elections{}
	if err := decodeJSON(ElectionsFile, data, e); err != nil {
		return nil, nil, nil, err
	}
	if trials, err = readCSV[ElectionTrial](r, ElectionsTrialsFile); err != nil {
		return nil, nil, nil, err
	}
	if hours, err = readCSV[ElectionHour](r, ElectionsHoursFile); err != nil {
		return nil, nil, nil, err
	}
	return e, trials, hours, errors.Join(e.validate(), e.checkRows(trials, hours))
}

// validate returns all faults of the settings.
func (e *Elections) validate() error {
	var faults []error
	for _, list := range [][]ElectionArm{e.Arms, e.Steady} {
		seen := map[string]bool{}
		for i := range list {
			a := &list[i]
			if a.Name == "" || seen[a.Name] {
				faults = append(faults, fmt.Errorf("arm %q: empty or already used", a.Name))
			}
			seen[a.Name] = true
			if a.MinMs <= 0 || a.MaxMs < a.MinMs {
				faults = append(faults, fmt.Errorf("arm %q: election timeouts %v to %v ms", a.Name, a.MinMs, a.MaxMs))
			}
			faults = append(faults, a.TimeMs.validate(a.Name+".time_ms"))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return &FileError{File: ElectionsFile, Err: err}
	}
	return nil
}

// checkRows checks the rows against the settings.
func (e *Elections) checkRows(trials []ElectionTrial, hours []ElectionHour) error {
	counts := map[string]int{}
	for _, t := range trials {
		counts[t.Arm]++
	}
	for i := range e.Arms {
		a := &e.Arms[i]
		if got := counts[a.Name]; got != a.TimeMs.N {
			return fileErrorf(ElectionsTrialsFile, 0, "", "%d trials of arm %q, but %s counts %d: truncated?", got, a.Name,
				ElectionsFile, a.TimeMs.N)
		}
		delete(counts, a.Name)
	}
	for i, t := range trials {
		if _, left := counts[t.Arm]; left {
			return fileErrorf(ElectionsTrialsFile, i+2, "arm", "%q is no arm of %s", t.Arm, ElectionsFile)
		}
	}
	known := map[string]bool{}
	for i := range e.Steady {
		known[e.Steady[i].Name] = true
	}
	for i, h := range hours {
		if !known[h.Arm] {
			return fileErrorf(ElectionsHoursFile, i+2, "arm", "%q is no steady arm of %s", h.Arm, ElectionsFile)
		}
	}
	return nil
}
