package bench

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/loadgen"
)

// searchFor runs the search on a system that answers by itself, and returns the number of points too.
func searchFor(t *testing.T, o Saturation, answer func(rate float64, attempt int) string) (*rateSearch, int) {
	t.Helper()
	s := newRateSearch(&o)
	points := 0
	for {
		number, attempt, more := s.next()
		if !more {
			return s, points
		}
		if number < 0 || number > o.top() || attempt > 3 {
			t.Fatalf("got rate number %d of %d, attempt %d", number, o.top(), attempt)
		}
		if points++; points > 1000 {
			t.Fatal("the search does not end")
		}
		s.learn(answer(o.rateOf(number), attempt))
		if s.low >= s.high {
			t.Fatalf("got low %d, high %d", s.low, s.high)
		}
	}
}

// Whatever the limit of a system is, the search ends beside it: the knee is below it, and the next rate is not.
func TestSearchFindsTheLimit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		o := DefaultSaturation()
		o.From, o.Growth = Rate(10+random.Float64()*1000), 1.05+random.Float64()*3
		o.To, o.Refine = o.From*Rate(1.01+random.Float64()*100), random.IntN(saturationRefineMax+1)
		limit := float64(o.From) * math.Pow(float64(o.To/o.From)*1.2, random.Float64()*1.1-0.05)
		s, points := searchFor(t, o, func(rate float64, _ int) string {
			if rate <= limit {
				return result.OutcomeHeld
			}
			return result.OutcomeMissed
		})
		// The climb, two attempts at what ends it, and at most two at each halving.
		if most := o.top()/o.stride() + 4 + 2*o.Refine; points > most {
			t.Fatalf("%+v: got %d points, want at most %d", o, points, most)
		}
		knee, ok := s.knee()
		switch {
		case !ok && o.rateOf(0) <= limit:
			t.Fatalf("%+v: got no knee, want one below %v", o, limit)
		case ok && o.rateOf(knee) > limit:
			t.Fatalf("%+v: got knee %v above the limit %v", o, o.rateOf(knee), limit)
		case ok && knee < o.top() && (o.rateOf(knee+1) <= limit || s.bound != result.BoundSystem):
			t.Fatalf("%+v: got knee %v, bound %s; the next rate %v is within the limit %v", o, o.rateOf(knee), s.bound,
				o.rateOf(knee+1), limit)
		case ok && knee == o.top() && s.bound != result.BoundRange:
			t.Fatalf("%+v: got bound %s at the top", o, s.bound)
		}
	}
}

// One attempt that went wrong by chance ends no climb, and one that went well by chance lifts no knee.
func TestSearchTakesTheBestOfThree(t *testing.T) {
	o := DefaultSaturation()
	for name, c := range map[string]struct {
		outcomes    []string // of the attempts at the first rate that is not held at once
		held        bool
		bound       string
		wantedTries int
	}{
		"a hiccup":           {[]string{"missed", "held", "held"}, true, "", 3},
		"once by chance":     {[]string{"missed", "held", "missed"}, false, result.BoundSystem, 3},
		"over the limit":     {[]string{"missed", "missed"}, false, result.BoundSystem, 2},
		"a late generator":   {[]string{"invalid", "invalid"}, false, result.BoundGenerator, 2},
		"late, then over":    {[]string{"invalid", "missed"}, false, result.BoundGenerator, 2},
		"late once":          {[]string{"invalid", "held", "held"}, true, "", 3},
		"late, held, missed": {[]string{"invalid", "held", "missed"}, false, result.BoundGenerator, 3},
	} {
		s := newRateSearch(&o)
		number, _, _ := s.next()
		s.learn(result.OutcomeHeld)
		first, _, _ := s.next()
		if first != number+o.stride() {
			t.Fatalf("%s: got rate %d after %d", name, first, number)
		}
		for i, outcome := range c.outcomes {
			if at, attempt, _ := s.next(); at != first || attempt != i+1 {
				t.Errorf("%s: got rate %d, attempt %d; want %d, %d", name, at, attempt, first, i+1)
			}
			s.learn(outcome)
		}
		if c.held != (s.low == first) || !c.held && (s.high != first || s.bound != c.bound) {
			t.Errorf("%s: got low %d, high %d, bound %s after rate %d", name, s.low, s.high, s.bound, first)
		}
	}
}

func TestSearchOfANoisySystemIsNotLifted(t *testing.T) {
	// A rate is held with a probability that falls from 1 to 0 around 4000/s; without noise that would be the knee.
	random := rand.New(rand.NewPCG(7, 7))
	o := DefaultSaturation()
	var knees []float64
	for range 500 {
		s, _ := searchFor(t, o, func(rate float64, _ int) string {
			if random.Float64() < 1/(1+math.Pow(rate/4000, 12)) {
				return result.OutcomeHeld
			}
			return result.OutcomeMissed
		})
		if knee, ok := s.knee(); ok {
			knees = append(knees, o.rateOf(knee))
		}
	}
	m := medianOf(knees)
	if len(knees) < 499 || *m.Median < 4000/1.12 || *m.Median > 4000*1.12 {
		t.Errorf("got a median knee of %v of %d runs, want 4000 within 12 %%", *m.Median, len(knees))
	}
}

