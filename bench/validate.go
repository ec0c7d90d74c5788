package bench

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// The bounds of a scenario.
const (
	nodesMax        = 9
	payloadBytesMin = loadgen.IDBytes
	payloadBytesMax = 1 << 20
	trialsMax       = 10_000
	runsMax         = 1000
	inflightMax     = 1 << 20
	keysMax         = 10_000_000
	proposersMax    = 1 << 16
	armsMax         = 64
	// operationsPerRunMax bounds the memory of a run: all operations of a run are kept until it was checked.
	operationsPerRunMax = 4_000_000
	// openCommandsMax bounds what a point of an open loop at the core writes; only its histograms are kept.
	openCommandsMax = 50_000_000
	phaseMax        = Duration(24 * time.Hour)
)

// FieldError is one thing that is wrong with a scenario.
type FieldError struct {
	Field string // as in the file: load.rate
	Value any
	Bound string // what it must be
}

// Error implements error.
func (f *FieldError) Error() string {
	return fmt.Sprintf("%s is %v: must be %s", f.Field, f.Value, f.Bound)
}

// faults collects what is wrong.
type faults []error

func (f *faults) need(ok bool, field string, value any, bound string, args ...any) {
	if !ok {
		*f = append(*f, &FieldError{Field: field, Value: value, Bound: fmt.Sprintf(bound, args...)})
	}
}

func (f *faults) oneOf(field, value string, allowed ...string) {
	f.need(slices.Contains(allowed, value), field, quoted(value), "one of %s", strings.Join(allowed, ", "))
}

func quoted(value string) string { return fmt.Sprintf("%q", value) }

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Validate returns all that is wrong with s, as joined [FieldError]s, or nil. It looks at s itself; see [Arms] for the
// combinations of its axes. others are systems that the runner was given beside its own.
func (s Scenario) Validate(others ...string) error {
	var f faults
	f.need(validName.MatchString(s.Name), "name", quoted(s.Name),
		"1 to 64 letters, digits, '-', '_' or '.'")
	f.oneOf("placement", s.Placement, PlacementProcess, PlacementInproc)
	f.oneOf("system", s.System, append([]string{SystemRaftmark, SystemFloor}, others...)...)
	f.need(s.System == SystemRaftmark || s.Closed != nil, "system", quoted(s.System), "raftmark, but with closed")
	f.need(s.Nodes >= 1 && s.Nodes <= nodesMax, "nodes", s.Nodes, "1 to %d", nodesMax)
	s.validateTransport(&f)
	f.oneOf("log", s.Log, "pebble", "mem")
	f.oneOf("tracing", s.Tracing, TracingOn, TracingOff)
	f.oneOf("sync", s.Sync, string(storage.SyncFsync), string(storage.SyncNone))
	f.oneOf("machine", s.Machine, "pebble", "mem", "null")
	f.need(s.Placement != PlacementProcess || s.Log != server.StorageMem || s.Machine != server.StoragePebble, "machine",
		quoted(s.Machine), "mem or null with log mem: it must not outlive its log")
	f.need(s.DiskStallMax == StallLimit(server.StallOff) || s.DiskStallMax >= StallLimit(server.DefaultTickInterval),
		"disk_stall_max", s.DiskStallMax, "%s or more, or off", server.DefaultTickInterval)
	f.need(s.DiskDelay > 0 && s.DiskDelay <= Duration(fault.DelayMax), "disk_delay", s.DiskDelay,
		"above 0s and at most %s", fault.DelayMax)
	f.need(s.Heartbeat >= Duration(time.Millisecond), "heartbeat", s.Heartbeat, "1ms or more")
	f.need(s.Heartbeat < s.Election.Min, "heartbeat", s.Heartbeat, "below election.min (%s)", s.Election.Min)
	f.need(s.Tick == 0 || s.Tick >= Duration(time.Millisecond) && s.Tick <= s.Heartbeat, "tick", s.Tick,
		"1ms to the heartbeat (%s)", s.Heartbeat)
	f.need(s.Tick == 0 || s.Placement == PlacementProcess, "tick", s.Tick, "left out with placement %s", s.Placement)
	f.need(s.Election.Max > s.Election.Min, "election.max", s.Election.Max,
		"above election.min (%s)", s.Election.Min)
	f.need(s.Election.Max <= Duration(time.Minute), "election.max", s.Election.Max, "1m or less")
	f.need(s.Runs >= 1 && s.Runs <= runsMax, "runs", s.Runs, "1 to %d", runsMax)
	f.need(s.SlowFollower >= 0 && s.SlowFollower <= 0.9, "slow_follower", s.SlowFollower, "0 to 0.9")
	f.need(s.SlowFollower == 0 || s.Nodes >= 3 && s.Closed == nil, "slow_follower", s.SlowFollower,
		"0 with nodes %d, or with a closed section", s.Nodes)
	s.validateLink(&f)
	s.validateSyncDelay(&f)
	s.validateLoad(&f)
	s.validatePhases(&f)
	s.validateClosed(&f)
	s.validateCourse(&f)
	s.validateExchange(&f)
	s.validateSaturation(&f)
	return errors.Join(f...)
}

