package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// programEnv names the folder in which the tests of this package keep the program that they start.
const programEnv = "RAFTMARK_TEST_PROGRAM"

// TestMain makes the folder; executable fills it.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "raftmark-test-")
	if err == nil {
		err = os.Setenv(programEnv, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// executable returns the program, which the nodes are processes of. The first test that needs it builds it.
func executable(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes and takes many seconds")
	}
	path := filepath.Join(os.Getenv(programEnv), "raftmark")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	built := filepath.Join(t.TempDir(), "raftmark")
	build := exec.Command("go", "build", "-o", built, "github.com/raftmark/raftmark/cmd/raftmark")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := os.Rename(built, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// toy is the standard scenario at the size of a test: low rate, one trial of each fault, one run.
func toy(t *testing.T) Scenario {
	t.Helper()
	s, err := LoadScenario(DefaultScenarioName)
	if err != nil {
		t.Fatal(err)
	}
	const second = Duration(time.Second)
	s.Name, s.Runs, s.Axes = "toy", 1, nil
	s.Load.Rate = 200
	s.Warmup, s.Steady = second/2, second
	s.Trial = TrialLimits{Settle: second / 10, Watch: second / 5, Recover: 20 * second}
	for i := range s.Faults {
		s.Faults[i].Trials = 1
	}
	return s
}

// processesIn returns the processes whose command line names a folder.
func processesIn(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if text, err := os.ReadFile(line); err == nil && strings.Contains(string(text), dir) {
			found = append(found, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

// TestToyExperiment runs the real thing: three processes, Pebble, a leader killed under load.
func TestToyExperiment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	outcome, err := Run(t.Context(), Options{
		Scenario: toy(t), Dir: dir, Executable: executable(t), CalibrateEach: 100 * ms,
		Report: func(u Update) { t.Log(u) },
	})
	if err != nil {
		t.Fatal(err)
	}
	// The machine may be too busy for a valid measurement; the cluster must be safe on any.
	arm := outcome.Summary.Arms[0]
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, arm.Validity)
	if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 || arm.Safety.Linearizable != "ok" {
		t.Errorf("got verdict %s, safety %+v", outcome.Summary.Verdict, arm.Safety)
	}
	if arm.Safety.Acked < 200 {
		t.Errorf("got %d acknowledged writes, want some hundreds", arm.Safety.Acked)
	}
	if arm.Safety.Checkable != arm.Safety.Acked {
		t.Errorf("got %d of %d acknowledged writes checkable at the end, want all", arm.Safety.Checkable, arm.Safety.Acked)
	}
	if outcome.DataDir != "" || len(processesIn(t, dir)) > 0 {
		t.Errorf("got data in %q and processes %q, want nothing left", outcome.DataDir, processesIn(t, dir))
	}
	checkToyResult(t, dir)
	checkToyFloor(t, dir)
}

func checkToyResult(t *testing.T, dir string) {
	t.Helper()
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trials) != 2 || len(r.Events) == 0 || len(r.Timeline) < 100 {
		t.Fatalf("got %d trials, %d events, %d bins", len(r.Trials), len(r.Events), len(r.Timeline))
	}
	for _, trial := range r.Trials {
		if trial.Kind == "noop" {
			if trial.Node != 0 || trial.CommitUs != -1 {
				t.Errorf("got %+v, want a trial in which nothing happens", trial)
			}
			continue
		}
		steps := []int64{
			trial.CommandUs, trial.InjectUs, trial.DetectUs, trial.ElectUs, trial.CommitUs, trial.FirstAckUs,
			trial.HealUs, trial.CaughtUpUs,
		}
		for i := 1; i < len(steps); i++ {
			if steps[i] < steps[i-1] {
				t.Errorf("got step %d at %d us, before step %d at %d us: %+v", i, steps[i], i-1, steps[i-1], trial)
			}
		}
		if trial.RecoverUs >= 0 && trial.RecoverUs < trial.FirstAckUs {
			t.Errorf("got recovered before the first acknowledgement: %+v", trial)
		}
		if trial.OutageMs < 100 || trial.LeaderlessMs > trial.OutageMs+50 || trial.Terms < 1 {
			t.Errorf("got %+v, want an outage of an election timeout or more", trial)
		}
	}
	rows := 0
	for _, err := range r.Ops() {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	if rows < 200 {
		t.Errorf("got %d operations, want all those around the faults", rows)
	}
	if _, err := ParseScenario("scenario.yaml", r.Scenario); err != nil {
		t.Errorf("the scenario that was written cannot be read: %v", err)
	}
}

// TestInterruptedExperimentKeepsWhatItHas ends an experiment in its steady phase.
func TestInterruptedExperimentKeepsWhatItHas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	s := toy(t)
	s.Steady = Duration(time.Minute)
	outcome, err := Run(ctx, Options{
		Scenario: s, Dir: dir, Executable: executable(t), CalibrateEach: 20 * ms,
		Report: func(u Update) {
			if u.Phase == phaseSteady {
				interrupt()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !outcome.Interrupted || outcome.Summary.Verdict != result.VerdictInvalid {
		t.Errorf("got interrupted %v, verdict %s; want an invalid, interrupted result",
			outcome.Interrupted, outcome.Summary.Verdict)
	}
	if left := processesIn(t, dir); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
	if outcome.DataDir == "" {
		t.Error("the data of the nodes was deleted, want it kept")
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Manifest.Interrupted || r.Summary.Arms[0].Steady == nil || r.Summary.Arms[0].Steady.OK == 0 {
		t.Errorf("got manifest.interrupted %v, steady %+v; want the partial phase", r.Manifest.Interrupted,
			r.Summary.Arms[0].Steady)
	}
}

// TestNodesThatCannotStartAreAnError names a program that is no node.
func TestNodesThatCannotStartAreAnError(t *testing.T) {
	program, err := exec.LookPath("false")
	if err != nil {
		t.Fatalf("the test needs false(1): %v", err)
	}
	dir := filepath.Join(t.TempDir(), "result")
	outcome, err := Run(t.Context(), Options{
		Scenario: toy(t), Dir: dir, Executable: program, CalibrateEach: 10 * ms,
	})
	if err == nil || !strings.Contains(err.Error(), "start the cluster") {
		t.Errorf("got %v, want that the cluster did not start", err)
	}
	if outcome.Summary.Verdict != result.VerdictInvalid {
		t.Errorf("got verdict %s, want invalid", outcome.Summary.Verdict)
	}
	if _, err := result.Open(dir); err != nil {
		t.Errorf("the result cannot be read: %v", err)
	}
}