// point makes a held point of 4 s at 1000/s whose operations end as the given function says.
func pointOf(end func(e *loadgen.Entry)) *heldPoint {
	entries := ops(0, 4000*ms, end)
	return &heldPoint{
		from: 0, to: 4000 * ms, entries: entries, stats: loadgen.StatsOf(entries, 0, 4000*ms),
		phase: result.SaturationSearch, share: -1, rate: 1000,
	}
}

// A point is the system's limit only when the generator was on time; a late generator says nothing about the system.
func TestPointsAreJudged(t *testing.T) {
	later := func(d time.Duration) func(e *loadgen.Entry) {
		return func(e *loadgen.Entry) { e.Done += d }
	}
	lateBy := func(d time.Duration, one uint64) func(e *loadgen.Entry) {
		return func(e *loadgen.Entry) {
			if e.Seq%one == 0 {
				e.Dispatched, e.Sent, e.Done = e.Dispatched+d, e.Sent+d, e.Done+d
			}
		}
	}
	for name, c := range map[string]struct {
		end       func(e *loadgen.Entry)
		outcome   string
		want, not string
	}{
		"calm": {func(*loadgen.Entry) {}, result.OutcomeHeld, "", ""},
		"slow": {later(20 * ms), result.OutcomeMissed, "p99", "generator"},
		"failed": {
			func(e *loadgen.Entry) { set(e, e.Seq == 7, loadgen.Failed) }, result.OutcomeMissed, "1 operations failed", "",
		},
		"shed":    {func(e *loadgen.Entry) { set(e, e.Seq%200 == 7, loadgen.Shed) }, result.OutcomeMissed, "shed", ""},
		"none":    {func(e *loadgen.Entry) { set(e, true, loadgen.Unknown) }, result.OutcomeMissed, "achieved 0/s", ""},
		"backlog": {func(e *loadgen.Entry) { e.Done += e.Intended / 600 }, result.OutcomeMissed, "a growing backlog", ""},
		"late":    {lateBy(2*ms, 10), result.OutcomeInvalid, "generator was late", ""},
		"too late": {
			lateBy(15*ms, 10), result.OutcomeInvalid, "generator was late: send lag p99", "achieved",
		},
		"overload, and a lag that is small against it": {
			func(e *loadgen.Entry) { lateBy(2*ms, 10)(e); e.Done += 900 * ms }, result.OutcomeMissed, "achieved", "generator",
		},
	} {
		p := pointOf(c.end)
		p.judge(10 * ms)
		why := strings.Join(p.why, "; ")
		if p.outcome != c.outcome || !strings.Contains(why, c.want) || c.not != "" && strings.Contains(why, c.not) {
			t.Errorf("%s: got %s because of %q, want %s because of %q", name, p.outcome, why, c.outcome, c.want)
		}
	}
	p := pointOf(later(20 * ms))
	p.stats.Self = &loadgen.Self{ClockStepUs: 1e6}
	if p.judge(10 * ms); p.outcome != result.OutcomeInvalid {
		t.Errorf("got %s with a clock that was set, want invalid", p.outcome)
	}
}