func (s Scenario) validateLoad(f *faults) {
	l := s.Load
	f.need(l.Rate > 0 && l.Rate <= 1e6, "load.rate", l.Rate, "above 0 and at most 1000000/s")
	s.validateSchedule(f)
	f.need(l.Payload >= payloadBytesMin && l.Payload <= payloadBytesMax, "load.payload", l.Payload,
		"%dB to %dB", payloadBytesMin, payloadBytesMax)
	f.need(l.Keys >= 1 && l.Keys <= keysMax, "load.keys", l.Keys, "1 to %d", keysMax)
	f.oneOf("load.key_dist", l.KeyDist, "uniform", "zipfian", "sequential")
	f.need(l.ReadShare >= 0 && l.ReadShare <= 1, "load.read_share", l.ReadShare, "0 to 1")
	f.need(l.MaxInflight >= 1 && l.MaxInflight <= inflightMax, "load.max_inflight", l.MaxInflight,
		"1 to %d", inflightMax)
	f.need(l.Timeout >= Duration(10*time.Millisecond) && l.Timeout <= Duration(10*time.Minute),
		"load.timeout", l.Timeout, "10ms to 10m")
	ops := l.operations(time.Duration(s.Warmup), time.Duration(s.Steady))
	f.need(s.Closed != nil || ops <= operationsPerRunMax, "load.rate", l.Rate,
		"at most %.0f/s, so that a run of warmup+steady (%s) has %d operations or fewer",
		float64(operationsPerRunMax)/max(1, time.Duration(s.Warmup+s.Steady).Seconds()),
		s.Warmup+s.Steady, operationsPerRunMax)
}

func (s Scenario) validatePhases(f *faults) {
	f.need(s.Warmup >= 0 && s.Warmup <= phaseMax, "warmup", s.Warmup, "0s to %s", phaseMax)
	f.need(s.Steady >= Duration(time.Second) && s.Steady <= phaseMax, "steady", s.Steady, "1s to %s", phaseMax)
	f.need(s.Trial.Settle >= 0 && s.Trial.Settle <= phaseMax, "trial.settle", s.Trial.Settle, "0s to %s", phaseMax)
	f.need(s.Trial.Watch >= 0 && s.Trial.Watch <= phaseMax, "trial.watch", s.Trial.Watch, "0s to %s", phaseMax)
	f.need(s.Trial.Recover >= s.Election.Max && s.Trial.Recover <= phaseMax, "trial.recover", s.Trial.Recover,
		"election.max (%s) to %s", s.Election.Max, phaseMax)
	for i, plan := range s.Faults {
		field := fmt.Sprintf("faults[%d]", i)
		f.oneOf(field+".kind", plan.Kind, fault.Kinds()...)
		traits := fault.Of(plan.Kind)
		f.need(plan.Trials >= 1 && plan.Trials <= trialsMax, field+".trials", plan.Trials, "1 to %d", trialsMax)
		f.need(!traits.Majority() || s.Nodes >= 3, field+".kind", quoted(plan.Kind),
			"a fault that leaves a majority; with nodes %d no majority survives it", s.Nodes)
		f.need(!traits.Kills || s.Log != "mem", field+".kind", quoted(plan.Kind),
			"left out with log mem: a node that lost its log has forgotten its vote, and cannot come back")
		syncs := s.Log != "mem" && s.Sync != string(storage.SyncNone)
		f.need(syncs || !traits.Disk && plan.Kind != fault.Chaos, field+".kind", quoted(plan.Kind),
			"left out with log mem or sync none: nothing is synced that could hang")
	}
}

