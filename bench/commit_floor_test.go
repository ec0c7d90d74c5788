package bench

import (
	"path/filepath"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

func TestFloorIsOfTheArmsTransport(t *testing.T) {
	q := func(p50 float64) result.Quantiles { return result.Quantiles{N: 1000, P50: &p50} }
	c := result.Calibration{
		FsyncUs: q(1000), RTTUs: q(10), Transports: []result.TransportRTT{
			{Name: "tcp", PayloadBytes: 128, RTTUs: q(50)}, {Name: "quic", PayloadBytes: 128, RTTUs: q(100)},
			{Name: "tcp", PayloadBytes: 128, Link: "delay 5ms", RTTUs: q(10_050)}, {Name: "tls", PayloadBytes: 128},
		},
	}
	base := Scenario{System: SystemRaftmark, Nodes: 3, Transport: "tcp", Load: Load{Payload: 128}}
	for _, test := range []struct {
		name   string
		change func(*Scenario)
		want   float64 // 0 is none
	}{
		{"tcp", func(*Scenario) {}, 10 + 50 + 1000},
		{"quic", func(s *Scenario) { s.Transport = "quic" }, 10 + 100 + 1000},
		{"one node", func(s *Scenario) { s.Nodes, s.Transport = 1, "mem" }, 10 + 1000},
		{"slow link", func(s *Scenario) { s.Link.Delay = Duration(5 * ms) }, 10 + 10_050 + 1000},
		{"slow disks", func(s *Scenario) { s.SyncDelay = Duration(2 * ms) }, 10 + 50 + 3000},
		{"memory", func(s *Scenario) { s.Log = "mem" }, 10 + 50},
		{"at the core", func(s *Scenario) { s.Closed = &Closed{Payload: 128} }, 50 + 1000},
		{"another payload", func(s *Scenario) { s.Load.Payload = 4096 }, 0},
		{"a sample that is too small", func(s *Scenario) { s.Transport = "tls" }, 0},
		{"another tuning", func(s *Scenario) { s.Congestion = "reno" }, 0},
		{"not measured", func(s *Scenario) { s.Transport = "mem" }, 0},
		{"another system", func(s *Scenario) { s.System, s.Closed = SystemFloor, &Closed{Payload: 128} }, 0},
		{"a transport alone", func(s *Scenario) { s.Exchange = &Exchange{} }, 0},
	} {
		s := base
		test.change(&s)
		got := s.floorUs(&c)
		if (got == nil) != (test.want == 0) || got != nil && *got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, value(got), test.want)
		}
	}
	for _, missing := range []result.Calibration{
		{RTTUs: c.RTTUs, Transports: c.Transports}, {FsyncUs: c.FsyncUs, Transports: c.Transports},
		{FsyncUs: c.FsyncUs, RTTUs: c.RTTUs},
	} {
		if got := base.floorUs(&missing); got != nil {
			t.Errorf("%+v: got a floor of %v", missing, *got)
		}
	}
}

func value(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

// Each transport is measured once, with all that the arms have of it.
func TestCalibrationCoversTheArms(t *testing.T) {
	var arms []*armRecord
	for _, change := range []func(*Scenario){
		func(*Scenario) {}, func(s *Scenario) { s.Machine = "null" }, func(s *Scenario) { s.Transport = "quic" },
		func(s *Scenario) { s.Load.Payload = 4096 }, func(s *Scenario) { s.Link.Loss = 0.01 },
		func(s *Scenario) { s.Nodes = 1 }, func(s *Scenario) { s.Transport = "mem" },
	} {
		s := Scenario{System: SystemRaftmark, Nodes: 3, Transport: "tcp", Load: Load{Payload: 128}}
		change(&s)
		arms = append(arms, &armRecord{scenario: s})
	}
	got := transportsOf(arms)
	if len(got) != 4 || got[0].Name != "tcp" || got[1].Name != "quic" || got[2].PayloadBytes != 4096 ||
		got[3].Link != "loss 0.01" || len(got[3].Links) != 1 {
		t.Errorf("got %+v, want tcp, quic, tcp with 4096 B, and tcp with the loss", got)
	}
}

// checkToyFloor looks at the floor of a real run.
func checkToyFloor(t *testing.T, dir string) {
	t.Helper()
	r, err := result.Open(filepath.Clean(dir))
	if err != nil {
		t.Fatal(err)
	}
	arm, c := r.Summary.Arms[0], r.Summary.Calibration
	if len(c.Transports) != 1 || c.Transports[0].Name != "tcp" || c.Transports[0].HeartbeatRTTUs.N < 6 {
		t.Fatalf("got %+v, want the round trips of tcp", c.Transports)
	}
	want := *c.RTTUs.P50 + *c.Transports[0].RTTUs.P50 + *c.FsyncUs.P50
	if arm.FloorUs == nil || *arm.FloorUs != want {
		t.Errorf("got a floor of %v, want %v", value(arm.FloorUs), want)
	}
}
