package bench

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
)

// Each scenario that comes with the program says in a sentence what it shows, and how long it takes.
func TestBuiltinScenariosExplainThemselves(t *testing.T) {
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if !strings.HasSuffix(s.Description, ".") && !strings.HasSuffix(s.Description, "?") {
			t.Errorf("%s: the description is no sentence: %q", s.Name, s.Description)
		}
		if took := s.Planned(); took < 10*time.Second || took > 2*time.Hour {
			t.Errorf("%s: planned for %v", s.Name, took)
		}
	}
}

// The scenario of all failures has the whole catalogue.
func TestFailuresHasTheWholeCatalogue(t *testing.T) {
	s, err := LoadScenario("failures")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range fault.Kinds() {
		if !slices.ContainsFunc(s.Faults, func(p FaultPlan) bool { return p.Kind == kind }) {
			t.Errorf("failures has no trial of %s", kind)
		}
	}
}

// Whoever asks for no profile gets every failure while they wait.
func TestFailuresWithoutAProfileAreQuick(t *testing.T) {
	s, err := LoadScenario("failures")
	if err != nil {
		t.Fatal(err)
	}
	if took := s.Planned(); took == 0 || took > 14*time.Minute {
		t.Errorf("planned for %v, want 14m or less", took)
	}
	if limit := time.Duration(s.DiskStallMax); time.Duration(s.Trial.Watch) < 2*limit {
		t.Errorf("the watch of %v is too short to see the limit of %v on a stalled disk", s.Trial.Watch, limit)
	}
}

// TestToyScenarios runs one arm of each scenario without faults at toy size: the one furthest from the default. And
// steps, which have figures of their own.
func TestToyScenarios(t *testing.T) {
	program := executable(t)
	for name, axes := range map[string][]string{
		"storage":       {"durability=mem"},
		"payload":       {"payload=64KiB"},
		"cluster-sizes": {"nodes=1"},
		"mixed":         {"read_share=0.99"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := LoadScenario(name)
			if err != nil {
				t.Fatal(err)
			}
			const second = Duration(time.Second)
			s.Runs, s.Load.Rate, s.Warmup, s.Steady = 1, 100, second/5, second
			for _, axis := range axes {
				if err := s.Axis(axis); err != nil {
					t.Fatal(err)
				}
			}
			runToyScenario(t, s, program)
		})
	}
	t.Run("steps", func(t *testing.T) {
		t.Parallel()
		s := toy(t)
		s.Faults, s.Steady = nil, Duration(2*time.Second)
		s.Load.Schedule, s.Load.Steps = "step", Steps{{Rate: 100, For: time.Second}, {Rate: 400, For: time.Second}}
		arm := runToyScenario(t, s, program)
		if len(arm.SteadySteps) != 2 {
			t.Fatalf("got %d steps, want 2", len(arm.SteadySteps))
		}
		for _, step := range arm.SteadySteps {
			if step.OfferedPerS < step.RatePerS*.6 || step.OfferedPerS > step.RatePerS*1.5 {
				t.Errorf("got step %+v", step)
			}
		}
	})
}

func runToyScenario(t *testing.T, s Scenario, program string) result.Arm {
	t.Helper()
	outcome, err := Run(t.Context(), Options{
		Scenario: s, Dir: filepath.Join(t.TempDir(), "result"), Executable: program, CalibrateEach: 10 * ms,
	})
	if err != nil {
		t.Fatal(err)
	}
	arm := outcome.Summary.Arms[0]
	t.Logf("verdict %s: %q", outcome.Summary.Verdict, arm.Validity)
	if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 || arm.Safety.Linearizable != "ok" ||
		arm.Steady == nil || arm.Steady.OK == 0 {
		t.Errorf("got verdict %s, safety %+v", outcome.Summary.Verdict, arm.Safety)
	}
	return arm
}
