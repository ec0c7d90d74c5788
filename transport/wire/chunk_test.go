package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func TestEncoderSharesLongChunks(t *testing.T) {
	chunk := func(size int) raft.Message {
		m := example(raft.MsgSnapshot)
		m.Chunk.Data = bytes.Repeat([]byte("s"), size)
		return m
	}
	long, short := chunk(256<<10), chunk(100)
	both := chunk(5000) // no kind has a long span too, but nothing of the encoding forbids it
	both.Span = raft.Span{Entries: []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: make([]byte, 5000)}}}
	both = decoded(both)
	mixed := chunk(5000)
	mixed.Span = decoded(example(raft.MsgAppend)).Span
	want := []raft.Message{short, long, both, mixed, long}
	var enc Encoder
	enc.Reset()
	for i := range want {
		enc.Add(&want[i])
	}
	frame := enc.Frame()
	if &frame[1][0] != &long.Chunk.Data[0] || &frame[len(frame)-1][0] != &long.Chunk.Data[0] {
		t.Error("the data of a long chunk were copied")
	}
	if got := len(frame); got != 10 {
		t.Errorf("frame of %d slices, want 10", got)
	}
	f, err := NewReader(bytes.NewReader(bytes.Join(frame, nil)), 1<<20).Next()
	if err != nil {
		t.Fatal(err)
	}
	got := decodeAll(t, f.Payload)
	if !reflect.DeepEqual(got, want) {
		t.Error("messages differ after the wire")
	}
	data := got[1].Chunk.Data
	if at := bytes.Index(f.Payload, data); at < 0 || &f.Payload[at] != &data[0] {
		t.Error("the data of a chunk were copied while decoding")
	}
	if !Aliases(&got[1]) {
		t.Error("Aliases does not know of a chunk's data")
	}
	reply := example(raft.MsgSnapshotReply)
	if Aliases(&reply) {
		t.Error("Aliases says that a reply refers to what it was decoded from")
	}
}

func TestLargestChunkStaysBelowItsBound(t *testing.T) {
	const most = 1<<64 - 1
	var members []raft.Member
	for i := range raft.MembersMax {
		members = append(members, raft.Member{
			ID: most - raft.MembersMax + raft.NodeID(i+1), Voter: true, Outgoing: true, Priority: 255,
			Address: strings.Repeat("a", raft.AddressBytesMax),
		})
	}
	id := raft.EntryID{Term: most, Index: most}
	m := raft.Message{
		Kind: raft.MsgSnapshot, From: most, To: most, Term: most, Last: id, Span: raft.Span{Prev: id}, Match: most,
		Commit: most, Seq: most,
		Chunk: &raft.Chunk{
			Snapshot: raft.Snapshot{
				Last: id, Configuration: raft.Configuration{Members: members, LastID: most}, ConfigurationIndex: most,
			},
			Offset: most, Done: true, Data: make([]byte, 256<<10),
		},
	}
	src := AppendMessage(nil, &m)
	if len(src) > SizeBound(&m) {
		t.Errorf("encoded in %d bytes, SizeBound = %d", len(src), SizeBound(&m))
	}
	if n := len(m.Chunk.Snapshot.Configuration.AppendTo(nil)); n > configurationBytesMax {
		t.Errorf("configuration of %d bytes, want at most %d", n, configurationBytesMax)
	}
	var got raft.Message
	if _, err := DecodeMessage(src, &got); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%v, or something else came back", err)
	}
}

func TestMalformedChunksAreRefused(t *testing.T) {
	refuse := func(name string, m raft.Message, change func(src []byte) []byte) {
		t.Helper()
		var got raft.Message
		if _, err := DecodeMessage(change(AppendMessage(nil, &m)), &got); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want %v", name, err, ErrFormat)
		}
	}
	same := func(src []byte) []byte { return src }
	none := example(raft.MsgSnapshot)
	none.Chunk = nil
	refuse("InstallSnapshot without a chunk", none, same)
	none.Kind = raft.MsgSnapshotReply
	refuse("reply without a chunk", none, same)
	heartbeat := example(raft.MsgHeartbeat)
	heartbeat.Chunk = exampleChunk()
	refuse("heartbeat with a chunk", heartbeat, same)

	bad := example(raft.MsgSnapshot)
	bad.Chunk.Snapshot.Configuration.LastID = 5 // below a member's
	refuse("configuration that is not valid", bad, same)
	refuse("done 2", example(raft.MsgSnapshotReply), func(src []byte) []byte {
		src[len(src)-1] = 2
		return src
	})
	refuse("data beyond the end", example(raft.MsgSnapshot), func(src []byte) []byte { return src[:len(src)-1] })

	var u uvarints
	u.src = append(u.src, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f) // a configuration of 4 GiB
	if _, err := decodeChunk(&u, raft.MsgSnapshot); !errors.Is(err, ErrFormat) {
		t.Errorf("claim of a large configuration: %v, want %v", err, ErrFormat)
	}
	empty := example(raft.MsgSnapshot)
	*empty.Chunk = raft.Chunk{}
	var got raft.Message
	if _, err := DecodeMessage(AppendMessage(nil, &empty), &got); err != nil || !reflect.DeepEqual(got, empty) {
		t.Errorf("zero chunk: got %+v, %v", got.Chunk, err)
	}
}
