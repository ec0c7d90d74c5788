package transporttest

import (
	"slices"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// payload returns a span of one command of so many bytes, encoded.
func payload(size int) raft.Span {
	span := raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, size)}}}
	span.Encoded = raft.AppendEntries(nil, span.Entries)
	return span
}

// RoundTrip measures an append of 128 bytes and its reply, one at a time.
func RoundTrip(b *testing.B, construct New, config Config) {
	e := newEnv(b, construct, config)
	replies := chanOf(1)
	nodes := e.cluster(2, func(_ *transport.Options, n *node) {
		switch {
		case n == nil:
		case n.id == 1:
			n.onMessage = func(raft.Message) { replies <- struct{}{} }
		default:
			n.onMessage = func(m raft.Message) {
				n.Send(raft.Message{Kind: raft.MsgAppendReply, From: 2, To: 1, Term: 1, Match: m.Span.LastIndex(), Seq: m.Seq})
			}
		}
	})
	span := payload(128)
	b.ReportAllocs()
	var seq uint64
	took := make([]time.Duration, 0, 1<<20)
	for b.Loop() {
		seq++
		begin := time.Now()
		nodes[0].Send(raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Span: span, Commit: 1, Seq: seq})
		<-replies
		if len(took) < cap(took) {
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
}

// Throughput measures a stream of appends of 128 bytes, at most window of them in flight, as a leader sends them;
// the follower answers every message.
func Throughput(b *testing.B, construct New, config Config) {
	const window = 1024
	e := newEnv(b, construct, config)
	credit := chanOf(window)
	nodes := e.cluster(2, func(_ *transport.Options, n *node) {
		switch {
		case n == nil:
		case n.id == 1:
			n.onMessage = func(raft.Message) { <-credit }
		default:
			n.onMessage = func(m raft.Message) {
				n.Send(raft.Message{Kind: raft.MsgAppendReply, From: 2, To: 1, Term: 1, Match: m.Span.LastIndex(), Seq: m.Seq})
			}
		}
	})
	span := payload(128)
	b.ReportAllocs()
	var seq uint64
	for b.Loop() {
		seq++
		credit <- struct{}{}
		nodes[0].Send(raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Span: span, Commit: 1, Seq: seq})
	}
	for range window { // all replies are in
		credit <- struct{}{}
	}
	b.StopTimer()
	m := nodes[0].Metrics().Lanes[1]
	b.ReportMetric(float64(m.MessagesSent)/float64(m.FramesSent), "msg/frame")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func chanOf(n int) chan struct{} { return make(chan struct{}, n) }
