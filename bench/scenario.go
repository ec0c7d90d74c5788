package bench

import (
	"maps"
	"slices"
	"time"

	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// The placements.
const (
	PlacementProcess = "process" // an operating system process a node
	PlacementInproc  = "inproc"  // all nodes in this process; closed loop at the core
)

// The systems.
const (
	SystemRaftmark = "raftmark"
	SystemFloor    = "floor"
)

// The values of Scenario.Tracing.
const (
	TracingOn  = "on"
	TracingOff = "off"
)

// traceOneIn returns it as a node has it.
func (s Scenario) traceOneIn() int {
	if s.Tracing == TracingOff {
		return replica.TraceOff
	}
	return 0
}

// Scenario is one experiment: a system, a load, faults, and how often all of that is repeated. [DefaultScenario] is the
// starting point; a YAML file names what differs. A field that is set to an impossible value, zero included, is an
// error and never a default.
type Scenario struct {
	// Name names the result directory and the report: letters, digits, '-', '_' and '.'.
	Name string `yaml:"name"`
	// Description says in a sentence what the scenario shows.
	Description string `yaml:"description,omitempty"`
	// Placement is process or inproc. Default process.
	Placement string `yaml:"placement"`
	// Nodes is the size of the cluster, 1 to 9. Default 3.
	Nodes int `yaml:"nodes"`
	// Transport between nodes: tcp, tls, quic or mem (mem with inproc only). Default tcp.
	Transport string `yaml:"transport"`
	// Tuning is what only some transports can do.
	Tuning `yaml:",inline"`
	// Log is the storage of the raft log: pebble or mem. Default pebble.
	Log string `yaml:"log"`
	// Sync is the durability class of log pebble: fsync, or none, which waits for no disk. Default fsync.
	Sync string `yaml:"sync"`
	// RequireStable makes the result invalid when the nodes' data are not on storage that keeps what was synced, as far
	// as calibration can tell. Default false: it is noted, on the page and in the result.
	RequireStable bool `yaml:"require_stable,omitempty"`
	// Machine is the state machine: pebble, mem or null. Default pebble.
	Machine string `yaml:"machine"`
	// Heartbeat is the leader's heartbeat interval, 1 ms or more and below election.min. Default 50 ms.
	Heartbeat Duration `yaml:"heartbeat"`
	// Election bounds the randomized election timeout.
	Election Election `yaml:"election"`
	// Tick is the clock of the nodes' cores, which the three times above are rounded to: 1 ms to the heartbeat. Default
	// that of a node. Lower: finer timeouts, more wake-ups.
	Tick Duration `yaml:"tick,omitempty"`
	// DiskStallMax is how long one write of the log may take before a node neither leads nor stands for election, or off.
	// Default 1 s. See server.Config.
	DiskStallMax StallLimit `yaml:"disk_stall_max"`
	// DiskDelay is how much longer each sync takes with the fault leader-disk-slow. Default 20 ms.
	DiskDelay Duration `yaml:"disk_delay,omitempty"`
	// SyncDelay is how much longer each sync of the log takes at each node, all the time, as on a slower disk; at most a
	// quarter of election.min. Default 0. No fault of the disk may be among the faults then.
	SyncDelay Duration `yaml:"sync_delay,omitempty"`
	// Tracing is on, or off: whether the nodes note the steps of sampled entries. Default on.
	Tracing string `yaml:"tracing,omitempty"`
	// Link are the conditions of the links between nodes. Default: as they are.
	Link Link `yaml:"link,omitempty"`
	// Raft are limits of the nodes; what is left out is the node's default. See server.RaftLimits.
	Raft server.RaftLimits `yaml:"raft,omitempty"`
	// SlowFollower is the share of the time, 0 to 0.9, that one follower is stopped, in turns of 100 ms, while the load
	// runs; one that leads is let alone. Default 0.
	SlowFollower float64 `yaml:"slow_follower,omitempty"`
	// Load is what the clients do.
	Load Load `yaml:"load"`
	// Warmup runs the load without measuring. Default 3 s.
	Warmup Duration `yaml:"warmup"`
	// Steady is the measured phase without faults, 1 s or more. Default 10 s.
	Steady Duration `yaml:"steady"`
	// Faults are the trials of a run, in an order shuffled from the seed. Default none.
	Faults []FaultPlan `yaml:"faults,omitempty"`
	// Trial bounds the steps of a trial.
	Trial TrialLimits `yaml:"trial"`
	// Runs is how often each arm is run, each time with a fresh cluster. Default 1.
	Runs int `yaml:"runs"`
	// Seed decides arrivals, keys, the order of faults and their instants. Default 1.
	Seed uint64 `yaml:"seed"`
	// System is what is measured: raftmark, or with a closed loop also floor, a replicated log with nothing but physics
	// (package floor), or one that the runner was given (Options.Systems), of which transport, log and
	// machine say nothing. Default raftmark.
	System string `yaml:"system,omitempty"`
	// Closed measures a closed loop at the core; it needs placement inproc, and replaces load, steady and faults.
	Closed *Closed `yaml:"closed,omitempty"`
	// Open measures an open loop at the core after the closed one. It needs Closed.
	Open *Open `yaml:"open,omitempty"`
	// Stops end the leader under an open loop at the core, after the others. It needs Closed.
	Stops *Stops `yaml:"stops,omitempty"`
	// Course leads the cluster through a fixed order of steps under the load, once in each run; it replaces faults.
	Course *Course `yaml:"course,omitempty"`
	// Exchange measures transports alone, without raft; it replaces load, steady and faults.
	Exchange *Exchange `yaml:"exchange,omitempty"`
	// Saturation searches for the highest rate that the cluster holds; it replaces load.rate, warmup, steady and faults.
	Saturation *Saturation `yaml:"saturation,omitempty"`
	// Axes are the matrix: each key is a field (see [AxisKeys]) and its values; the arms are all combinations.
	Axes map[string][]string `yaml:"axes,omitempty"`
}

// Election bounds the election timeout: each one is drawn uniformly from [Min, Max).
type Election struct {
	// Min must exceed the heartbeat. Default 150 ms. Raised, leaders are replaced later and less often without need.
	Min Duration `yaml:"min"`
	// Max must exceed Min. Default 300 ms. Raised, split votes become rarer.
	Max Duration `yaml:"max"`
}

// Load is an open loop of operations.
type Load struct {
	// Rate is the offered rate, operations a second; where a ramp begins. Default 2000/s. Steps have their own.
	Rate Rate `yaml:"rate"`
	// Schedule is the law of arrivals: poisson or const, or a rate that changes during the steady phase, without faults:
	// step or ramp. Default poisson.
	Schedule string `yaml:"schedule"`
	// Steps are the rates of schedule step, one after the other; steady is their sum. The warm-up has the first one.
	Steps Steps `yaml:"steps,omitempty"`
	// RampTo is the rate that schedule ramp reaches at the end of the steady phase.
	RampTo Rate `yaml:"ramp_to,omitempty"`
	// Spacing is the law of arrivals within steps and ramps: poisson or const. Default poisson.
	Spacing string `yaml:"spacing,omitempty"`
	// Payload is the size of a written value, 16 B to 1 MiB. Default 128 B.
	Payload Size `yaml:"payload"`
	// Keys is the size of the key space, except for sequential. Default 10000.
	Keys int `yaml:"keys"`
	// KeyDist is how keys are chosen: uniform, zipfian, or sequential: each write has a key of its own, and reads choose
	// among those written. Then every acknowledged write can be looked for at the end; otherwise only the last one of a
	// key can. Default uniform.
	KeyDist string `yaml:"key_dist"`
	// ReadShare is the part of operations that are reads, 0 to 1. Default 0.1.
	ReadShare float64 `yaml:"read_share"`
	// MaxInflight caps the operations under way; beyond it they are shed and counted. Default 8192.
	MaxInflight int `yaml:"max_inflight"`
	// Timeout is when a client gives an operation up. Default 10 s.
	Timeout Duration `yaml:"timeout"`
}

// FaultPlan asks for trials of one fault.
type FaultPlan struct {
	// Kind is a fault of the catalogue; see package fault.
	Kind string `yaml:"kind"`
	// Trials is how many in each run, 1 to 10000. Default 1.
	Trials int `yaml:"trials"`
}

// TrialLimits are the times of a trial.
type TrialLimits struct {
	// Settle is the least quiet time before a fault. Default 500 ms.
	Settle Duration `yaml:"settle"`
	// Watch is how long the cluster runs wounded before it is healed. With leader-kill it begins at the first
	// acknowledgement of the new leader; else when the fault took effect: how long a disk is broken, or the power off.
	// Default 1 s.
	Watch Duration `yaml:"watch"`
	// Recover bounds each of: settling, the wait for a new leader, and recovery. What exceeds it is recorded as an
	// anomaly. Default 15 s.
	Recover Duration `yaml:"recover"`
}

// Closed is a closed loop: each proposer proposes its next command when the last one is applied.
type Closed struct {
	// Proposers are the points. Default 1, 64, 256, 1024.
	Proposers []int `yaml:"proposers"`
	// Payload is the size of a command. Default 128 B.
	Payload Size `yaml:"payload"`
	// Payloads are further sizes, each measured at all points. Default none.
	Payloads []Size `yaml:"payloads,omitempty"`
	// Warmup and Duration are of each point. Default 1 s and 5 s.
	Warmup   Duration `yaml:"warmup"`
	Duration Duration `yaml:"duration"`
}

// Open is an open loop of commands of closed.payload, at a constant rate: latency counts from the intended time.
type Open struct {
	// Rates are the points, commands a second.
	Rates []Rate `yaml:"rates"`
	// Warmup and Duration are of each point; a p99.9 needs 3688 commands.
	Warmup   Duration `yaml:"warmup"`
	Duration Duration `yaml:"duration"`
	// TailMax is how many times the p99 the p99.9 may be, 1 or more: beyond is a cliff, of which the result warns.
	// Default 0: it is not judged.
	TailMax float64 `yaml:"tail_max,omitempty"`
}

// Stops are trials in which the node that leads is killed within its process and started again.
type Stops struct {
	// Trials is how many in each run.
	Trials int `yaml:"trials"`
	// Rate is that of the commands of closed.payload meanwhile; the outage is as exact as their distance.
	Rate Rate `yaml:"rate"`
	// Settle is the quiet time before each.
	Settle Duration `yaml:"settle"`
}

// DefaultScenario returns the scenario of which a file names the differences.
func DefaultScenario() Scenario {
	const ms = Duration(time.Millisecond)
	return Scenario{
		Name:         "custom",
		Placement:    PlacementProcess,
		System:       SystemRaftmark,
		Tracing:      TracingOn,
		Nodes:        3,
		Transport:    "tcp",
		Log:          "pebble",
		Sync:         string(storage.SyncFsync),
		Machine:      "pebble",
		Heartbeat:    50 * ms,
		Election:     Election{Min: 150 * ms, Max: 300 * ms},
		DiskStallMax: StallLimit(server.DefaultDiskStallMax), DiskDelay: 20 * ms,
		Load: Load{
			Rate: 2000, Schedule: "poisson", Payload: 128, Keys: 10_000, KeyDist: "uniform",
			ReadShare: 0.1, MaxInflight: 8192, Timeout: 10_000 * ms,
		},
		Warmup: 3000 * ms,
		Steady: 10_000 * ms,
		Trial:  TrialLimits{Settle: 500 * ms, Watch: 1000 * ms, Recover: 15_000 * ms},
		Runs:   1,
		Seed:   1,
	}
}

// DefaultClosed returns the closed loop of which a file names the differences.
func DefaultClosed() Closed {
	return Closed{
		Proposers: []int{1, 64, 256, 1024}, Payload: 128,
		Warmup: Duration(time.Second), Duration: Duration(5 * time.Second),
	}
}

// Clone returns a deep copy.
func (s Scenario) Clone() Scenario {
	s.Faults = slices.Clone(s.Faults)
	s.Load.Steps = slices.Clone(s.Load.Steps)
	if s.Closed != nil {
		closed := *s.Closed
		closed.Proposers, closed.Payloads = slices.Clone(closed.Proposers), slices.Clone(closed.Payloads)
		s.Closed = &closed
	}
	if s.Open != nil {
		open := *s.Open
		open.Rates = slices.Clone(open.Rates)
		s.Open = &open
	}
	if s.Stops != nil {
		stops := *s.Stops
		s.Stops = &stops
	}
	if s.Course != nil {
		course := *s.Course
		s.Course = &course
	}
	s.Exchange = s.Exchange.clone()
	s.Saturation = s.Saturation.clone()
	axes := maps.Clone(s.Axes)
	for key, values := range axes {
		axes[key] = slices.Clone(values)
	}
	s.Axes = axes
	return s
}
