package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// saturationPause is the least quiet time between two points.
const saturationPause = 300 * time.Millisecond

// shareAttemptsMax is how often a share of the knee is held when the generator was late.
const shareAttemptsMax = 2

// saturationRecord is the search of a run.
type saturationRecord struct {
	search *rateSearch
	points []*heldPoint
}

// heldPoint is one rate that was held for a while, with an open loop of its own.
type heldPoint struct {
	phase    string  // result.SaturationSearch or SaturationShare
	share    float64 // of the knee; -1 in the search
	rate     float64
	number   int // of the rate in the grid; -1 of a share
	attempt  int
	from, to time.Duration

	options loadgen.Options
	trace   *loadgen.Trace
	entries []loadgen.Entry
	stats   loadgen.Stats
	outcome string
	why     []string
}

// saturate looks for the knee, and then holds the shares of it in an order drawn from the seed.
func (r *run) saturate(ctx context.Context) error {
	o := r.scenario.Saturation
	r.saturation = &saturationRecord{search: newRateSearch(o)}
	search := r.saturation.search
	for {
		number, attempt, more := search.next()
		if !more {
			break
		}
		p := &heldPoint{phase: result.SaturationSearch, share: -1, rate: o.rateOf(number), number: number, attempt: attempt}
		if err := r.hold(ctx, p, time.Duration(o.Hold)); err != nil {
			return err
		}
		p.judge(time.Duration(o.SLOP99))
		search.learn(p.outcome)
		r.notePoint(p)
		if settled, err := r.settleSaturated(ctx); err != nil || !settled {
			return err
		}
	}
	knee, ok := search.knee()
	if !ok {
		return nil // saturationNotes says so
	}
	shares := slices.Clone(o.Shares)
	r.random.Shuffle(len(shares), func(i, j int) { shares[i], shares[j] = shares[j], shares[i] })
	for _, share := range shares {
		for attempt := 1; attempt <= shareAttemptsMax; attempt++ {
			p := &heldPoint{
				phase: result.SaturationShare, share: share, rate: share * o.rateOf(knee), number: -1, attempt: attempt,
			}
			if err := r.hold(ctx, p, time.Duration(o.ShareHold)); err != nil {
				return err
			}
			p.judge(time.Duration(o.SLOP99))
			r.notePoint(p)
			if settled, err := r.settleSaturated(ctx); err != nil || !settled {
				return err
			}
			if p.outcome != result.OutcomeInvalid {
				break
			}
		}
	}
	return nil
}

