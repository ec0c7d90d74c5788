package exchange_test

import (
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/exchange"
	"github.com/raftmark/raftmark/transport/faults"
)

func TestLocalRoundTripsOfEachTransport(t *testing.T) {
	for _, transport := range []string{"tcp", "tls", "quic"} {
		o := exchange.LocalOptions{Dir: t.TempDir(), Transport: transport, SizeBytes: 128, Warmup: 5 * ms, Duration: 50 * ms}
		trips, err := exchange.MeasureLocal(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if a, h := trips.Append.TotalCount(), trips.Heartbeat.TotalCount(); a < 6 || h < 6 {
			t.Errorf("%s: got %d round trips of appends and %d of heartbeats, want six or more", transport, a, h)
		}
	}
}

// What is calibrated is the arm's link, with what it does to messages: a round trip takes its delay twice.
func TestLocalRoundTripsMeetTheLink(t *testing.T) {
	const delay = 5 * ms
	trips, err := exchange.MeasureLocal(t.Context(), exchange.LocalOptions{
		Transport: "tcp", SizeBytes: 128, Duration: 100 * ms,
		Links: []faults.Rule{{Name: "arm", Direction: faults.Out, Action: faults.Delay, Delay: faults.Duration(delay)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for lane, h := range map[string]int64{"append": trips.Append.Min(), "heartbeat": trips.Heartbeat.Min()} {
		if least := time.Duration(h); least < 2*delay-delay/50 { // the histogram keeps three digits
			t.Errorf("%s: a round trip took %v over a link with a delay of %v", lane, least, delay)
		}
	}
}

func TestLocalRoundTripsNeedATransport(t *testing.T) {
	for _, o := range []exchange.LocalOptions{
		{Dir: t.TempDir(), Transport: "mem", Duration: ms}, {Transport: "quic", Duration: ms}, {Transport: "tcp"},
	} {
		if _, err := exchange.MeasureLocal(t.Context(), o); err == nil {
			t.Errorf("%+v: measured", o)
		}
	}
}
