package bench

import (
	"testing"

	"github.com/raftmark/raftmark/transport"
)

func TestWireCostIsOfWhatAllNodesSaidTwice(t *testing.T) {
	before := wireReading{ok: true, commit: 100, messages: 10, socket: transport.SocketMetrics{
		Sends: 10, Receives: 20, SendSegments: 30, SendBytes: 1000}}
	after := wireReading{ok: true, commit: 200, messages: 410, socket: transport.SocketMetrics{
		Sends: 210, Receives: 220, SendSegments: 330, SendBytes: 51_000}}
	r := &run{}
	r.noteWire(before, after)
	cost := r.wire.perCommit()
	if cost == nil || cost.Commits != 100 || cost.Messages != 4 || cost.Bytes != 500 || *cost.Segments != 3 ||
		cost.Calls != 4 {
		t.Errorf("got %+v", cost)
	}
	for name, pair := range map[string][2]wireReading{
		"a node did not answer":   {before, {commit: 200, socket: after.socket}},
		"nothing was committed":   {before, {ok: true, commit: 100, socket: after.socket}},
		"a node was started anew": {after, {ok: true, commit: 300, socket: before.socket}},
	} {
		r := &run{}
		r.noteWire(pair[0], pair[1])
		if cost := r.wire.perCommit(); cost != nil {
			t.Errorf("%s: got %+v, want nothing", name, cost)
		}
	}
}

func TestSegmentsThatNobodyCountsAreNull(t *testing.T) {
	if cost := (wireCost{commits: 2, bytes: 10}).perCommit(); cost.Segments != nil || cost.Bytes != 5 {
		t.Errorf("got %+v", cost)
	}
}
