package versus_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
	"github.com/raftmark/raftmark/reports/versus"
)

// lab makes results that are like each other.
type lab struct {
	t   *testing.T
	dir string
}

func newLab(t *testing.T) lab {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "result")
	if err := resulttest.Write(dir, resulttest.Options{Trials: 12, Noops: 1, RatePS: 50}); err != nil {
		t.Fatal(err)
	}
	return lab{t, dir}
}

// result returns one of that many runs, whose latencies are times factor; latencies and outages spread by chance.
func (l lab) result(seed uint64, runs int, factor float64) *result.Result {
	l.t.Helper()
	r, err := result.Open(l.dir)
	if err != nil {
		l.t.Fatal(err)
	}
	r.Dir = filepath.Join(filepath.Dir(l.dir), fmt.Sprintf("seed%d", seed))
	random := rand.New(rand.NewPCG(seed, 99))
	for i := range r.Summary.Arms {
		arm := &r.Summary.Arms[i]
		arm.SteadyRuns = nil
		for n := range runs {
			near := func(us float64) *float64 {
				us *= factor * (1 + .03*random.NormFloat64())
				return &us
			}
			arm.SteadyRuns = append(arm.SteadyRuns, result.SteadyRun{
				Run: n + 1, ResponseUs: result.Quantiles{N: 1000, P50: near(1000), P99: near(4000)},
			})
		}
	}
	for i := range r.Trials {
		r.Trials[i].OutageMs = 150 + 150*random.Float64()
		r.Trials[i].LeaderlessMs = r.Trials[i].OutageMs - 20*random.Float64()
	}
	return r
}