// hold offers the point's rate, with a warm-up of its own, until every operation has ended.
func (r *run) hold(ctx context.Context, p *heldPoint, length time.Duration) error {
	o := r.loadOptions()
	number := uint64(len(r.saturation.points) + 1)
	o.Rate, o.Warmup, o.Duration = p.rate, time.Duration(r.scenario.Saturation.Warmup), length
	o.Seed = rand.New(rand.NewPCG(r.seed, number)).Uint64()
	o.Workload.KeyPrefix = fmt.Sprintf("%06x.%d:", loadgen.RunID(r.seed), number) // no point shares a key with another
	p.trace = loadgen.NewTrace(o.Seed, 0)
	window := &windowNote{}
	generator, err := loadgen.New(o, r.target, loadgen.Tee(p.trace, window))
	if err != nil {
		return err
	}
	p.options = generator.Options()
	r.saturation.points = append(r.saturation.points, p)
	r.begin(p.phase)
	r.act(result.EventOffer, 0, fmt.Sprintf("%s, attempt %d", Rate(p.rate), p.attempt))
	r.progress.phase(p.phase, 0, 0)
	r.progress.load(generator.Counters)
	err = generator.Run(ctx)
	r.progress.load(nil)
	p.from, p.to = window.window()
	p.entries = p.trace.Entries()
	p.stats = loadgen.StatsOf(p.entries, p.from, p.to)
	p.stats.Self = generator.Self()
	r.to = r.clock.Now()
	r.phases.end(r.to)
	if dropped := p.trace.Dropped(); dropped > 0 {
		r.invalid = append(r.invalid, fmt.Sprintf("run %d, %s: %d operations were beyond the %d that can be kept",
			r.number, Rate(p.rate), dropped, p.trace.Len()))
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return err
}

// windowNote is the Recorder that notes the measured window.
type windowNote struct {
	mu       sync.Mutex
	from, to time.Duration
}

// Record implements loadgen.Recorder.
func (*windowNote) Record(*loadgen.Op) {}

// SetWindow implements loadgen.Windowed.
func (w *windowNote) SetWindow(from, to time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from, w.to = from, to
}

func (w *windowNote) window() (from, to time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.from, w.to
}

// judge says what became of the point. It was missed when the system was over the limit although the generator's own
// lateness is a small part of what was seen; it was held when the generator kept all conditions of a steady phase (rule
// R16); else it says nothing about the system.
func (p *heldPoint) judge(slo time.Duration) {
	missed := p.over(slo)
	late := generatorFaults(p.stats)
	if len(missed) > 0 {
		late = missedFaults(p.stats)
	}
	switch {
	case len(late) > 0:
		p.outcome, p.why = result.OutcomeInvalid, late
	case len(missed) > 0:
		p.outcome, p.why = result.OutcomeMissed, missed
	default:
		p.outcome = result.OutcomeHeld
	}
}

// over returns what the system was over: the limit, or a condition of a steady phase.
func (p *heldPoint) over(slo time.Duration) []string {
	missed := overLimit(&p.stats, slo)
	if drift := driftOf(p.entries, p.from, p.to); drift != "" {
		missed = append(missed, "a growing backlog: "+drift)
	}
	return missed
}

// achievedShareMin is the part of the offered rate that must be acknowledged within the window.
const achievedShareMin = 0.99

// overLimit returns what the system was over.
func overLimit(s *loadgen.Stats, slo time.Duration) (over []string) {
	if s.ResponseUs.P99 == nil {
		over = append(over, fmt.Sprintf("only %d operations were due: no p99", s.ResponseUs.N))
	} else if limit := float64(slo.Microseconds()); *s.ResponseUs.P99 > limit {
		over = append(over, fmt.Sprintf("p99 %.0f µs is above %.0f µs", *s.ResponseUs.P99, limit))
	}
	if s.AchievedPerS < achievedShareMin*s.OfferedPerS {
		over = append(over, fmt.Sprintf("achieved %.0f/s of %.0f/s: below %.0f %%", s.AchievedPerS, s.OfferedPerS,
			100*achievedShareMin))
	}
	if n := s.Failed + s.Unknown; n > 0 {
		over = append(over, fmt.Sprintf("%d operations failed or ended unknown", n))
	}
	if s.Shed > 0 {
		over = append(over, fmt.Sprintf("%d operations were shed", s.Shed))
	}
	return over
}

// generatorFaults returns what Stats.Invalid says of the generator, and not of a rate that was not achieved.
func generatorFaults(s loadgen.Stats) []string {
	s.AchievedPerS, s.OK = s.OfferedPerS, max(1, s.OK)
	return s.Invalid()
}

// missedFaults returns what forbids to say that the system was over its limit: see disturbedFaults.
func missedFaults(s loadgen.Stats) []string {
	lateness := s
	lateness.OK = max(1, s.OK) // that nothing was answered is the system's
	faults := disturbedFaults(&lateness)
	self := loadgen.Stats{Closed: false, OK: 1, Self: s.Self, ResponseUs: s.ResponseUs}
	return append(faults, self.Invalid()...)
}

// notePoint tells whoever waits.
func (r *run) notePoint(p *heldPoint) {
	text := func(us *float64) string {
		if us == nil {
			return "-"
		}
		return shortUs(int64(*us))
	}
	s := &p.stats
	line := fmt.Sprintf("%s %s: achieved %.0f/s  p50 %s  p99 %s", Rate(p.rate), p.outcome, s.AchievedPerS,
		text(s.ResponseUs.P50), text(s.ResponseUs.P99))
	if len(p.why) > 0 {
		line += "  (" + strings.Join(p.why, "; ") + ")"
	}
	r.progress.note("%s", line)
	r.act(p.outcome, 0, line)
}

// settleSaturated waits until every node has applied what was committed, so that no point pays for the one before. A
// cluster that does not get there ends the search of its run, and makes it invalid.
func (r *run) settleSaturated(ctx context.Context) (bool, error) {
	r.begin(phaseSettle)
	if err := pause(ctx, saturationPause); err != nil {
		return false, err
	}
	settled, err := poll(ctx, time.Duration(r.scenario.Trial.Recover), func() bool {
		statuses := r.look(ctx)
		leader, ok := leaderOf(statuses)
		return ok && caughtUp(statuses, r.scenario.Nodes, leader.commit)
	})
	r.to = r.clock.Now()
	r.phases.end(r.to)
	if err == nil && !settled {
		last := r.saturation.points[len(r.saturation.points)-1]
		r.invalid = append(r.invalid, fmt.Sprintf(
			"run %d: the cluster did not settle within %s after %s: the search was ended", r.number,
			r.scenario.Trial.Recover, Rate(last.rate)))
	}
	return settled, err
}

// saturationEntries returns the operations of all points, in the order of their intended start. The points' own are
// parts of it from then on: there are millions.
func (r *run) saturationEntries() []loadgen.Entry {
	n := 0
	for _, p := range r.saturation.points {
		n += len(p.entries)
	}
	all := make([]loadgen.Entry, 0, n)
	for _, p := range r.saturation.points {
		first := len(all)
		all = append(all, p.entries...)
		p.entries = all[first:]
	}
	return all
}

// checkSaturation does what checkSafety does, for each point: the loads of two points share no key.
func (r *run) checkSaturation(ctx context.Context) error {
	var faults []error
	for i, p := range r.saturation.points {
		history, err := r.readBack(ctx, p.trace, p.options)
		if err != nil {
			r.safety.Linearizable = string(check.VerdictUnknown)
			faults = append(faults, fmt.Errorf("read the keys of %s back: %w", Rate(p.rate), err))
			break
		}
		r.histories = append(r.histories, runHistory{part: fmt.Sprintf("point%d", i+1), history: history})
		part := fmt.Sprintf("%s: ", Rate(p.rate))
		r.judge(part, check.LostWrites(history), check.Linearizable(history, linearizableLimit))
		p.trace = nil // its entries stay
	}
	return errors.Join(append(faults, r.checkLogs(ctx))...)
}
