package result

import "time"

// SummarySchema and ManifestSchema version the two JSON files. A reader refuses a major version that it does not know.
const (
	SummarySchema  = "raftmark.summary/1"
	ManifestSchema = "raftmark.manifest/1"
)

// Names of the files in a result directory.
const (
	ManifestFile    = "manifest.json"
	ScenarioFile    = "scenario.yaml"
	CalibrationFile = "calibration.json"
	SummaryFile     = "summary.json"
	SummaryCSVFile  = "summary.csv"
	BenchfmtFile    = "benchfmt.txt"
	TimelineFile    = "timeline.csv"
	TrialsFile      = "trials.csv"
	StagesFile      = "stages.csv"
	EventsFile      = "events.jsonl"
	OpsFile         = "ops.csv.gz"
	ReportDir       = "report"
)

// Verdict is the one word about a result.
type Verdict string

// The verdicts. Interrupted results are VerdictInvalid with a validity note that says so.
const (
	VerdictOK      Verdict = "ok"
	VerdictInvalid Verdict = "invalid"
	VerdictUnsafe  Verdict = "unsafe"
)

// Quantiles are order statistics of one sample, in the unit that the field's name gives. A value whose sample is too
// small for it is nil (rule R9), and null in JSON.
type Quantiles struct {
	N    int      `json:"n"`
	Min  *float64 `json:"min"`
	P50  *float64 `json:"p50"`
	P90  *float64 `json:"p90"`
	P95  *float64 `json:"p95"`
	P99  *float64 `json:"p99"`
	P999 *float64 `json:"p999"`
	Max  *float64 `json:"max"`
}

// Summary is summary.json.
type Summary struct {
	Schema      string      `json:"schema"`
	Verdict     Verdict     `json:"verdict"`
	Calibration Calibration `json:"calibration"`
	Arms        []Arm       `json:"arms"`
}

// Calibration is what this machine can do at all, measured before the run (rule R15); also calibration.json.
type Calibration struct {
	FsyncUs Quantiles `json:"fsync_us"` // write of 512 B + fdatasync in the data folder
	RTTUs   Quantiles `json:"rtt_us"`   // loopback TCP echo of 256 B
	// Transports are the round trips of those that the arms have; empty in results of before they were measured.
	Transports       []TransportRTT `json:"transports,omitempty"`
	TimerLateUs      Quantiles      `json:"timer_late_us"` // how late the pacer wakes
	GeneratorMaxPerS float64        `json:"generator_max_per_s"`
	// DurabilityClass is "fsync", or "volatile" when Storage says that fsync does not keep what it promises (rule R20).
	DurabilityClass string `json:"durability_class"`
	// Storage is what the data folder is on.
	Storage Storage `json:"storage"`
}

// TransportRTT are round trips over a transport between nodes, from Send to delivery, one message under way.
type TransportRTT struct {
	Name         string `json:"name"`           // tcp, tls, quic
	PayloadBytes int    `json:"payload_bytes"`  // of the entry in each append
	Link         string `json:"link,omitempty"` // the conditions of the arm's links; "" when they are as they are
	// RTTUs is of an append with its acknowledgement, HeartbeatRTTUs of a heartbeat with its answer, on a lane of its own.
	RTTUs          Quantiles `json:"rtt_us"`
	HeartbeatRTTUs Quantiles `json:"heartbeat_rtt_us"`
}