func (s Scenario) validateClosed(f *faults) {
	if s.Closed == nil {
		f.need(s.Open == nil, "open", "set", "left out without a closed section")
		f.need(s.Stops == nil, "stops", "set", "left out without a closed section")
		f.need(s.Placement != PlacementInproc, "placement", quoted(s.Placement),
			"%s, or the scenario must have a closed section", PlacementProcess)
		return
	}
	c := s.Closed
	f.need(s.Placement == PlacementInproc, "placement", quoted(s.Placement),
		"%s with a closed section", PlacementInproc)
	f.need(len(s.Faults) == 0, "faults", len(s.Faults), "empty with a closed section")
	f.need(len(c.Proposers) > 0, "closed.proposers", c.Proposers, "at least one number")
	for i, n := range c.Proposers {
		f.need(n >= 1 && n <= proposersMax, fmt.Sprintf("closed.proposers[%d]", i), n, "1 to %d", proposersMax)
	}
	f.need(c.Payload >= payloadBytesMin && c.Payload <= payloadBytesMax, "closed.payload", c.Payload,
		"%dB to %dB", payloadBytesMin, payloadBytesMax)
	f.need(c.Warmup >= 0 && c.Warmup <= phaseMax, "closed.warmup", c.Warmup, "0s to %s", phaseMax)
	f.need(c.Duration >= Duration(100*time.Millisecond) && c.Duration <= phaseMax, "closed.duration", c.Duration,
		"100ms to %s", phaseMax)
	for i, size := range c.Payloads {
		f.need(size >= payloadBytesMin && size <= payloadBytesMax, fmt.Sprintf("closed.payloads[%d]", i), size,
			"%dB to %dB", payloadBytesMin, payloadBytesMax)
	}
	s.validateOpen(f)
}

// validateOpen looks at what follows the closed loop.
func (s Scenario) validateOpen(f *faults) {
	if o := s.Open; o != nil {
		f.need(len(o.Rates) > 0, "open.rates", o.Rates, "at least one rate")
		for i, r := range o.Rates {
			f.need(r > 0 && float64(r)*time.Duration(o.Warmup+o.Duration).Seconds() <= openCommandsMax,
				fmt.Sprintf("open.rates[%d]", i), r, "above 0, and at most %d commands a point", openCommandsMax)
		}
		f.need(o.TailMax == 0 || o.TailMax >= 1 && o.TailMax <= 1000, "open.tail_max", o.TailMax, "1 to 1000, or left out")
		f.need(o.Warmup >= 0 && o.Warmup <= phaseMax, "open.warmup", o.Warmup, "0s to %s", phaseMax)
		f.need(o.Duration >= Duration(100*time.Millisecond) && o.Duration <= phaseMax, "open.duration", o.Duration,
			"100ms to %s", phaseMax)
	}
	if k := s.Stops; k != nil {
		f.need(k.Trials >= 1 && k.Trials <= trialsMax, "stops.trials", k.Trials, "1 to %d", trialsMax)
		f.need(k.Rate >= 100 && k.Rate <= 100_000, "stops.rate", k.Rate, "100/s to 100000/s")
		f.need(k.Settle >= 0 && k.Settle <= phaseMax, "stops.settle", k.Settle, "0s to %s", phaseMax)
		f.need(s.Nodes >= 3, "stops", k.Trials, "left out with nodes %d: no majority survives it", s.Nodes)
		f.need(s.Transport != "mem" && s.Log != "mem", "stops", k.Trials, "left out with transport or log mem")
	}
}
