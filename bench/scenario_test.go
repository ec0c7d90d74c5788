package bench

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestBuiltinScenariosAreValid(t *testing.T) {
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"standard", "quick", "closed", "failover"} {
		found := false
		for _, s := range all {
			found = found || s.Name == want
		}
		if !found {
			t.Errorf("no built-in scenario %q", want)
		}
	}
}

func TestStandardScenarioKillsTenLeadersAnArm(t *testing.T) {
	s, err := LoadScenario(DefaultScenarioName)
	if err != nil {
		t.Fatal(err)
	}
	for name, least := range map[string]int{"standard": 10, "failover": 20} {
		if s, err = LoadScenario(name); err != nil {
			t.Fatal(err)
		}
		if got := s.Faults[0].Trials * s.Runs; s.Faults[0].Kind != "leader-kill" || got < least {
			t.Errorf("%s: got %d trials of %s an arm, want %d leader kills", name, got, s.Faults[0].Kind, least)
		}
	}
}

func TestAbsentFieldsAreDefaults(t *testing.T) {
	got, err := ParseScenario("x.yaml", []byte("name: x\nload: {rate: 500/s}\nfaults: [{kind: noop}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultScenario()
	want.Name, want.Load.Rate, want.Faults = "x", 500, []FaultPlan{{Kind: "noop", Trials: 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestUnits(t *testing.T) {
	text := "name: x\nheartbeat: 20ms\nload: {rate: 12.5, payload: 4KiB, timeout: 2s}\nelection: {min: 1s, max: 2s}\n"
	s, err := ParseScenario("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if s.Load.Rate != 12.5 || s.Load.Payload != 4096 || s.Load.Timeout != Duration(2*time.Second) ||
		s.Heartbeat != Duration(20*time.Millisecond) || s.Election.Max != Duration(2*time.Second) {
		t.Errorf("got %+v", s)
	}
}

func TestScenarioRoundTrips(t *testing.T) {
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		text, err := MarshalScenario(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseScenario("effective.yaml", text)
		if err != nil {
			t.Fatalf("%v\nin\n%s", err, text)
		}
		if !reflect.DeepEqual(back, s) {
			t.Errorf("got\n%+v\nwant\n%+v\nthrough\n%s", back, s, text)
		}
	}
}

// TestBadScenarios pins the error lines of each testdata/bad/*.yaml in its .golden.txt.
func TestBadScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseScenario(filepath.Base(file), text)
			if err == nil {
				t.Fatal("accepted")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden.txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestLoadScenarioNamesWhatExists(t *testing.T) {
	_, err := LoadScenario("standrad")
	if err == nil || !strings.Contains(err.Error(), "standard") || !strings.Contains(err.Error(), `"standrad"`) {
		t.Errorf("got %v, want an error naming the scenarios that exist", err)
	}
	if _, err = LoadScenario("no/such.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

func TestArms(t *testing.T) {
	s := DefaultScenario()
	for _, axis := range []string{"transport=tcp,quic", "payload=128,1KiB", "nodes=5"} {
		if err := s.Axis(axis); err != nil {
			t.Fatal(err)
		}
	}
	arms, err := Arms(s)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, arm := range arms {
		names = append(names, arm.Name)
		if arm.Scenario.Nodes != 5 || arm.Scenario.Axes != nil {
			t.Errorf("arm %s: got nodes %d, axes %v", arm.Name, arm.Scenario.Nodes, arm.Scenario.Axes)
		}
	}
	want := []string{
		"payload=128,transport=tcp", "payload=128,transport=quic",
		"payload=1KiB,transport=tcp", "payload=1KiB,transport=quic",
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if got := arms[3].Scenario.Load.Payload; got != 1024 {
		t.Errorf("got payload %d, want 1024", got)
	}
}

func TestArmWithoutAxesIsNamedByItsTransport(t *testing.T) {
	arms, err := Arms(DefaultScenario())
	if err != nil || len(arms) != 1 || arms[0].Name != "transport=tcp" {
		t.Errorf("got %v, %v", arms, err)
	}
}

func TestBadAxes(t *testing.T) {
	for axis, want := range map[string]string{
		"transport":          `axis "transport": must be key=value,value,...`,
		"color=red":          `axes.color is "red": must be an axis that exists: adaptive_window,`,
		"nodes=3,x":          `axes.nodes is "x": must be a whole number`,
		"payload=128,lots":   `axes.payload is "lots": must be a size such as`,
		"heartbeat=1":        `axes.heartbeat is "1": must be a duration such as`,
		"transport=tcp,ipx":  `arm transport=ipx: transport is "ipx": must be one of tcp, tls, quic`,
		"heartbeat=10ms,50s": "arm heartbeat=50s: heartbeat is 50s: must be below election.min (150ms)",
		"nodes=3,3":          `axes.nodes is "3": must be listed once`,
	} {
		s := DefaultScenario()
		err := s.Axis(axis)
		if err == nil {
			_, err = Arms(s)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", axis, err, want)
		}
	}
}

func TestOrderIsABBA(t *testing.T) {
	letters := func(arms, runs int) string {
		var b strings.Builder
		for _, s := range order(arms, runs) {
			b.WriteByte('A' + byte(s.arm))
		}
		return b.String()
	}
	for _, c := range []struct {
		arms, runs int
		want       string
	}{{1, 3, "AAA"}, {2, 2, "ABBA"}, {2, 4, "ABBABAAB"}, {3, 2, "ABCCBA"}, {3, 4, "ABCCBABCAACB"}} {
		if got := letters(c.arms, c.runs); got != c.want {
			t.Errorf("%d arms, %d runs: got %s, want %s", c.arms, c.runs, got, c.want)
		}
	}
}

// What the program's own scenarios publish about lost writes must be about all of them: no write hides another.
func TestBuiltInScenariosReadEveryWriteBack(t *testing.T) {
	for _, name := range []string{"quick", "standard", "failover"} {
		s, err := LoadScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil || s.Load.KeyDist != "sequential" {
			t.Errorf("%s: key_dist %q, %v; want sequential and valid", name, s.Load.KeyDist, err)
		}
	}
}