// Arm is one configuration that was measured. Its name lists the axes: "transport=tcp".
type Arm struct {
	Name       string         `json:"name"`
	Durability Durability     `json:"durability"`
	Config     map[string]any `json:"config"` // the effective node and load options
	// FloorUs is what a commit of the arm costs by its parts: the client's round trip, and that of the arm's transport
	// with a sync at its end, at the medians of the calibration: a reference, not a bound. Null when that lacks a part
	// of it.
	FloorUs    *float64             `json:"floor_us"`
	Steady     *Steady              `json:"steady"`
	Closed     []ClosedPoint        `json:"closed"`
	Open       []OpenPoint          `json:"open,omitempty"`        // an open loop at the core
	ClosedRuns [][]ClosedPoint      `json:"closed_runs,omitempty"` // of Closed, by run
	Saturation *Saturation          `json:"saturation"`
	Faults     []FaultSummary       `json:"faults"`
	StagesUs   map[string]Quantiles `json:"stages_us"`
	// StageGroups say where the time of the steady phase's proposals went, by how long they took.
	StageGroups []StageGroup `json:"stage_groups,omitempty"`
	StageClock  *StageClock  `json:"stage_clock,omitempty"`
	LogWrites   *LogWrites   `json:"log_writes,omitempty"`
	Courses     []Course     `json:"courses,omitempty"`     // by run
	SteadyRuns  []SteadyRun  `json:"steady_runs,omitempty"` // of Steady, by run
	// SteadySteps are of Steady, by run, when the schedule has steps.
	SteadySteps []SteadyStep   `json:"steady_steps,omitempty"`
	Exchange    *Exchange      `json:"exchange,omitempty"` // a transport alone
	Wire        *WirePerCommit `json:"wire,omitempty"`     // of the steady phases
	Safety      Safety         `json:"safety"`
	Validity    []string       `json:"validity"` // what does not hold, or was disturbed; empty when nothing
}

// Steady is the phase without faults. Response times are of ok operations and, as censored samples at their deadline or
// their last known age, whichever is longer, of all others. Service times are of ok operations.
type Steady struct {
	DurationS    float64   `json:"duration_s"`
	OfferedPerS  float64   `json:"offered_per_s"`
	AchievedPerS float64   `json:"achieved_per_s"`
	ResponseUs   Quantiles `json:"response_us"` // done - intended: what a user sees
	ServiceUs    Quantiles `json:"service_us"`  // done - sent
	SendLagUs    Quantiles `json:"send_lag_us"` // sent - intended: the generator's own lateness
	OK           int64     `json:"ok"`
	Failed       int64     `json:"failed"`
	Unknown      int64     `json:"unknown"`
	Shed         int64     `json:"shed"`
}

// SteadyStep is a step of the schedule in one run, by the intended instant: what it leaves to wait counts here.
type SteadyStep struct {
	Run          int       `json:"run"`
	Step         int       `json:"step"` // from 1
	RatePerS     float64   `json:"rate_per_s"`
	OfferedPerS  float64   `json:"offered_per_s"`
	AchievedPerS float64   `json:"achieved_per_s"` // acknowledged within the step
	ResponseUs   Quantiles `json:"response_us"`
	NotOK        int64     `json:"not_ok"` // failed, unknown or shed
}

// ClosedPoint is one closed-loop measurement at the core.
type ClosedPoint struct {
	Proposers    int      `json:"proposers"`
	PayloadBytes int      `json:"payload_bytes"`
	PerS         float64  `json:"per_s"`
	N            int64    `json:"n"` // commands that were timed
	P50Us        float64  `json:"p50_us"`
	P99Us        *float64 `json:"p99_us"` // null when n is too small (rule R9)
	CPUUsPerOp   float64  `json:"cpu_us_per_op"`
	AllocsPerOp  float64  `json:"allocs_per_op"`
	// Why says what was wrong with the point; without a rate, nothing was committed, and there is nothing else of it.
	Why string `json:"why,omitempty"`
}

// FaultSummary sums up the trials of one kind of fault.
type FaultSummary struct {
	Kind   string `json:"kind"`
	Trials int    `json:"trials"`
	// OutageMs: what clients saw, the longest gap between consecutive acknowledgements that overlaps the time from the
	// order of the fault to the end of its trial. It begins at an acknowledgement, as a rule the last before the fault.
	OutageMs     Quantiles            `json:"outage_ms"`
	LeaderlessMs Quantiles            `json:"leaderless_ms"` // fault to the new leader's first commit
	PhasesMs     map[string]Quantiles `json:"phases_ms"`     // see PhaseNames; empty when they make no sense for the kind
	// LatencyDebtOpS: sum over the trial's operations of max(0, response - steady p50), in operation-seconds.
	LatencyDebtOpS Quantiles `json:"latency_debt_op_s"`
	// Under sums up the operations that were due while a disk was broken, as Steady does those of the steady phase; null
	// for faults that are over when they took effect. UnderStagesUs are the stages of proposals made meanwhile, at the
	// node whose disk it is, as long as it led.
	Under         *Steady              `json:"under"`
	UnderStagesUs map[string]Quantiles `json:"under_stages_us,omitempty"`
}

