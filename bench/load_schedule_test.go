package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

func parsed(t *testing.T, text string) Scenario {
	t.Helper()
	s, err := ParseScenario("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The keys of a scenario become the generator's schedule, which the generator accepts.
func TestStepsAndRampsReachTheGenerator(t *testing.T) {
	for name, c := range map[string]struct {
		text       string
		operations float64 // with a warm-up of 1 s
		want       loadgen.Options
	}{
		"step": {
			"name: x\nwarmup: 1s\nsteady: 3s\nload:\n  schedule: step\n  steps: 100/s:1s,300/s:2s\n", 800,
			loadgen.Options{Schedule: loadgen.ScheduleStep, Spacing: loadgen.SchedulePoisson, Duration: 3 * time.Second},
		},
		"ramp": {
			"name: x\nwarmup: 1s\nsteady: 2s\nload: {schedule: ramp, rate: 100/s, ramp_to: 500/s, spacing: const}\n", 700,
			loadgen.Options{
				Rate: 100, RampTo: 500, Schedule: loadgen.ScheduleRamp, Spacing: loadgen.ScheduleConst, Duration: 2 * time.Second,
			},
		},
		"poisson": {"name: x\nwarmup: 1s\nsteady: 2s\nload: {rate: 50/s}\n", 150,
			loadgen.Options{Rate: 50, Schedule: loadgen.SchedulePoisson}},
	} {
		s := parsed(t, c.text)
		got := (&run{scenario: s, seed: 1}).loadOptions()
		if got.Rate != c.want.Rate || got.RampTo != c.want.RampTo || got.Schedule != c.want.Schedule ||
			got.Spacing != c.want.Spacing || got.Duration != c.want.Duration || len(got.Steps) != len(s.Load.Steps) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
		if err := got.WithDefaults().Validate(); err != nil {
			t.Errorf("%s: the generator says %v", name, err)
		}
		if n := s.Load.operations(time.Duration(s.Warmup), time.Duration(s.Steady)); n != c.operations {
			t.Errorf("%s: got %v operations, want %v", name, n, c.operations)
		}
	}
}

// Each step is summed up by its intended instants, and a rate that changes is no drift.
func TestStepsAreSummedUpByThemselves(t *testing.T) {
	s := parsed(t, "name: x\nsteady: 4s\nload:\n  schedule: step\n  steps: 1000/s:1s,1000/s:3s\n")
	a := newArmRecord(Arm{Name: "a", Scenario: s})
	r := &run{scenario: s, number: 2, steadyTo: 4000 * ms}
	r.window.SetWindow(0, 4000*ms)
	r.entries = ops(0, 4000*ms, func(e *loadgen.Entry) {
		if e.Intended >= 1000*ms {
			e.Done += 50 * ms
		}
	})
	a.recordSteps(r)
	if len(a.steps) != 2 || a.steps[0].Run != 2 || a.steps[1].ResponseUs.N != 3000 ||
		*a.steps[0].ResponseUs.P50 >= 50_000 || *a.steps[1].ResponseUs.P50 < 50_000 {
		t.Errorf("got %+v, want a step of 1000 and a slower one of 3000 operations", a.steps)
	}
	a.steady.add(2, r.entries, 0, 4000*ms, nil)
	if text := strings.Join(a.steady.notes, "\n"); strings.Contains(text, "not steady") {
		t.Errorf("got %q for a rate that changes", text)
	}
}

func TestProfilesSpreadTheirTrials(t *testing.T) {
	for _, p := range Profiles() {
		s, err := LoadScenario("failures")
		if err != nil {
			t.Fatal(err)
		}
		before := s.Clone()
		if err := s.UseProfile(p.Name); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		for _, plan := range s.Faults {
			want := p.Trials
			if plan.Kind == "noop" {
				want = max(p.Runs, p.Trials/10)
			}
			if got := plan.Trials * s.Runs; got != want {
				t.Errorf("%s: got %d trials of %s, want %d", p.Name, got, plan.Kind, want)
			}
		}
		if p.Name == "quick" && before.Planned() >= s.Planned() {
			t.Errorf("without a profile the scenario is not shorter than with quick: %v and %v", before.Planned(), s.Planned())
		}
	}
	s := DefaultScenario()
	if err := s.UseProfile("quick"); err == nil {
		t.Error("a scenario without faults took a profile")
	}
	if err := s.UseProfile("slow"); err == nil || !strings.Contains(err.Error(), "one of quick, standard, paper") {
		t.Errorf("got %v, want the names that exist", err)
	}
}

func TestDurabilityAxis(t *testing.T) {
	s := DefaultScenario()
	s.Machine = "mem"
	if err := s.Axis("durability=fsync,none,mem"); err != nil {
		t.Fatal(err)
	}
	arms, err := Arms(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, arm := range arms {
		if class := string(arm.Scenario.durability()); "durability="+class != arm.Name {
			t.Errorf("arm %s has class %s", arm.Name, class)
		}
	}
	if err := s.Axis("durability=fsync,paper"); err == nil || !strings.Contains(err.Error(), "must be a class such as") {
		t.Errorf("got %v, want what may be a class", err)
	}
}
