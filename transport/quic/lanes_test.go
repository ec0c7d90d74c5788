package quic_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/quic"
)

// connected opens and starts both nodes and waits until they have heard each other.
func (p *pair) connected(change func(*transport.Options)) {
	p.t.Helper()
	for id := 1; id <= 2; id++ {
		options := transport.Options{
			Self: raft.NodeID(id), Cluster: "pair", Incarnation: 1, Identity: p.ids[id],
		}
		change(&options)
		node, err := quic.New(options)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = node.Close() })
		p.nodes[id] = node
	}
	p.start(1, p.nodes[2].Addr())
	p.start(2, p.nodes[1].Addr())
	p.reach(1, 2, 1)
	p.reach(2, 1, 2)
}

func TestAppendsAreSpreadOverStreams(t *testing.T) {
	p := newPair(t)
	p.connected(func(o *transport.Options) { o.AppendStreams = 3 })
	const appends = 2000
	data := make([]byte, 3000)
	go func() {
		for seq := range uint64(appends) {
			m := raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Seq: seq + 1, Span: raft.Span{
				Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: data}},
			}}
			for !p.nodes[1].Send(m) {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	got := map[uint64]bool{}
	for len(got) < appends {
		select {
		case m := <-p.delivered[2]:
			if m.Kind != raft.MsgAppend {
				continue
			}
			if got[m.Seq] || len(m.Span.Entries) != 1 || len(m.Span.Entries[0].Data) != len(data) {
				t.Fatalf("append %d came twice, or changed", m.Seq)
			}
			got[m.Seq] = true
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d appends came; metrics:\n%v", len(got), appends, p.nodes[2].Metrics())
		}
	}
	if m := p.nodes[2].Metrics(); m.Disconnects > 0 {
		t.Errorf("connections broke:\n%v", m)
	}
}

// TestHeartbeatDatagramsPassAStalledControlLane stalls the stream of the control lane with a vote that is not taken.
func TestHeartbeatDatagramsPassAStalledControlLane(t *testing.T) {
	for _, datagrams := range []bool{true, false} {
		p := newPair(t)
		release := make(chan struct{})
		p.stall[2] = func(m raft.Message) {
			if m.Kind == raft.MsgVote {
				<-release
			}
		}
		p.connected(func(o *transport.Options) { o.HeartbeatDatagrams = datagrams })
		t.Cleanup(func() { close(release) }) // before the nodes are closed, which waits for deliveries
		for len(p.delivered[2]) > 0 {
			<-p.delivered[2]
		}
		p.nodes[1].Send(raft.Message{Kind: raft.MsgVote, From: 1, To: 2, Term: 5})
		lane := func() transport.LaneMetrics { return p.nodes[1].Metrics().Lanes[transport.LaneControl] }
		for deadline := time.Now().Add(5 * time.Second); lane().MessagesQueued > 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		passed := false
		for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline) && !passed; {
			p.nodes[1].Send(raft.Message{Kind: raft.MsgHeartbeat, From: 1, To: 2, Term: 5, Seq: 77})
			select {
			case m := <-p.delivered[2]:
				passed = m.Seq == 77
			case <-time.After(5 * time.Millisecond):
			}
		}
		if passed != datagrams {
			t.Errorf("datagrams %v: a heartbeat passed a stalled control lane: %v", datagrams, passed)
		}
	}
}

// TestFullAppendWindowDelaysNoHeartbeat fills the flow-control window of the append stream: the peer takes nothing of
// it. The connection's window must have room for the others.
func TestFullAppendWindowDelaysNoHeartbeat(t *testing.T) {
	p := newPair(t)
	release := make(chan struct{})
	p.stall[2] = func(m raft.Message) {
		if m.Kind == raft.MsgAppend {
			<-release
		}
	}
	p.connected(func(o *transport.Options) { o.ReceiveWindowBytes, o.WriteTimeout = 256<<10, time.Minute })
	t.Cleanup(func() { close(release) }) // before the nodes are closed, which waits for deliveries
	data := make([]byte, 64<<10)
	span := raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: data}}}
	for p.nodes[1].Send(raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Span: span, Seq: 1}) {
	}
	for len(p.delivered[2]) > 0 {
		<-p.delivered[2]
	}
	var worst time.Duration
	for seq := uint64(100); seq < 150; seq++ {
		worst = max(worst, p.reach(1, 2, seq))
	}
	t.Logf("the slowest of 50 heartbeats took %v while the append window was full", worst)
	if worst > 500*time.Millisecond {
		t.Errorf("a heartbeat took %v while the append window was full", worst)
	}
}

// TestLongFrameIsGivenTheTimeOfItsBytes has an append that the peer takes after WriteTimeout: BodyRateMin allows it.
func TestLongFrameIsGivenTheTimeOfItsBytes(t *testing.T) {
	const timeout = 200 * time.Millisecond
	p := newPair(t)
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	p.stall[2] = func(m raft.Message) {
		if m.Kind == raft.MsgAppend {
			<-release
		}
	}
	p.connected(func(o *transport.Options) { o.ReceiveWindowBytes, o.WriteTimeout = 64<<10, timeout })
	t.Cleanup(let) // before the nodes are closed, which waits for deliveries
	span := raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, 512<<10)}}}
	p.nodes[1].Send(raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Seq: 1 << 20})
	p.nodes[1].Send(raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Seq: 1<<20 + 1, Span: span})
	time.AfterFunc(3*timeout, let)
	for deadline := time.After(10 * time.Second); ; {
		select {
		case m := <-p.delivered[2]:
			if m.Seq != 1<<20+1 {
				continue
			}
		case <-deadline:
			t.Fatalf("the append did not come; metrics:\n%v", p.nodes[1].Metrics())
		}
		break
	}
	if m := p.nodes[1].Metrics(); m.Disconnects > 0 {
		t.Errorf("connections broke:\n%v", m)
	}
}

func TestWhatQUICCannotDoIsRefused(t *testing.T) {
	_, err := quic.New(transport.Options{Self: 1, Cluster: "c", Congestion: "bbr"})
	if !errors.Is(err, transport.ErrIdentityRequired) || !strings.Contains(err.Error(), "Congestion") {
		t.Errorf("New: %v, want both faults", err)
	}
}
