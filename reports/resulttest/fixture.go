package resulttest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// Options choose the size and the look of a fixture.
type Options struct {
	Seed    uint64
	Arms    []string // default: transport=tcp, transport=quic
	Kind    string   // of the trials that break something; default leader-kill
	Trials  int      // of Kind in each arm; default 12
	Noops   int      // of noop in each arm; default 4
	RatePS  int      // offered operations a second; default 200
	SteadyS int      // length of the steady phase; default 5
	// Durability of all arms, and the verdict on the storage. Default fsync, honest.
	Durability result.Durability
	Storage    string
	// Verdict of the summary; default ok. With VerdictInvalid the first arm says that its generator fell behind; with
	// VerdictUnsafe it has lost writes.
	Verdict result.Verdict
	// Runs cuts the steady phase into so many runs, of which the summary has the response times. Default 0: one run, of
	// which it has none.
	Runs int
}

// WithDefaults returns a copy with the zero fields set.
func (o Options) WithDefaults() Options {
	if len(o.Arms) == 0 {
		o.Arms = []string{"transport=tcp", "transport=quic"}
	}
	o.Seed = cmp.Or(o.Seed, 1)
	o.Kind = cmp.Or(o.Kind, result.KindLeaderKill)
	o.Durability = cmp.Or(o.Durability, result.DurabilityFsync)
	o.Storage = cmp.Or(o.Storage, result.StorageHonest)
	o.Trials = cmp.Or(o.Trials, 12)
	o.Noops = cmp.Or(o.Noops, 4)
	o.RatePS = cmp.Or(o.RatePS, 200)
	o.SteadyS = cmp.Or(o.SteadyS, 5)
	o.Verdict = cmp.Or(o.Verdict, result.VerdictOK)
	return o
}

// The shape of an arm, in microseconds.
const (
	second    = 1_000_000
	warmup    = 2 * second
	trialTime = 4 * second
	binWidth  = 50_000
	election  = 150_000 // election timeout minimum
	capacity  = 20      // operations that drain at once, as a multiple of the rate
	slowSync  = 25_000
)

// arm is one arm in the making.
type arm struct {
	Options
	name   string
	random *rand.Rand
	trials []result.Trial
	ops    []result.OpRow
	stages []result.StageRow
	events []result.Event
	end    int64
	// outages lists (start, first acknowledgement after it).
	outages [][2]int64
	// broken lists (from, to) of slow disks.
	broken [][2]int64
}

// Write makes a result directory at dir.
func Write(dir string, options Options) error {
	o := options.WithDefaults()
	w, err := result.Create(dir)
	if err != nil {
		return err
	}
	manifest := fixedManifest(o)
	if err := w.WriteManifest(manifest); err != nil {
		return err
	}
	if err := w.WriteScenario(fixedScenario(o)); err != nil {
		return err
	}
	calibration := fixedCalibration(o.Storage)
	if err := w.WriteCalibration(calibration); err != nil {
		return err
	}
	summary := result.Summary{Verdict: o.Verdict, Calibration: calibration}
	var all arm
	var bins []result.TimelineBin
	for i, name := range o.Arms {
		a := newArm(o, name, uint64(i))
		a.run()
		bins = append(bins, a.timeline()...)
		summary.Arms = append(summary.Arms, a.summary(i == 0))
		all.trials = append(all.trials, a.trials...)
		all.ops = append(all.ops, a.ops...)
		all.stages = append(all.stages, a.stages...)
		all.events = append(all.events, a.events...)
	}
	for _, write := range []func() error{
		func() error { return w.WriteTrials(all.trials) },
		func() error { return w.WriteTimeline(bins) },
		func() error { return w.WriteStages(all.stages) },
		func() error { return w.WriteEvents(all.events) },
		func() error { return w.WriteOps(slices.Values(all.ops)) },
		func() error { return writeIntervals(w, all.ops) },
		func() error { return w.WriteSummary(summary) },
		w.Close,
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write fixture: %w", err)
		}
	}
	return nil
}

func newArm(o Options, name string, stream uint64) *arm {
	return &arm{Options: o, name: name, random: rand.New(rand.NewPCG(o.Seed, stream))}
}

