package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp"
)

// bootMax bounds how long a fresh cluster may take to serve.
const bootMax = 20 * time.Second

// run is one run of one arm on a cluster of its own: warm-up, steady phase, trials. One schedule of load goes through
// all of it; what belongs to which phase is decided afterwards, by intended time.
type run struct {
	scenario Scenario
	number   int
	seed     uint64
	clock    clock.Clock
	progress *progress
	random   *rand.Rand

	sys       system
	target    *resp.Target
	generator *loadgen.Generator
	trace     *loadgen.Trace
	recent    *recent
	window    windowNote // of the generator

	from, to             time.Duration // on the machine's clock
	steadyFrom, steadyTo time.Duration
	wire                 wireCost // of the steady phase
	phases               phaseLog
	baseline             baseline
	course               *courseRecord // nil without one
	backlog              *loadgen.Trace
	backlogOptions       loadgen.Options
	backlogFrom          time.Duration
	backlogTo            time.Duration
	backlogAcked         int
	saturation           *saturationRecord // nil without one
	trials               []trialRecord
	actions              []action
	dropped              map[uint64]uint64 // events, by node
	invalid, warnings    []string
	unsafe               []string

	entries []loadgen.Entry
	events  []nodeEvent
	stages  stageRecord
	safety  result.Safety

	histories []runHistory
	chainRows []result.LogChain // Arm is empty
}

// action is something that the bench did to the cluster.
type action struct {
	at   time.Duration
	node uint64
	kind string
	note string
}

func newRun(s Scenario, number int, clk clock.Clock, p *progress) *run {
	// Runs of the same number have the same seed in all arms: the same arrivals, keys, order and instants of faults.
	seed := s.Seed + uint64(number)*0x9e3779b97f4a7c15
	return &run{
		scenario: s, number: number, seed: seed, clock: clk, progress: p,
		random: rand.New(rand.NewPCG(seed, 0x7472696c)),
		trace:  loadgen.NewTrace(seed, 0), recent: &recent{}, dropped: map[uint64]uint64{},
	}
}

func (r *run) act(kind string, node uint64, note string) {
	r.actions = append(r.actions, action{at: r.clock.Now(), node: node, kind: kind, note: note})
}

func (r *run) begin(phase string) {
	now := r.clock.Now()
	r.phases.begin(phase, now)
	r.act(result.EventPhase, 0, phase)
	r.progress.phase(phase, 0, 0)
}

// execute measures. What was seen until an error is kept, and is the caller's to record. The cluster is closed at the
// end in any case.
func (r *run) execute(ctx context.Context, start func(context.Context) (system, error)) (err error) {
	r.from = r.clock.Now()
	r.to = r.from
	r.begin(phaseStart)
	if r.sys, err = start(ctx); err != nil {
		return fmt.Errorf("start the cluster: %w", err)
	}
	defer func() {
		if closeErr := r.sys.close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("stop the cluster: %w", closeErr))
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := r.endWithNodes(cancel)
	defer watched()
	if err := r.connect(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.target.Close()) }()
	if err := r.preload(ctx); err != nil {
		return err
	}
	if r.scenario.Saturation != nil {
		err = r.saturate(ctx)
		r.entries = r.saturationEntries()
	} else {
		err = r.underLoad(ctx)
		r.entries = r.trace.Entries()
	}
	if dropped := r.trace.Dropped(); dropped > 0 {
		r.invalid = append(r.invalid, fmt.Sprintf("%d operations were beyond the %d that a run can keep",
			dropped, r.trace.Len()))
	}
	r.look(ctx)
	r.judgeEvents()
	events, eventsErr := r.sys.events()
	r.events = events
	if err = errors.Join(err, eventsErr); err != nil {
		return err
	}
	return r.checkSafety(ctx)
}

// endWithNodes breaks the run off when a node ends by itself: the rest would measure another cluster.
func (r *run) endWithNodes(cancel context.CancelCauseFunc) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-r.sys.failed():
			cancel(r.sys.failure())
		case <-stopped:
		}
	}()
	return func() { close(stopped); <-done }
}

// connect waits until the cluster serves.
func (r *run) connect(ctx context.Context) (err error) {
	r.target, err = resp.New(resp.Options{Addrs: r.sys.clientAddrs(), Clock: r.clock})
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	boot, cancel := context.WithTimeout(ctx, bootMax)
	defer cancel()
	if err := r.target.WaitReady(boot); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return errors.Join(fmt.Errorf("wait until the cluster serves: %w", err), r.target.Close())
	}
	r.look(ctx)
	return nil
}

