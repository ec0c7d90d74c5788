package transporttest

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

func exampleOf(kind raft.MessageKind, from, to raft.NodeID) raft.Message {
	m := raft.Message{Kind: kind, From: from, To: to, Term: 300, Seq: 5, Commit: 1 << 40}
	switch kind {
	case raft.MsgAppend:
		m.Span = raft.Span{Prev: raft.EntryID{Term: 299, Index: 1<<40 - 1}, Entries: []raft.Entry{
			{Term: 300, Kind: raft.EntryNoop}, {Term: 300, Kind: raft.EntryCommand, Data: []byte("command")},
		}}
	case raft.MsgSnapshot, raft.MsgSnapshotReply:
		configuration := raft.NewConfiguration(1, 2, 3)
		configuration.Members[1].Address = "127.0.0.1:7002"
		m.Chunk = &raft.Chunk{
			Snapshot: raft.Snapshot{
				Last: raft.EntryID{Term: 299, Index: 1 << 40}, Configuration: configuration, ConfigurationIndex: 4,
			},
			Offset: 1 << 20, Done: true,
		}
		if kind == raft.MsgSnapshot {
			m.Chunk.Data = []byte("a part of the state")
		}
	default:
		m.Last, m.Match, m.Reject = raft.EntryID{Term: 299, Index: 1 << 40}, 77, true
		m.Transfer = kind == raft.MsgVote
	}
	return m
}

// sameMessage compares without the encoding, which a message may have or not.
func sameMessage(a, b raft.Message) bool {
	a.Span.Encoded, b.Span.Encoded = nil, nil
	return reflect.DeepEqual(a, b)
}

func testKinds(e *env) {
	nodes := e.cluster(3, nil)
	seq := uint64(0)
	for _, from := range nodes {
		for _, to := range nodes {
			if from == to {
				if from.Send(exampleOf(raft.MsgVote, from.id, to.id)) {
					e.Errorf("node %d sent a message to itself", from.id)
				}
				continue
			}
			for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
				seq++
				want := exampleOf(kind, from.id, to.id)
				want.Seq = seq
				if got := from.pass(to, want); !sameMessage(got, want) {
					e.Errorf("%v: got %+v, want %+v", kind, got, want)
				}
			}
		}
	}
	if nodes[0].Send(exampleOf(raft.MsgVote, 1, 9)) {
		e.Error("a message to an unknown peer was taken")
	}
	if got := nodes[0].Metrics().Drops["unknown_peer"]; got != 2 {
		e.Errorf("unknown_peer drops = %d, want 2", got)
	}
}

func testOrder(e *env) {
	nodes := e.cluster(2, nil)
	const total = 20_000
	go func() {
		for seq := uint64(1); seq <= total; seq++ {
			m := raft.Message{Kind: raft.MsgAppendReply, From: 1, To: 2, Term: 1, Match: raft.Index(seq), Seq: seq}
			if seq%3 == 0 {
				m = raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1, Seq: seq, Span: raft.Span{
					Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: bytes.Repeat([]byte{byte(seq)}, int(seq%900))}},
				}}
			}
			nodes[0].push(m)
		}
	}()
	seen := make([]bool, total+1)
	for want := uint64(1); want <= total; want++ {
		m := nodes[1].receive()
		if e.config.Unordered {
			if m.Seq == 0 || m.Seq > total || seen[m.Seq] {
				e.Fatalf("message %d came twice, or was never sent", m.Seq)
			}
			seen[m.Seq] = true
		} else if m.Seq != want {
			e.Fatalf("message %d came in place of %d", m.Seq, want)
		}
		if len(m.Span.Entries) == 1 {
			data := m.Span.Entries[0].Data
			if len(data) != int(m.Seq%900) || (len(data) > 0 && data[len(data)-1] != byte(m.Seq)) {
				e.Fatalf("message %d carries %d bytes, want %d", m.Seq, len(data), m.Seq%900)
			}
		}
	}
	sent, received := nodes[0].Metrics().Lanes[1], nodes[1].Metrics().Lanes[1]
	if sent.MessagesSent != total || sent.FramesSent > total {
		e.Errorf("metrics: sent %d messages in %d frames, want %d messages", sent.MessagesSent, sent.FramesSent, total)
	}
	e.eventually("as much is received as sent", func() bool {
		received = nodes[1].Metrics().Lanes[1]
		return received.MessagesReceived == total && received.FramesReceived == sent.FramesSent
	})
}