// run invents the faults first, and then the operations that met them.
func (a *arm) run() {
	a.event(0, 0, "phase", "warmup")
	a.event(warmup, 0, "phase", "steady")
	at := warmup + int64(a.SteadyS)*second
	term, leader := uint64(2), uint64(1)
	a.events = append(a.events, result.Event{Arm: a.name, TimeUs: 1000, Node: leader, Kind: "leader", Term: term})
	for i := range max(a.Trials, a.Noops) {
		if i < a.Noops {
			a.noop(at, i+1)
			at += trialTime
		}
		if i < a.Trials && result.Survived(a.Kind) {
			a.slow(at, i+1, leader)
			at += trialTime
		} else if i < a.Trials {
			next := leader%3 + 1
			a.kill(at, i+1, leader, next, term+1)
			term++
			leader = next
			at += trialTime
		}
	}
	a.end = at
	a.operate()
	a.countTrials()
}

func (a *arm) event(at int64, node uint64, kind, note string) {
	a.events = append(a.events, result.Event{Arm: a.name, TimeUs: at, Node: node, Kind: kind, Note: note})
}

func (a *arm) noop(at int64, n int) {
	inject := at + second + a.random.Int64N(50_000)
	a.event(inject, 0, "phase", "noop")
	a.trials = append(a.trials, result.Trial{
		Arm: a.name, Kind: "noop", Trial: n, PhaseUs: inject - at - second,
		CommandUs: inject, InjectUs: inject, LastAckUs: -1, DetectUs: -1, ElectUs: -1, CommitUs: -1, FirstAckUs: -1,
		FirstWriteUs: -1, RecoverUs: inject, HealUs: inject, CaughtUpUs: inject, EndUs: at + trialTime,
	})
}

// kill invents a failover: detection within one to two election timeouts of the last heartbeat, sometimes a split vote.
func (a *arm) kill(at int64, n int, leader, next, term uint64) {
	phase := a.random.Int64N(50_000)
	command := at + second + phase
	inject := command + 300 + a.random.Int64N(900)
	detect := inject - phase + election + a.random.Int64N(election)
	rounds := 1
	if a.random.IntN(8) == 0 {
		rounds++
		detect += election + a.random.Int64N(election)
	}
	elect := detect + 4_000 + a.random.Int64N(8_000)
	commit := elect + 2_000 + a.random.Int64N(4_000)
	first := commit + 1_000 + a.random.Int64N(20_000)
	a.outages = append(a.outages, [2]int64{inject, first})
	a.event(command, 0, "phase", a.Kind)
	verbs := [2]string{"kill", "restart"}
	if a.Kind == result.KindLeaderDiskStall {
		verbs = [2]string{"break-disk", "heal-disk"}
	}
	if a.Kind == result.KindLeaderPause {
		verbs = [2]string{"pause", "resume"}
	}
	if result.CutsLinks(a.Kind) {
		verbs = [2]string{"cut-links", "heal-links"}
	}
	a.event(inject, leader, verbs[0], "")
	for _, e := range []result.Event{
		{TimeUs: detect, Node: next, Kind: "pre_campaign", Term: term},
		{TimeUs: detect + 2_000, Node: next, Kind: "campaign", Term: term},
		{TimeUs: elect, Node: next, Kind: "leader", Term: term, Leader: next},
		{TimeUs: commit, Node: next, Kind: "term_committed", Term: term, Leader: next},
	} {
		e.Arm = a.name
		a.events = append(a.events, e)
	}
	heal := inject + second
	if a.Kind == result.KindPowerLoss { // what happens happens after that
		heal = inject + 50_000
	}
	a.event(heal, leader, verbs[1], "")
	a.trials = append(a.trials, result.Trial{
		Arm: a.name, Kind: a.Kind, Trial: n, Node: leader, PhaseUs: phase, CommandUs: command, InjectUs: inject,
		LastAckUs: inject - 500, DetectUs: detect, ElectUs: elect, CommitUs: commit, FirstAckUs: first,
		HealUs: heal, CaughtUpUs: heal + 200_000 + a.random.Int64N(200_000),
		FirstWriteUs: first, RecoverUs: first + (first-inject)/capacity, EndUs: at + trialTime, Rounds: rounds,
		Terms: rounds, OutageMs: float64(first-inject+500) / 1e3, LeaderlessMs: float64(commit-inject) / 1e3,
	})
}