// look asks the nodes, and shows the leader.
func (r *run) look(ctx context.Context) []nodeStatus {
	statuses := r.sys.status(ctx, false)
	r.noteDropped(statuses)
	if leader, ok := leaderOf(statuses); ok {
		r.progress.leader(leader.node, leader.term)
	}
	return statuses
}

// noteDropped remembers the most events that a node said it had dropped; a restart begins its count anew.
func (r *run) noteDropped(statuses []nodeStatus) {
	for _, s := range statuses {
		if s.dropped > r.dropped[s.node] {
			r.dropped[s.node] = s.dropped
		}
	}
}

// judgeEvents makes the run invalid when events are missing: instants of a failover may be among them (rule R12).
func (r *run) judgeEvents() {
	for _, node := range slices.Sorted(maps.Keys(r.dropped)) {
		r.invalid = append(r.invalid, fmt.Sprintf("run %d: node %d dropped %d of its events: phases may be wrong",
			r.number, node, r.dropped[node]))
	}
}

func (r *run) loadOptions() loadgen.Options {
	l := r.scenario.Load
	o := loadgen.Options{
		Warmup:      time.Duration(r.scenario.Warmup),
		InflightMax: l.MaxInflight, Timeout: time.Duration(l.Timeout), Seed: r.seed, Clock: r.clock,
		Workload: loadgen.Workload{
			Keys: l.Keys, KeyDist: loadgen.KeyDist(l.KeyDist), ReadShare: l.ReadShare, PayloadBytes: int(l.Payload),
		},
	}
	r.scenario.schedule(&o)
	return o
}

// underLoad runs all phases while the generator offers the load, and returns when every operation has ended.
func (r *run) underLoad(ctx context.Context) (err error) {
	r.generator, err = loadgen.New(r.loadOptions(), r.target, loadgen.Tee(r.trace, r.recent, &r.window))
	if err != nil {
		return err
	}
	load, stopLoad := context.WithCancel(context.Background())
	defer stopLoad()
	ended := make(chan error, 1)
	go func() { ended <- r.generator.Run(load) }()
	r.progress.load(r.generator.Counters)

	fast, err := r.slowFollower(ctx)
	if err == nil {
		err = errors.Join(r.measure(ctx), fast())
	}
	r.begin(phaseDrain)
	stopLoad()
	err = errors.Join(err, <-ended)
	r.progress.load(nil)
	r.to = r.clock.Now()
	r.phases.end(r.to)
	return err
}

// self returns what happened to the generator's process from the end of the warm-up on; nil before the load has ended.
func (r *run) self() *loadgen.Self {
	if r.generator == nil {
		return nil
	}
	return r.generator.Self()
}

// measure goes through the phases under load.
func (r *run) measure(ctx context.Context) error {
	r.begin(phaseWarmup)
	if err := pause(ctx, time.Duration(r.scenario.Warmup)); err != nil {
		return err
	}
	// The generator anchors its schedule anew after the warm-up; it says where.
	anchored, err := poll(ctx, time.Second, func() bool { return !r.generator.Counters().Warmup })
	if err != nil || !anchored {
		return errors.Join(err, errors.New("the generator did not end its warm-up"))
	}
	r.begin(phaseSteady)
	r.steadyFrom = r.clock.Now()
	before := r.readWire(ctx)
	err = pause(ctx, time.Duration(r.scenario.Steady)-(r.clock.Now()-r.steadyFrom))
	r.steadyTo = r.clock.Now()
	if err != nil {
		return err
	}
	after := r.readWire(ctx)
	r.noteWire(before, after)
	r.begin(phaseSettle)
	// What is still under way was intended in the steady phase, too: its latency counts.
	if err := pause(ctx, settleLeast); err != nil {
		return err
	}
	// Of the calm leader: the next one has been through an election.
	r.stages.takeSteady(r.sys.stages(ctx), r.number, before.commit, after.commit)
	r.baseline = baselineOf(r.trace.Entries(), r.steadyFrom, r.steadyTo)
	if r.scenario.Course != nil {
		return r.runCourse(ctx)
	}
	return r.runTrials(ctx)
}

// settleLeast lets the last operations of the steady phase end before the baseline is taken.
const settleLeast = 200 * time.Millisecond
