package transport

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMetricsTable(t *testing.T) {
	m := Metrics{
		Connects: 4, Accepts: 4, Disconnects: 1, DialsFailed: 2,
		Drops:     map[string]uint64{DropQueueFull.String(): 3, DropUnknownPeer.String(): 0, DropCut.String(): 5},
		Refusals:  map[string]uint64{RefusedStale.String(): 0},
		RefusedBy: map[string]uint64{RefusedDisk.String(): 2}, Peers: 2, LearnedPeers: 1,
		DeadPeers: 6, Greetings: 1, GreetingsMost: 12,
		Socket: SocketMetrics{
			Sends: 9, Receives: 8, SendSegments: 20, ReceiveSegments: 19, SendBytes: 3000, ReceiveBytes: 2000, Retransmits: 1,
		},
	}
	m.Lanes[LaneControl] = LaneMetrics{MessagesSent: 10, BytesSent: 250, FramesSent: 9}
	m.Lanes[LaneAppend] = LaneMetrics{
		MessagesSent: 1_000_000, BytesSent: 150_000_000, FramesSent: 2000, MessagesReceived: 1_000_000,
		BytesReceived: 20_000_000, FramesReceived: 1999, MessagesQueued: 7, BytesQueued: 1200,
	}
	const path = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(path, []byte(m.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.String(); got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range Refusal(RefusalCount) {
		seen["refusal "+r.String()] = true
	}
	for d := range Drop(DropCount) {
		seen["drop "+d.String()] = true
	}
	if seen["refusal "] || seen["drop "] || len(seen) != RefusalCount+DropCount {
		t.Errorf("names are missing or not unique: %v", seen)
	}
	err := Refused(RefusedStale, "incarnation %d", 3)
	if got, want := err.Error(), "refused: stale_incarnation: incarnation 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := ReasonOf(err); got != RefusedStale {
		t.Errorf("reason %v, want %v", got, RefusedStale)
	}
}
