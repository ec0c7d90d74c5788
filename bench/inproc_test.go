package bench

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// slowSystem commits one command after the other, each in its time.
type slowSystem struct {
	takes time.Duration
	mu    sync.Mutex
}

func (s *slowSystem) Propose(ctx context.Context, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pause(ctx, s.takes)
}

func (s *slowSystem) Leader(context.Context) (uint64, error) { return 1, nil }
func (s *slowSystem) Kill(uint64) error                      { return nil }
func (s *slowSystem) Restart(context.Context, uint64) error  { return nil }
func (s *slowSystem) Close() error                           { return nil }
func startSlow(context.Context, SystemOptions) (System, error) {
	return &slowSystem{takes: 20 * ms}, nil
}
func inprocScenario(system string, rates ...Rate) Scenario {
	s := DefaultScenario()
	s.Name, s.Placement, s.Machine, s.System = "inproc", PlacementInproc, "null", system
	closed := DefaultClosed()
	closed.Proposers, closed.Warmup, closed.Duration = []int{1}, 0, Duration(300*ms)
	s.Closed = &closed
	if len(rates) > 0 {
		s.Open = &Open{Rates: rates, Duration: Duration(time.Second)}
	}
	return s
}

func runInprocScenario(t *testing.T, s Scenario, systems ...Candidate) (*result.Result, Outcome) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "result")
	outcome, err := Run(t.Context(), Options{Scenario: s, Dir: dir, Systems: systems, CalibrateEach: 20 * ms})
	if err != nil {
		t.Fatal(err)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r, outcome
}

// A system that cannot keep up with the only rate that is offered measured nothing: the result is invalid (L9, R16).
func TestAnOpenLoopThatDoesNotKeepUpIsInvalid(t *testing.T) {
	r, outcome := runInprocScenario(t, inprocScenario("slow", 500), Candidate{Name: "slow", Start: startSlow})
	arm := r.Summary.Arms[0]
	if outcome.Summary.Verdict != result.VerdictInvalid {
		t.Errorf("got verdict %s of 50/s where 500/s are offered, want invalid: %q", outcome.Summary.Verdict, arm.Validity)
	}
	if len(arm.Open) != 1 || arm.Open[0].Valid() || arm.Open[0].Runs != 1 || arm.Open[0].Held != 0 {
		t.Fatalf("got %+v, want one rate that did not hold", arm.Open)
	}
	if p := arm.Open[0]; !strings.Contains(p.Why, "below 99 %") || p.AchievedPerS > 60 {
		t.Errorf("got %+v, want about 50/s, and that it is below 99 %%", p)
	}
	if text := strings.Join(arm.Validity, "\n"); !strings.Contains(text, "no system held it") {
		t.Errorf("the arm says %q", text)
	}
}

// A rate that another system holds says something about one that does not; one that nobody holds says nothing.
func TestARateThatNobodyHeldIsInvalid(t *testing.T) {
	arm := func(held ...int) *armRecord {
		a := &armRecord{scenario: Scenario{Open: &Open{Rates: []Rate{100, 200, 400}[:len(held)]}}}
		for run := range 3 {
			var points []result.OpenPoint
			for _, n := range held {
				p := result.OpenPoint{OfferedPerS: 100, P99Us: float64(run + 1), Runs: 1}
				if run < n {
					p.Held = 1
				} else {
					p.Why = "too slow"
				}
				points = append(points, p)
			}
			a.open = append(a.open, points)
		}
		return a
	}
	got := ratesNobodyHeld([]*armRecord{arm(3, 1, 0), arm(0, 1, 2)})
	if len(got) != 1 || !got[200] {
		t.Errorf("got %v, want the second rate, which held in 1 of 3 runs of each", got)
	}
	// Arms with other rates: what one held does not vouch for what is in the same place of another.
	other := arm(0)
	other.scenario.Open = &Open{Rates: []Rate{300}}
	if got = ratesNobodyHeld([]*armRecord{arm(3, 3), other}); len(got) != 1 || !got[300] {
		t.Errorf("got %v, want the rate that one arm had, and did not hold", got)
	}
}

// A run that did not hold its rate is slower than each that did, whatever its p99 says: it may have shed the slowest.
func TestLatencyOfARateCountsTheRunsThatDidNotHoldIt(t *testing.T) {
	held := func(p99 float64) []result.OpenPoint { return []result.OpenPoint{{P99Us: p99, Runs: 1, Held: 1}} }
	not := []result.OpenPoint{{P99Us: 1, Runs: 1, Why: "too slow"}}
	p := openPoints([][]result.OpenPoint{held(10), not, held(30)})[0]
	if p.Runs != 3 || p.Held != 2 || p.P99Us != 30 || p.Why != "too slow" || !p.Valid() {
		t.Errorf("got %+v, want the slower of the 2 runs that held, which is the median of 3", p)
	}
}

// The leader of a cluster in this process is stopped, another one serves, and it comes back; a system that has no other
// leader says so, and is none the worse for it.
func TestStopsOfALeaderInProcess(t *testing.T) {
	s := inprocScenario(SystemRaftmark)
	s.Axes = map[string][]string{"system": {SystemFloor, SystemRaftmark}}
	s.Stops = &Stops{Trials: 2, Rate: 200, Settle: Duration(200 * ms)}
	r, _ := runInprocScenario(t, s)
	floor, ours := r.Summary.Arms[0], r.Summary.Arms[1]
	if len(floor.Faults) != 0 || !strings.Contains(strings.Join(floor.Validity, "\n"), "note: no outage: ") {
		t.Errorf("the floor: got %+v and %q, want no trial and a note", floor.Faults, floor.Validity)
	}
	if len(ours.Faults) != 1 || ours.Faults[0].Kind != result.KindLeaderStop || ours.Faults[0].Trials != 2 {
		t.Fatalf("got %+v, want 2 stops", ours.Faults)
	}
	for _, trial := range r.Trials {
		if trial.Node == 0 || trial.InjectUs < trial.CommandUs || trial.LastAckUs >= trial.FirstAckUs ||
			trial.FirstAckUs < trial.InjectUs || trial.EndUs <= trial.HealUs || trial.OK == 0 {
			t.Errorf("got %+v, want acknowledgements before and after the stop", trial)
		}
		// Nobody stands for election before the shortest timeout, which counts from the last heartbeat.
		if least := 100.0; trial.OutageMs < least {
			t.Errorf("trial %d: got an outage of %.1f ms, want at least %v", trial.Trial, trial.OutageMs, least)
		}
	}
}