// testChunks sends a snapshot of 8 MiB as a leader does, and keeps every chunk until the end.
func testChunks(e *env) {
	const chunks, size = 32, 256 << 10
	nodes := e.cluster(2, nil)
	rng := rand.New(rand.NewPCG(3, 4))
	state := patterned(rng, chunks*size)
	go func() {
		for i := range chunks {
			m := exampleOf(raft.MsgSnapshot, 1, 2)
			m.Chunk.Offset, m.Chunk.Data, m.Chunk.Done = uint64(i*size), state[i*size:(i+1)*size], i == chunks-1
			nodes[0].push(m)
		}
	}()
	var got []byte
	var kept []raft.Message
	for range chunks {
		m := nodes[1].receive()
		if m.Chunk == nil || m.Chunk.Offset != uint64(len(got)) {
			e.Fatalf("got %+v, want the chunk at %d", m, len(got))
		}
		got, kept = append(got, m.Chunk.Data...), append(kept, m)
	}
	if !bytes.Equal(got, state) {
		e.Error("the snapshot was changed on the way")
	}
	for i := range kept {
		if at := i * size; !bytes.Equal(kept[i].Chunk.Data, state[at:at+size]) {
			e.Errorf("chunk %d was overwritten by later ones", i)
		}
	}
	if sent := nodes[0].Metrics().Lanes[transport.LaneSnapshot].MessagesSent; sent != chunks {
		e.Errorf("%d messages were sent on the snapshot lane, want %d", sent, chunks)
	}
	nodes[1].push(exampleOf(raft.MsgSnapshotReply, 2, 1))
	nodes[0].receive()
	if got := nodes[0].Metrics().Lanes[transport.LaneControl].MessagesReceived; got > 1 {
		e.Errorf("%d messages were received on the control lane, want the reply", got)
	}
	e.eventually("the reply is counted on the control lane", func() bool {
		return nodes[0].Metrics().Lanes[transport.LaneControl].MessagesReceived == 1
	})
}

// patterned returns data that says where it belongs.
func patterned(rng *rand.Rand, size int) []byte {
	data := make([]byte, size)
	state := rng.Uint32()
	for i := range data {
		state = state*1664525 + 1013904223
		data[i] = byte(state >> 24)
	}
	return data
}

func testSpans(e *env) {
	nodes := e.cluster(2, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	var want []raft.Message
	sizes := []int{0, 1, 127, 128, 511, 512, 4 << 10, 70_000, 1 << 20, 3 << 20, raft.EntryDataBytesMax}
	for i, size := range append(sizes, sizes[:9]...) {
		span := raft.Span{Prev: raft.EntryID{Term: 1, Index: raft.Index(i)}}
		for range 1 + i%3 {
			entry := raft.Entry{Term: 2, Kind: raft.EntryCommand}
			if size > 0 {
				entry.Data = patterned(rng, size)
			}
			span.Entries = append(span.Entries, entry)
			if size > 1<<20 {
				break
			}
		}
		if i%2 == 0 {
			span.Encoded = raft.AppendEntries(nil, span.Entries)
		}
		want = append(want, raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 2, Span: span, Seq: uint64(i + 1)})
	}
	go func() {
		for _, m := range want {
			nodes[0].push(m)
		}
	}()
	var got []raft.Message
	for range want {
		got = append(got, nodes[1].receive())
	}
	if e.config.Unordered {
		slices.SortFunc(got, func(a, b raft.Message) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	for i := range want {
		if !sameMessage(got[i], want[i]) {
			e.Errorf("span %d, entries of %d bytes, was changed on the way", i, len(want[i].Span.Entries[0].Data))
		}
		encoded := got[i].Span.Encoded
		if encoded != nil && !bytes.Equal(encoded, raft.AppendEntries(nil, want[i].Span.Entries)) {
			e.Errorf("span %d came with a wrong encoding", i)
		}
	}
	tooLarge := want[0]
	tooLarge.Span.Entries = []raft.Entry{{Kind: raft.EntryCommand, Data: make([]byte, 17<<20)}}
	tooLarge.Span.Encoded = nil
	if nodes[0].Send(tooLarge) {
		e.Error("a message that does not fit in a frame was taken")
	}
}
