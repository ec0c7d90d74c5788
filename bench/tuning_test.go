package bench

import (
	"strings"
	"testing"
)

func TestTuningReachesTheNodes(t *testing.T) {
	s := DefaultScenario()
	for _, axis := range []string{"transport=quic", "append_streams=4", "heartbeat_datagrams=true"} {
		if err := s.Axis(axis); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	if o := s.clusterOptions("", ""); o.AppendStreams != 4 || !o.HeartbeatDatagrams {
		t.Errorf("got %+v", o)
	}
	text, err := MarshalScenario(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseScenario("again", text); err != nil || again.Tuning != s.Tuning {
		t.Errorf("got %+v, %v from\n%s", again.Tuning, err, text)
	}
	tcp := DefaultScenario()
	if err := tcp.Axis("congestion=reno,cubic"); err != nil {
		t.Fatal(err)
	}
	arms, err := Arms(tcp)
	if err != nil || len(arms) != 2 || arms[0].Scenario.clusterOptions("", "").Congestion != "reno" {
		t.Errorf("got %+v, %v", arms, err)
	}
}

// A transport that lacks a setting refuses it, by the setting's name.
func TestTuningIsRefusedWhereItMeansNothing(t *testing.T) {
	for axes, field := range map[string]string{
		"transport=quic congestion=cubic":             "congestion",
		"transport=tcp congestion=a/b":                "congestion",
		"transport=tls append_streams=2":              "append_streams",
		"transport=quic append_streams=9":             "append_streams",
		"transport=tcp heartbeat_datagrams=true":      "heartbeat_datagrams",
		"placement=inproc transport=quic":             "",
		"transport=quic append_streams=-1":            "append_streams",
		"transport=tls,quic heartbeat_datagrams=true": "heartbeat_datagrams",
	} {
		s := DefaultScenario()
		for _, axis := range strings.Fields(axes) {
			if placement, ok := strings.CutPrefix(axis, "placement="); ok {
				s.Placement, s.AppendStreams, field = placement, 2, "placement"
			} else if err := s.Axis(axis); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Arms(s)
		if err == nil || !strings.Contains(err.Error(), field+" is ") {
			t.Errorf("%s: got %v, want %s refused", axes, err, field)
		}
	}
}
