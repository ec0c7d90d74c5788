package bench

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
)

// TestToyProcessFaults does to real processes, once each, what the catalogue has for processes beside kills of the
// leader: one that stands still, ones that leave in order, and ones of followers; and a mix.
func TestToyProcessFaults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	s := toy(t)
	s.Load.Rate = 300
	s.Trial.Watch = Duration(300 * time.Millisecond)
	s.Faults = nil
	for _, kind := range []string{
		fault.LeaderPause, fault.LeaderShutdown, fault.LeaderTransfer, fault.FollowerKill, fault.FollowerSlow,
		fault.RollingRestart, fault.Chaos,
	} {
		s.Faults = append(s.Faults, FaultPlan{Kind: kind, Trials: 1})
	}
	outcome, err := Run(t.Context(), Options{
		Scenario: s, Dir: dir, Executable: executable(t), CalibrateEach: 40 * ms,
	})
	if err != nil {
		t.Fatal(err)
	}
	arm := outcome.Summary.Arms[0]
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, arm.Validity)
	if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 ||
		arm.Safety.Checkable != arm.Safety.Acked {
		t.Errorf("got verdict %s, safety %+v, want nothing lost of all", outcome.Summary.Verdict, arm.Safety)
	}
	if left := processesIn(t, dir); len(left) > 0 {
		t.Errorf("got processes %q, want none left", left)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]int{}
	for _, e := range r.Events {
		done[e.Kind]++
	}
	for verb, want := range map[string]int{
		"pause": 1, "resume": 1, "slow": 1, "end-slow": 1, "order-transfer": 1, "order-stop": 4, "caught-up": 3, "kill": 1,
	} {
		if done[verb] < want {
			t.Errorf("got %d events %q, want %d or more of %v", done[verb], verb, want, done)
		}
	}
	checkFailoversOfProcesses(t, r)
	checkServedThroughout(t, r)
}

func checkFailoversOfProcesses(t *testing.T, r *result.Result) {
	t.Helper()
	pause, summary := trialOf(t, r, fault.LeaderPause)
	if pause.CommitUs < pause.InjectUs || pause.Terms < 1 || pause.OutageMs < 50 || pause.HealUs < pause.CommitUs ||
		summary.Under == nil {
		t.Errorf("got %+v, want a new leader while the old one stands still", pause)
	}
	for _, kind := range []string{fault.LeaderShutdown, fault.LeaderTransfer} {
		trial, summary := trialOf(t, r, kind)
		if trial.CommandUs != trial.InjectUs || trial.CommitUs < trial.InjectUs || trial.Terms < 1 || summary.Under != nil {
			t.Errorf("%s: got %+v, want a new leader after the order", kind, trial)
		}
		if heals := trial.HealUs >= 0; heals != (kind == fault.LeaderShutdown) {
			t.Errorf("%s: got healed at %d us", kind, trial.HealUs)
		}
		// Who hands over says so before another one stands for election.
		if trial.DetectUs < 0 || trial.DetectUs > trial.ElectUs {
			t.Errorf("%s: got detected at %d us, elected at %d us", kind, trial.DetectUs, trial.ElectUs)
		}
	}
}

func checkServedThroughout(t *testing.T, r *result.Result) {
	t.Helper()
	for _, kind := range []string{fault.FollowerKill, fault.FollowerSlow} {
		trial, summary := trialOf(t, r, kind)
		if trial.CommitUs >= 0 { // the machine is so busy that the leader changed
			t.Logf("got %+v", trial)
		}
		if trial.HealUs < trial.InjectUs+300_000 || summary.Under == nil || summary.Under.OK == 0 {
			t.Errorf("%s: got %+v, want 0.3 s of it, and what clients saw", kind, trial)
		}
	}
	for _, kind := range []string{fault.RollingRestart, fault.Chaos} {
		trial, summary := trialOf(t, r, kind)
		if trial.HealUs <= trial.InjectUs || trial.CommitUs != -1 || trial.LeaderlessMs != -1 || summary.Under == nil {
			t.Errorf("%s: got %+v, want one that took a while, without phases of a failover", kind, trial)
		}
		if kind == fault.RollingRestart && trial.Terms < 1 {
			t.Errorf("got %d terms, want a new leader when the old one was restarted", trial.Terms)
		}
		if drawn := strings.HasPrefix(trial.Note, "seed "); drawn != (kind == fault.Chaos) {
			t.Errorf("%s: got the note %q", kind, trial.Note)
		}
	}
}