// At a share of the knee p99 above the limit is a finding; a late generator and a rate that was not achieved are
// faults, of the attempt that counts.
func TestSharesHoldTheConditionsOfASteadyPhase(t *testing.T) {
	share := func(share float64, end func(e *loadgen.Entry)) *heldPoint {
		p := pointOf(end)
		p.phase, p.share = result.SaturationShare, share
		p.judge(10 * ms)
		return p
	}
	late := func(e *loadgen.Entry) {
		e.Dispatched, e.Sent, e.Done = e.Dispatched+2*ms, e.Sent+2*ms, e.Done+2*ms
	}
	faults := shareFaults(2, []*heldPoint{
		share(0.3, late), share(0.3, func(*loadgen.Entry) {}),
		share(0.5, func(e *loadgen.Entry) { e.Done += 20 * ms }),
		share(0.6, late),
		share(0.8, func(e *loadgen.Entry) { set(e, e.Seq%50 == 0, loadgen.Shed) }),
	})
	text := strings.Join(faults, "\n")
	for _, want := range []string{
		"run 2, at 60 % of the knee: the generator was late", "run 2, at 80 % of the knee: achieved",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	if strings.Contains(text, "30 %") || strings.Contains(text, "50 %") {
		t.Errorf("got %q, want nothing of what was on time in the end", text)
	}
}

func TestBacklogCountsWhatWasDueAndNotAnswered(t *testing.T) {
	p := pointOf(func(e *loadgen.Entry) { e.Done = e.Intended + 100*ms })
	if from, to := backlogAt(p.entries, 0), backlogAt(p.entries, 4000*ms); from != 0 || to != 100 {
		t.Errorf("got %d and %d, want 0 and 100", from, to)
	}
}

func TestWhatBoundedASearchIsSaid(t *testing.T) {
	points := []*heldPoint{
		{number: 3, outcome: result.OutcomeInvalid, why: []string{"late"}},
		{number: 3, outcome: result.OutcomeHeld},
		{number: 3, outcome: result.OutcomeMissed, why: []string{"slow", "full"}},
		{number: 4, outcome: result.OutcomeMissed, why: []string{"another"}},
	}
	if got := whyNotHeld(points, 3, result.BoundGenerator); got != "late" {
		t.Errorf("got %q, want what the generator was", got)
	}
	if got := whyNotHeld(points, 3, result.BoundSystem); got != "slow; full" {
		t.Errorf("got %q, want what the system was", got)
	}
}

func TestSaturationSums(t *testing.T) {
	o := DefaultSaturation()
	row := func(run int, phase string, rate, p50 float64, outcome string) result.SaturationRow {
		share := -1.0
		if phase == result.SaturationShare {
			share = 0.3
		}
		return result.SaturationRow{
			Run: run, Phase: phase, Share: share, RatePerS: rate, OfferedPerS: rate, AchievedPerS: rate,
			P50Us: p50, P99Us: 3 * p50, P999Us: -1, MaxUs: 9 * p50, Outcome: outcome,
		}
	}
	knee := func(v float64) *float64 { return &v }
	s := saturationSums{
		rows: []result.SaturationRow{
			row(1, "search", 500, 100, "held"), row(1, "search", 800, 200, "missed"), row(1, "search", 800, 220, "missed"),
			row(1, "share", 150, 90, "invalid"), row(1, "share", 150, 80, "held"),
			row(2, "search", 500, 110, "held"), row(2, "search", 800, 9000, "invalid"), row(2, "search", 800, 9000, "invalid"),
			row(2, "share", 150, 70, "held"),
		},
		runs: []result.SaturationRun{
			{Run: 1, KneePerS: knee(500), NextPerS: knee(800), Bound: result.BoundSystem},
			{Run: 2, KneePerS: knee(640), NextPerS: knee(800), Bound: result.BoundGenerator},
		},
	}
	got, invalid := s.summary(&o)
	if len(invalid) != 0 || got.MaxPerS != 500 || got.Knee.N != 2 || got.Knee.Low != nil || !got.LowerBound {
		t.Errorf("got %+v, %q; want a knee of 500 over 2 runs without an interval, as a lower bound", got, invalid)
	}
	if p := got.Points[1]; p.Missed != 2 || p.Invalid != 2 || p.Runs != 2 || p.P50Us != 200 || p.P50OverUs.N != 2 {
		t.Errorf("got %+v, want the two attempts whose generator was on time", p)
	}
	if p := got.Shares[0]; p.P50Us.N != 2 || *p.P50Us.Median != 70 || p.P999Us.Median != nil || p.MaxUs != 720 {
		t.Errorf("got %+v, want the last attempt of each run", p)
	}
	summary := result.Summary{Schema: result.SummarySchema, Verdict: result.VerdictOK,
		Arms: []result.Arm{{Name: "a", Saturation: got}}}
	if err := summary.Validate(); err != nil {
		t.Error(err)
	}
}

// TestToySaturation searches on three real processes up to a rate that they hold with ease, or do not.
func TestToySaturation(t *testing.T) {
	s := toy(t)
	o := DefaultSaturation()
	const second = Duration(time.Second)
	o.From, o.To, o.Growth, o.Refine, o.SLOP99 = 400, 800, 2, 0, 5*second
	o.Warmup, o.Hold, o.Shares, o.ShareHold = second/10, second, []float64{0.5}, 2*second
	s.Faults, s.Saturation = nil, &o
	dir := filepath.Join(t.TempDir(), "result")
	outcome, err := Run(t.Context(), Options{
		Scenario: s, Dir: dir, Executable: executable(t), CalibrateEach: 20 * ms, Report: func(u Update) { t.Log(u) },
	})
	if err != nil {
		t.Fatal(err)
	}
	arm := outcome.Summary.Arms[0]
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, arm.Validity)
	if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 || arm.Safety.Linearizable != "ok" ||
		arm.Safety.Checkable != arm.Safety.Acked || arm.Safety.Acked < 300 {
		t.Errorf("got verdict %s, safety %+v", outcome.Summary.Verdict, arm.Safety)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if arm.Saturation == nil || arm.Steady != nil || len(r.Saturation) == 0 || r.Saturation[0].RatePerS != 400 {
		t.Fatalf("got %+v and the rows %+v", arm.Saturation, r.Saturation)
	}
	for i, row := range r.Saturation {
		if row.OfferedPerS < row.RatePerS*0.7 || row.OfferedPerS > row.RatePerS*1.4 || row.N == 0 ||
			i > 0 && row.FromUs < r.Saturation[i-1].ToUs {
			t.Errorf("got row %+v", row)
		}
	}
	for _, phase := range []string{result.SaturationSearch, phaseSettle} {
		if !slices.ContainsFunc(r.Timeline, func(b result.TimelineBin) bool { return b.Phase == phase }) {
			t.Errorf("the timeline has no phase %q", phase)
		}
	}
}
