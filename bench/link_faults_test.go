package bench

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/bench/result"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// TestToyLinkFaults cuts the leader's links in real processes, to all and to one follower as connections, and one way
// as datagrams, on links with a round trip of 2 ms.
func TestToyLinkFaults(t *testing.T) {
	program := executable(t)
	for _, c := range []struct {
		transport string
		kinds     []string
	}{
		{"tcp", []string{fault.LeaderIsolate, fault.PartialPartition}},
		{"quic", []string{fault.LeaderIsolateRecv}},
	} {
		dir := filepath.Join(t.TempDir(), "result")
		s := toy(t)
		s.Load.Rate, s.Transport = 300, c.transport
		s.Link.Delay = Duration(time.Millisecond)
		s.Trial.Watch = Duration(300 * time.Millisecond)
		s.Faults = nil
		for _, kind := range c.kinds {
			s.Faults = append(s.Faults, FaultPlan{Kind: kind, Trials: 1})
		}
		outcome, err := Run(t.Context(), Options{
			Scenario: s, Dir: dir, Executable: program, CalibrateEach: 40 * ms,
		})
		if err != nil {
			t.Fatal(err)
		}
		arm := outcome.Summary.Arms[0]
		t.Logf("%s: verdict %s: %q", c.transport, outcome.Summary.Verdict, arm.Validity)
		if outcome.Summary.Verdict == result.VerdictUnsafe || arm.Safety.Lost != 0 ||
			arm.Safety.Checkable != arm.Safety.Acked {
			t.Errorf("got verdict %s, safety %+v, want nothing lost of all", outcome.Summary.Verdict, arm.Safety)
		}
		r, err := result.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Manifest.FaultPorts {
			t.Error("the manifest says that nodes have no fault ports")
		}
		for _, kind := range c.kinds {
			checkLinkTrial(t, r, kind)
		}
		if p50 := arm.Steady.ResponseUs.P50; p50 == nil || *p50 < 2000 {
			t.Errorf("%s: response %v us, want a round trip of 2 ms in it", c.transport, p50)
		}
	}
}

func checkLinkTrial(t *testing.T, r *result.Result, kind string) {
	t.Helper()
	trial, summary := trialOf(t, r, kind)
	if trial.HealUs <= trial.InjectUs || trial.CaughtUpUs < trial.HealUs {
		t.Errorf("%s: got %+v, want it healed and caught up", kind, trial)
	}
	if summary.Under == nil || summary.Under.OK == 0 {
		t.Errorf("%s: got %+v, want what clients saw meanwhile", kind, summary.Under)
	}
	if fault.Of(kind).Election == fault.ElectionSure {
		// The new leader's election timeout begins with the last heartbeat, before the cut.
		if trial.CommitUs < trial.InjectUs || trial.Terms < 1 || trial.OutageMs < 50 {
			t.Errorf("%s: got %+v, want a new leader and an outage", kind, trial)
		}
	}
	events := map[string]int{}
	for _, e := range r.Events {
		if e.Kind == "cut-links" && e.Node == trial.Node || e.Kind == "heal-links" {
			events[e.Kind]++
		}
	}
	if events["cut-links"] == 0 || events["heal-links"] == 0 {
		t.Errorf("%s: got events %v, want links that are cut and healed", kind, events)
	}
}

func TestLinkConditions(t *testing.T) {
	s := DefaultScenario()
	if s.clusterOptions("", "").EnableFaults || s.Link.rules() != nil {
		t.Error("links as they are have fault ports")
	}
	for key, value := range map[string]string{
		"link.delay": "5ms", "link.jitter": "1ms", "link.loss": "0.01", "link.bandwidth": "100MB/s",
	} {
		if err := s.Axis(key + "=" + value); err != nil {
			t.Fatal(err)
		}
	}
	want := []linkfaults.Rule{
		{Name: "arm", Direction: linkfaults.Out, Action: linkfaults.Bandwidth, Bandwidth: 100_000_000},
		{Name: "arm", Direction: linkfaults.Out, Action: linkfaults.Drop, Probability: .01},
		{
			Name: "arm", Direction: linkfaults.Out, Action: linkfaults.Delay, Delay: linkfaults.Duration(5 * time.Millisecond),
			Jitter: linkfaults.Duration(time.Millisecond),
		},
	}
	o := s.clusterOptions("", "")
	if !o.EnableFaults || !reflect.DeepEqual(o.LinkFaults, want) {
		t.Errorf("got %+v, want %+v", o.LinkFaults, want)
	}
	text, err := MarshalScenario(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseScenario("again", text)
	if err != nil || again.Link != s.Link {
		t.Errorf("got %+v, %v from\n%s", again.Link, err, text)
	}
	for _, bad := range []string{
		"link.delay=100ms", "link.jitter=6ms", "link.loss=0.9", "link.bandwidth=1kB/s", "transport=mem",
	} {
		broken := s.Clone()
		err := broken.Axis(bad)
		if err == nil {
			err = broken.Validate()
		}
		if err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