// slow invents a second in which the leader's disk takes slowSync longer for a sync.
func (a *arm) slow(at int64, n int, leader uint64) {
	phase := a.random.Int64N(50_000)
	command := at + second + phase
	inject, heal := command+900, command+second
	a.event(command, 0, "phase", a.Kind)
	a.event(inject, leader, "break-disk", "")
	a.event(heal, leader, "heal-disk", "")
	a.broken = append(a.broken, [2]int64{inject, heal})
	a.trials = append(a.trials, result.Trial{
		Arm: a.name, Kind: a.Kind, Trial: n, Node: leader, PhaseUs: phase, CommandUs: command, InjectUs: inject,
		LastAckUs: inject - 500, DetectUs: -1, ElectUs: -1, CommitUs: -1, FirstAckUs: inject + slowSync,
		FirstWriteUs: inject + slowSync, HealUs: heal, CaughtUpUs: heal + 30_000, RecoverUs: heal + 5_000,
		EndUs: at + trialTime, OutageMs: slowSync / 1e3, LeaderlessMs: -1,
	})
}

// operate gives each operation of the schedule its three times.
func (a *arm) operate() {
	gap := int64(second / a.RatePS)
	base := 1_500.0
	if a.name != a.Arms[0] {
		base = 1_900
	}
	waiting := int64(0)
	for intended := int64(0); intended < a.end; intended += gap {
		sent := intended + a.random.Int64N(40)
		service := int64(base * (0.8 + a.random.ExpFloat64()*0.35))
		if a.isBroken(intended) {
			service += slowSync
		}
		done, outcome, attempts := sent+service, "ok", 1
		if outage, ok := a.outageAt(intended, done); ok {
			waiting++
			attempts = 2
			done = outage[1] + waiting*gap/capacity + service
			if intended < outage[0] {
				outcome = "unknown"
				done = intended + second
			}
		} else {
			waiting = 0
		}
		a.ops = append(a.ops, result.OpRow{
			Arm: a.name, Kind: "set", IntendedUs: intended, SentUs: sent, DoneUs: done, Outcome: outcome,
			Attempts: attempts, Redirects: attempts - 1, SampledOneIn: 1,
		})
		if len(a.ops)%16 == 0 && attempts == 1 {
			a.stage(service)
		}
	}
}

func (a *arm) isBroken(at int64) bool {
	return slices.ContainsFunc(a.broken, func(b [2]int64) bool { return at >= b[0] && at < b[1] })
}

func (a *arm) stage(service int64) {
	at := func(share float64) int64 { return int64(float64(service) * share) }
	a.stages = append(a.stages, result.StageRow{
		Arm: a.name, Node: 1, Index: uint64(len(a.ops)), BatchedUs: at(.03), AppendedUs: at(.06), DurableUs: at(.55),
		CommitUs: at(.8), AppliedUs: at(.9), AnsweredUs: at(.95),
	})
}

func (a *arm) outageAt(intended, done int64) ([2]int64, bool) {
	for _, outage := range a.outages {
		if done > outage[0] && intended < outage[1] {
			return outage, true
		}
	}
	return [2]int64{}, false
}

// countTrials fills in what each trial's operations say.
func (a *arm) countTrials() {
	for i := range a.trials {
		t := &a.trials[i]
		last, gap := int64(-1), int64(0)
		for _, op := range a.ops {
			if op.IntendedUs < t.InjectUs-100_000 || op.IntendedUs >= t.EndUs {
				continue
			}
			switch op.Outcome {
			case "ok":
				t.OK++
				t.LatencyDebtOpS += max(0, float64(op.DoneUs-op.IntendedUs-2_000)/1e6)
				if last >= 0 {
					gap = max(gap, op.DoneUs-last)
				}
				last = op.DoneUs
			case "unknown":
				t.Unknown++
			}
		}
		if t.Kind == "noop" {
			t.OutageMs = float64(gap) / 1e3
		}
	}
}

func fixedManifest(o Options) result.Manifest {
	started := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	return result.Manifest{
		Name: "fixture", Started: started, Finished: started.Add(3 * time.Minute),
		Command: []string{"raftmark", "bench", "fixture.yaml", "-o", "results/fixture"}, Seed: o.Seed,
		Version: "v0.1.0", Commit: "0123456789abcdef0123456789abcdef01234567",
		Labels: map[string]string{"host": "example"},
		Environment: result.Environment{
			OS: "linux", Kernel: "6.1.0", Arch: "amd64", CPUModel: "Example CPU @ 2.40GHz", CPUs: 2, GOMAXPROCS: 2,
			MemoryBytes: 8 << 30, Filesystem: "ext4", GoVersion: "go1.26", Virtual: "kvm", StealPercent: 0.4,
			Placement: "process",
		},
	}
}

func fixedScenario(o Options) []byte {
	return fmt.Appendf(nil, "name: fixture\nseed: %d\nnodes: 3\nrate: %d/s\ntrials: %d\n", o.Seed, o.RatePS, o.Trials)
}