// Safety is what the checks after the run found (rule R21).
type Safety struct {
	Acked int64 `json:"acked"` // acknowledged writes
	// Checkable counts those of Acked whose loss the reads at the end would show, one by one: the others were written
	// over, or may have been. All are with load.key_dist sequential.
	Checkable    int64  `json:"checkable"`
	Lost         int64  `json:"lost"` // acknowledged and not there at the end
	CheckedOps   int64  `json:"checked_ops"`
	Linearizable string `json:"linearizable"` // ok, violation, unknown
	// Logs says whether all nodes held the same log and the same state after each run: ok, violation, unknown; "" when
	// that was not asked. LogEntries counts the entries whose chain hashes were compared; what a node had compacted is
	// compared by the state that it led to.
	Logs       string `json:"logs,omitempty"`
	LogEntries int64  `json:"log_entries,omitempty"`
}

// Verdicts of a check of safety.
const (
	SafetyOK        = "ok"
	SafetyViolation = "violation"
	SafetyUnknown   = "unknown"
)

// Violated reports whether any of the checks found a fault.
func (s Safety) Violated() bool {
	return s.Lost > 0 || s.Linearizable == SafetyViolation || s.Logs == SafetyViolation
}

// Manifest is manifest.json: where a result comes from, complete enough to run it again.
type Manifest struct {
	Schema      string            `json:"schema"`
	Name        string            `json:"name"`
	Started     time.Time         `json:"started"`
	Finished    time.Time         `json:"finished"`
	Interrupted bool              `json:"interrupted"`
	Command     []string          `json:"command"`
	Seed        uint64            `json:"seed"`
	Version     string            `json:"version"`
	Commit      string            `json:"commit"`
	Dirty       bool              `json:"dirty"`
	Labels      map[string]string `json:"labels"`
	Environment Environment       `json:"environment"`
	// Durability is what an acknowledged write had behind it, by arm; Storage whether the disk keeps what was synced: the
	// verdict of calibration.json.
	Durability map[string]Durability `json:"durability"`
	Storage    string                `json:"storage"`
	// FaultPorts: the nodes of some arm were started with --enable-faults.
	FaultPorts bool `json:"fault_ports"`
}

// Environment is the machine and the software that a result was made on.
type Environment struct {
	OS           string  `json:"os"`
	Kernel       string  `json:"kernel"`
	Arch         string  `json:"arch"`
	CPUModel     string  `json:"cpu_model"`
	CPUs         int     `json:"cpus"`
	GOMAXPROCS   int     `json:"gomaxprocs"`
	MemoryBytes  uint64  `json:"memory_bytes"`
	Filesystem   string  `json:"filesystem"` // of the data folder
	GoVersion    string  `json:"go_version"`
	Virtual      string  `json:"virtualization"`
	StealPercent float64 `json:"steal_percent"` // CPU steal over the run
	Placement    string  `json:"placement"`     // process, inproc
}

// Times in the record files are microseconds since the arm's epoch, which is one reading of the machine's monotonic
// clock, shared by all processes of the host.