func compare(t *testing.T, o versus.Options, base *result.Result, news ...*result.Result) *versus.Comparison {
	t.Helper()
	c, err := versus.Compare(base, news, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func verdictOf(t *testing.T, c *versus.Comparison, arm, metric string) versus.Row {
	t.Helper()
	for _, r := range c.Rows {
		if r.Arm == arm && r.Metric == metric {
			return r
		}
	}
	t.Fatalf("no row of %s, %s", arm, metric)
	return versus.Row{}
}

// Two results of the same say nothing, nearly always: at 5 %, over all metrics together.
func TestTheSameCannotBeResolved(t *testing.T) {
	l := newLab(t)
	alarms := 0
	const pairs = 40
	for seed := range uint64(pairs) {
		c := compare(t, versus.Options{}, l.result(2*seed+1, 6, 1), l.result(2*seed+2, 6, 1))
		for _, r := range c.Rows {
			if r.Verdict == versus.Better || r.Verdict == versus.Worse {
				alarms++
				break
			}
		}
	}
	if alarms > 5 { // 2 of 40 are expected, 6 are 1 in 70
		t.Errorf("%d of %d pairs of the same are told apart", alarms, pairs)
	}
}

func TestARegressionIsSeenWithItsSize(t *testing.T) {
	l := newLab(t)
	base := l.result(1, 8, 1)
	for _, c := range []struct {
		factor float64
		want   versus.Verdict
	}{{1.3, versus.Worse}, {.7, versus.Better}} {
		got := verdictOf(t, compare(t, versus.Options{}, base, l.result(2, 8, c.factor)), "transport=tcp", "response p99")
		if got.Verdict != c.want || got.Ratio < c.factor-.05 || got.Ratio > c.factor+.05 ||
			got.Low > c.factor || got.High < c.factor {
			t.Errorf("times %v: %s, %.3f [%.3f, %.3f]", c.factor, got.Verdict, got.Ratio, got.Low, got.High)
		}
	}
}

// A difference that two results of the same have too is none; nor is one that does not matter.
func TestFloorAndThresholdHideSmallDifferences(t *testing.T) {
	l := newLab(t)
	base, fresh := l.result(1, 8, 1), l.result(2, 8, 1.2)
	const arm, metric = "transport=quic", "response p50"
	for _, c := range []struct {
		name string
		o    versus.Options
		want versus.Verdict
	}{
		{"plain", versus.Options{}, versus.Worse},
		{"a calm floor", versus.Options{Floor: l.result(3, 8, 1.02)}, versus.Worse},
		{"a floor as large", versus.Options{Floor: l.result(3, 8, 1.3)}, versus.CannotResolve},
		{"a threshold below", versus.Options{Threshold: .05}, versus.Worse},
		{"a threshold above", versus.Options{Threshold: .4}, versus.Same},
	} {
		if got := verdictOf(t, compare(t, c.o, base, fresh), arm, metric); got.Verdict != c.want {
			t.Errorf("%s: %s, want %s", c.name, got.Verdict, c.want)
		}
	}
}

func TestFewRunsResolveNothing(t *testing.T) {
	l := newLab(t)
	few := compare(t, versus.Options{}, l.result(1, 3, 1), l.result(2, 3, 3))
	got := verdictOf(t, few, "transport=tcp", "response p50")
	if got.Verdict != versus.CannotResolve {
		t.Errorf("3 and 3 runs: %s", got.Verdict)
	}
}

func TestOtherConditionsAreRefused(t *testing.T) {
	l := newLab(t)
	base := l.result(1, 6, 1)
	for field, change := range map[string]func(*result.Result){
		"durability": func(r *result.Result) { r.Summary.Arms[0].Durability = result.DurabilityNone },
		"storage":    func(r *result.Result) { r.Manifest.Storage = result.StorageUnstable },
		"processor":  func(r *result.Result) { r.Manifest.Environment.CPUModel = "another" },
		"load.rate": func(r *result.Result) {
			r.Summary.Arms[0].Config = map[string]any{"load": map[string]any{"rate": "9/s"}}
		},
	} {
		fresh := l.result(2, 6, 1)
		change(fresh)
		_, err := versus.Compare(base, []*result.Result{fresh}, versus.Options{})
		var conditions *versus.ConditionsError
		if !errors.As(err, &conditions) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v, want a refusal that names it", field, err)
		}
		c := compare(t, versus.Options{Anyway: true}, base, fresh)
		if len(c.Warnings) != 1 || !strings.Contains(c.Text(), "WARNING: ") {
			t.Errorf("%s, anyway: warnings %q", field, c.Warnings)
		}
	}
}

// The gate can fail, and does not hold what it cannot know (trap T11).
func TestGate(t *testing.T) {
	l := newLab(t)
	base := l.result(1, 8, 1)
	for _, c := range []struct {
		factor float64
		runs   int
		limit  string
		want   versus.Gate
	}{
		{1.3, 8, "response p99=10%", versus.GateFailed},
		{1.3, 8, "response p99=60%", versus.GateHeld},
		{1.3, 8, "response p99=30%", versus.GateUnknown},
		{.8, 8, "response p99=0%", versus.GateHeld},
		{1, 3, "response p99=10%", versus.GateUnknown},
	} {
		limit, err := versus.ParseLimit(c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got, lines, err := compare(t, versus.Options{}, base, l.result(2, c.runs, c.factor)).Check([]versus.Limit{limit})
		if err != nil || got != c.want || (got == versus.GateHeld) != (len(lines) == 0) {
			t.Errorf("times %v with %s: %v %q %v, want %v", c.factor, c.limit, got, lines, err, c.want)
		}
	}
	_, _, err := compare(t, versus.Options{}, base, base).Check([]versus.Limit{{Metric: "respnse p99", Most: .1}})
	if !errors.Is(err, versus.ErrNoSuchMetric) {
		t.Errorf("a limit of nothing: %v, want %v", err, versus.ErrNoSuchMetric)
	}
	for _, bad := range []string{"", "10", "x%", "-1%", "response p99", "1001%"} {
		if _, err := versus.ParseLimit(bad); err == nil {
			t.Errorf("%q is taken for a limit", bad)
		}
	}
}

// What is missing is no small value, and a result that does not hold lets no limit hold.
func TestWhatIsMissingResolvesNothing(t *testing.T) {
	l := newLab(t)
	limit := []versus.Limit{{Most: 9}}
	base := l.result(1, 8, 1)
	for name, change := range map[string]func(*result.Result){
		"trials without a leader": func(r *result.Result) {
			for i := range r.Trials[:6] {
				r.Trials[i].LeaderlessMs = -1
			}
		},
		"no trials": func(r *result.Result) { r.Trials = nil },
		"one arm":   func(r *result.Result) { r.Summary.Arms = r.Summary.Arms[:1] },
		"invalid":   func(r *result.Result) { r.Summary.Verdict = result.VerdictInvalid },
	} {
		fresh := l.result(2, 8, 1)
		change(fresh)
		c := compare(t, versus.Options{}, base, fresh)
		if gate, lines, err := c.Check(limit); gate != versus.GateUnknown || len(lines) == 0 || err != nil {
			t.Errorf("%s: %v %q %v, want unknown", name, gate, lines, err)
		}
	}
	fresh := l.result(2, 8, 1)
	if gate, lines, err := compare(t, versus.Options{}, base, fresh).Check(limit); gate != versus.GateHeld || err != nil {
		t.Errorf("nothing is missing: %v %q %v, want held", gate, lines, err)
	}
	fresh.Summary.Verdict = result.VerdictUnsafe
	if c := compare(t, versus.Options{}, base, fresh); len(c.Unsafe) != 1 {
		t.Errorf("unsafe: %q", c.Unsafe)
	}
}

// A floor of another machine is none.
func TestFloorIsOfTheSame(t *testing.T) {
	l := newLab(t)
	floor := l.result(3, 8, 1)
	floor.Manifest.Environment.CPUModel = "another"
	_, err := versus.Compare(l.result(1, 8, 1), []*result.Result{l.result(2, 8, 1)}, versus.Options{Floor: floor})
	var conditions *versus.ConditionsError
	if !errors.As(err, &conditions) {
		t.Errorf("%v, want a refusal", err)
	}
}

func TestArmsOfOneResult(t *testing.T) {
	l := newLab(t)
	r := l.result(1, 6, 1)
	c, err := versus.CompareArms(r, versus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := verdictOf(t, c, "transport=quic", "outage after leader-kill")
	if len(row.BaseValues) != 12 || len(row.NewValues) != 12 {
		t.Errorf("%d and %d outages", len(row.BaseValues), len(row.NewValues))
	}
	r.Summary.Arms = r.Summary.Arms[:1]
	if _, err := versus.CompareArms(r, versus.Options{}); err == nil {
		t.Error("one arm alone is compared")
	}
}

func TestPageIsWrittenOnce(t *testing.T) {
	l := newLab(t)
	c := compare(t, versus.Options{}, l.result(1, 6, 1), l.result(2, 6, 1.5))
	dir := filepath.Join(t.TempDir(), "page")
	path, err := c.WritePage(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"worse", "cannot resolve", "response p50", "<svg"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if _, err := c.WritePage(dir); err == nil {
		t.Error("a folder that exists is written to")
	}
}

// Closed loops are compared run by run: the rate as the time that a command takes.
func TestClosedLoopsAreCompared(t *testing.T) {
	l := newLab(t)
	closed := func(seed uint64, perS float64) *result.Result {
		r := l.result(seed, 6, 1)
		r.Trials = nil
		random := rand.New(rand.NewPCG(seed, 5))
		for i := range r.Summary.Arms {
			arm := &r.Summary.Arms[i]
			arm.Steady, arm.SteadyRuns, arm.Faults, arm.ClosedRuns = nil, nil, nil, nil
			for range 6 {
				arm.ClosedRuns = append(arm.ClosedRuns, []result.ClosedPoint{{
					Proposers: 64, PayloadBytes: 128, N: 1000,
					PerS: perS * (1 + .02*random.Float64()), P50Us: 900 + 90*random.Float64(),
				}})
			}
			arm.Closed = arm.ClosedRuns[2]
		}
		return r
	}
	c := compare(t, versus.Options{}, closed(1, 20000), closed(2, 10000))
	got := verdictOf(t, c, "transport=tcp", "time a command, 64 proposers of 128 B")
	if got.Verdict != versus.Worse || got.Ratio < 1.9 || got.Ratio > 2.1 || len(got.BaseValues) != 6 {
		t.Errorf("half the rate: %s, %v times, of %d runs", got.Verdict, got.Ratio, len(got.BaseValues))
	}
	got = verdictOf(t, c, "transport=tcp", "service p50, 64 proposers of 128 B")
	if got.Verdict != versus.CannotResolve {
		t.Errorf("the same service times: %s", got.Verdict)
	}
}

// A knee that the system itself set is compared; one that the generator or the range ended is only a bound.
func TestKneesAreCompared(t *testing.T) {
	l := newLab(t)
	knees := func(seed uint64, bound string, perS float64) *result.Result {
		r := l.result(seed, 6, 1)
		for i := range r.Summary.Arms {
			x := &result.Saturation{}
			for n := range 6 {
				knee := perS * (1 + .004*float64(n))
				x.Runs = append(x.Runs, result.SaturationRun{Run: n + 1, KneePerS: &knee, Bound: bound})
			}
			r.Summary.Arms[i].Saturation = x
		}
		return r
	}
	const metric = "time a command at the knee"
	base := knees(1, result.BoundSystem, 20_000)
	row := verdictOf(t, compare(t, versus.Options{}, base, knees(2, result.BoundSystem, 10_000)), "transport=tcp", metric)
	if row.Ratio < 1.9 || row.Ratio > 2.1 {
		t.Errorf("half the rate is a ratio of %.2f, want 2", row.Ratio)
	}
	for _, r := range compare(t, versus.Options{}, base, knees(3, result.BoundGenerator, 10_000)).Rows {
		if r.Metric == metric {
			t.Errorf("a knee that the generator bounds was compared: %+v", r)
		}
	}
}
