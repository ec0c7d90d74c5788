package tcp_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/tcp"
	"github.com/raftmark/raftmark/transport/wire"
)

func TestOptionsThatOnlyQUICHasAreRefused(t *testing.T) {
	_, err := tcp.New(transport.Options{Self: 1, Cluster: "c", AppendStreams: 2, HeartbeatDatagrams: true})
	for _, field := range []string{"AppendStreams = 2", "HeartbeatDatagrams = true"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want an error about %s", err, field)
		}
	}
}

// TestSocketIsCounted sends one message of a known size and compares what both ends counted.
func TestSocketIsCounted(t *testing.T) {
	a, b := open(t, transport.Options{Self: 1, Cluster: "c"}), open(t, transport.Options{Self: 2, Cluster: "c"})
	delivered := make(chan raft.Message, 1)
	start := func(node *tcp.Transport, peers map[raft.NodeID]string) {
		if err := node.SetPeers(peers, 0); err != nil {
			t.Fatal(err)
		}
		if err := node.Start(func(m raft.Message) { delivered <- m }, func(raft.NodeID, bool) {}); err != nil {
			t.Fatal(err)
		}
	}
	start(b, nil)
	start(a, map[raft.NodeID]string{2: b.Addr()})
	deadline := time.Now().Add(10 * time.Second)
	for a.Metrics().Connects < 2 {
		if time.Now().After(deadline) {
			t.Fatalf("not connected:\n%v", a.Metrics())
		}
		time.Sleep(time.Millisecond)
	}
	before, heard := a.Metrics().Socket, b.Metrics().Socket
	m := raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Span: raft.Span{
		Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, 100<<10)}},
	}}
	m.Span.Encoded = raft.AppendEntries(nil, m.Span.Entries)
	if !a.Send(m) {
		t.Fatal("not taken")
	}
	<-delivered
	for a.Metrics().Lanes[transport.LaneAppend].MessagesSent == 0 { // counted when the write has returned
		if time.Now().After(deadline) {
			t.Fatal("the message that arrived was not counted as sent")
		}
		time.Sleep(time.Millisecond)
	}
	sent, received := a.Metrics().Socket, b.Metrics().Socket
	bytes := uint64(len(m.Span.Encoded) + wire.HeaderBytes)
	if got := sent.SendBytes - before.SendBytes; got < bytes || got > bytes+1000 {
		t.Errorf("sent %d bytes, want %d and a little", got, bytes)
	}
	if got := received.ReceiveBytes - heard.ReceiveBytes; got < bytes || got > bytes+1000 {
		t.Errorf("received %d bytes, want %d and a little", got, bytes)
	}
	if got := sent.Sends - before.Sends; got == 0 || got > 20 {
		t.Errorf("sent with %d calls, want a single one, and probes", got)
	}
	if received.Receives == heard.Receives {
		t.Error("received without a call")
	}
	if runtime.GOOS != "linux" {
		return
	}
	if sent.SendSegments <= before.SendSegments || received.ReceiveSegments <= heard.ReceiveSegments {
		t.Errorf("segments: before %+v, then %+v; at the receiver %+v, then %+v", before, sent, heard, received)
	}
}