// Trial is a row of trials.csv: one injected fault. An instant that was not observed is -1.
type Trial struct {
	Arm     string `csv:"arm"`
	Kind    string `csv:"kind"`
	Trial   int    `csv:"trial"` // from 1, within the arm and kind
	Node    uint64 `csv:"node"`  // who was hit; of all nodes the one that led; 0 is nobody
	PhaseUs int64  `csv:"phase_us"`
	// CommandUs is when the fault was ordered; InjectUs when it took effect: the last process was gone, the disk broken.
	// An orderly fault (leader-shutdown, leader-transfer, rolling-restart) takes effect with the order.
	CommandUs int64 `csv:"command_us"`
	InjectUs  int64 `csv:"inject_us"`
	// LastAckUs is the last acknowledgement before the service stopped; DetectUs the first election timeout, or that a
	// node saw its disk hang, or told another to campaign; ElectUs the victory that lasted; CommitUs the commit of that
	// leader's no-op; FirstAckUs the first acknowledgement after it, or without a new leader that which ended the outage.
	LastAckUs  int64 `csv:"last_ack_us"`
	DetectUs   int64 `csv:"detect_us"`
	ElectUs    int64 `csv:"elect_us"`
	CommitUs   int64 `csv:"commit_us"`
	FirstAckUs int64 `csv:"first_ack_us"`
	// RecoverUs is from when on clients were served as in the steady phase: the backlog drained, the 99th percentile of
	// the next 100 ms near the steady one. HealUs is when the order was given to start the nodes again, or to heal the
	// disk; CaughtUpUs when all nodes had applied what was committed, as the bench saw it at one of its looks.
	RecoverUs  int64 `csv:"recovered_us"`
	HealUs     int64 `csv:"heal_us"`
	CaughtUpUs int64 `csv:"caught_up_us"`
	EndUs      int64 `csv:"end_us"`
	// Rounds counts the elections started, Terms by how much the term rose.
	Rounds         int     `csv:"rounds"`
	Terms          int     `csv:"terms"`
	OutageMs       float64 `csv:"outage_ms"`
	LeaderlessMs   float64 `csv:"leaderless_ms"`
	LatencyDebtOpS float64 `csv:"latency_debt_op_s"`
	OK             int64   `csv:"ok"`
	Failed         int64   `csv:"failed"`
	Unknown        int64   `csv:"unknown"`
	Shed           int64   `csv:"shed"`
	// FirstWriteUs is the first acknowledgement of a write from FirstAckUs on.
	FirstWriteUs int64 `csv:"first_write_us,absent=-1"`
	// Note is what was drawn for the trial, of kinds of which that is more than a node: the seed and the mix of chaos.
	Note string `csv:"note,absent="`
}

// TimelineBin is a row of timeline.csv: what happened in one bin of the arm. Offered counts intended starts in the bin;
// the outcomes count completions in it; latencies are response times of operations that completed ok in it, -1 when
// none. Every bin has a row, also when nothing happened in it (trap T10).
type TimelineBin struct {
	Arm      string `csv:"arm"`
	StartUs  int64  `csv:"start_us"`
	WidthUs  int64  `csv:"width_us"`
	Phase    string `csv:"phase"` // warmup, steady, leader-kill, noop, ...
	Offered  int64  `csv:"offered"`
	OK       int64  `csv:"ok"`
	Failed   int64  `csv:"failed"`
	Unknown  int64  `csv:"unknown"`
	Shed     int64  `csv:"shed"`
	InFlight int64  `csv:"in_flight"`
	P50Us    int64  `csv:"p50_us"`
	P99Us    int64  `csv:"p99_us"` // -1 also when fewer than 368 completed (rule R9)
	MaxUs    int64  `csv:"max_us"`
}

// OpRow is a row of ops.csv.gz: one operation, in the order of IntendedUs. All operations from 1 s before a fault to
// the end of its trial are kept, elsewhere one in SampledOneIn.
type OpRow struct {
	Arm          string `csv:"arm"`
	Kind         string `csv:"kind"` // get, set
	IntendedUs   int64  `csv:"intended_us"`
	SentUs       int64  `csv:"sent_us"` // first attempt; -1 when never sent
	DoneUs       int64  `csv:"done_us"` // -1 when it never completed
	Outcome      string `csv:"outcome"` // ok, failed, unknown, shed
	Attempts     int    `csv:"attempts"`
	Redirects    int    `csv:"redirects"`
	SampledOneIn int    `csv:"sampled_one_in"`
}

// Event is a line of events.jsonl: a step in the life of a node, or an action of the bench.
type Event struct {
	Arm    string `json:"arm"`
	TimeUs int64  `json:"t_us"`
	Node   uint64 `json:"node"` // 0 is the bench
	Kind   string `json:"kind"` // EventLeader, EventKill, EventPhase, ...
	Term   uint64 `json:"term,omitempty"`
	Leader uint64 `json:"leader,omitempty"`
	Index  uint64 `json:"index,omitempty"`
	Peer   uint64 `json:"peer,omitempty"`
	Note   string `json:"note,omitempty"`
}
