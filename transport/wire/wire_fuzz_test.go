package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// FuzzDecode feeds arbitrary bytes to every decoder, as a stream and as payloads with a good checksum. What decodes
// must survive being encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		m := example(kind)
		f.Add(AppendMessage(nil, &m))
		f.Add(AppendFrame(nil, KindMessages, AppendMessage(nil, &m)))
	}
	hello := Hello{
		Head: OwnHead(), Lane: 1, From: 1, To: 2, Incarnation: 3, Disk: 4, Nonce: 5, Previous: []uint64{6, 7},
		Cluster: "c", Address: "a:1",
	}
	f.Add(hello.Append(nil))
	f.Add(Welcome{Head: OwnHead(), Node: 2, Incarnation: 3, Disk: 4, Cluster: "c", Address: "a:1"}.Append(nil))
	f.Fuzz(func(t *testing.T, src []byte) {
		checkStream(t, src)
		checkStream(t, AppendFrame(nil, KindMessages, src))
		if h, err := DecodeHello(src); err == nil && h.Protocol == ProtocolVersion {
			if again, err := DecodeHello(h.Append(nil)); err != nil || !reflect.DeepEqual(again, h) {
				t.Errorf("hello %+v came back as %+v, %v", h, again, err)
			}
		}
		if w, err := DecodeWelcome(src); err == nil && w.Protocol == ProtocolVersion {
			if again, err := DecodeWelcome(w.Append(nil)); err != nil || !reflect.DeepEqual(again, w) {
				t.Errorf("welcome %+v came back as %+v, %v", w, again, err)
			}
		}
	})
}

func checkStream(t *testing.T, stream []byte) {
	r := NewReader(bytes.NewReader(stream), transport.FrameBytesLimit)
	for {
		frame, err := r.Next()
		if err != nil {
			break
		}
		for rest := frame.Payload; len(rest) > 0; {
			var m raft.Message
			if rest, err = DecodeMessage(rest, &m); err != nil {
				break
			}
			checkAgain(t, m)
		}
	}
	if limit := 2*len(stream) + 2*chunkBytesMax; cap(r.chunk) > limit {
		t.Errorf("the reader holds %d bytes for a stream of %d, want at most %d", cap(r.chunk), len(stream), limit)
	}
}

func checkAgain(t *testing.T, m raft.Message) {
	if m.Chunk != nil {
		if err := m.Chunk.Snapshot.Configuration.Validate(); err != nil {
			t.Errorf("chunk of a configuration that is not valid: %v", err)
		}
	}
	if size := len(AppendMessage(nil, &m)); size > SizeBound(&m) {
		t.Errorf("%+v takes %d bytes, SizeBound = %d", m, size, SizeBound(&m))
	}
	if m.Span.Encoded != nil && len(m.Span.Entries) > len(m.Span.Encoded) {
		t.Errorf("%d entries of %d bytes", len(m.Span.Entries), len(m.Span.Encoded))
	}
	var again raft.Message
	rest, err := DecodeMessage(AppendMessage(nil, &m), &again)
	if err != nil || len(rest) != 0 || !reflect.DeepEqual(again, m) {
		t.Errorf("%+v came back as %+v, rest %d, %v", m, again, len(rest), err)
	}
}

// FuzzRoundTrip builds messages and checks that a frame brings them back, copied or shared.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(5), uint64(1), uint64(2), uint64(3), uint64(4), uint64(5), []byte("data"), uint8(3), true)
	f.Add(uint8(8), uint64(1)<<63, uint64(200), uint64(1), uint64(2), uint64(127), []byte("state"), uint8(64), false)
	f.Add(uint8(12), uint64(1), uint64(2), uint64(3), uint64(4), uint64(5), []byte("no state"), uint8(9), true)
	f.Add(uint8(6), uint64(1)<<63, uint64(0), uint64(1), uint64(0), uint64(127), []byte{}, uint8(0), false)
	f.Fuzz(func(t *testing.T, kind uint8, a, b, c, d, e uint64, data []byte, count uint8, reject bool) {
		m := raft.Message{
			Kind: raft.MessageKind(kind%13 + 1), From: raft.NodeID(a), To: raft.NodeID(b), Term: raft.Term(c),
			Last: raft.EntryID{Term: raft.Term(d), Index: raft.Index(e)}, Match: raft.Index(a ^ c),
			Commit: raft.Index(b ^ d), Seq: c ^ e, Reject: reject, Transfer: !reject,
		}
		m.Chunk = fuzzedChunk(m.Kind, a, b, data, count)
		m.Span.Prev = raft.EntryID{Term: raft.Term(e), Index: raft.Index(d)}
		for i := range int(count) {
			entry := raft.Entry{Term: raft.Term(c), Kind: raft.EntryKind(i%3 + 1)}
			if size := len(data) * i / int(count); size > 0 {
				entry.Data = data[:size]
			}
			m.Span.Entries = append(m.Span.Entries, entry)
		}
		want := decoded(m)
		for _, threshold := range []int{1, 1 << 30} {
			enc := Encoder{SharedBytesMin: threshold}
			enc.Reset()
			enc.Add(&m)
			enc.Add(&want)
			frame, err := NewReader(bytes.NewReader(bytes.Join(enc.Frame(), nil)), transport.FrameBytesLimit).Next()
			if err != nil {
				t.Fatal(err)
			}
			got := decodeAll(t, frame.Payload)
			if !reflect.DeepEqual(got, []raft.Message{want, want}) {
				t.Errorf("got %+v, want twice %+v", got, want)
			}
		}
	})
}

// fuzzedChunk returns a chunk with a valid configuration for the kinds that have one.
func fuzzedChunk(kind raft.MessageKind, a, b uint64, data []byte, count uint8) *raft.Chunk {
	if !hasChunk(kind) {
		return nil
	}
	var members []raft.Member
	for i := range min(int(count), raft.MembersMax) {
		members = append(members, raft.Member{
			ID: raft.NodeID(i + 1), Voter: true, Outgoing: a&(1<<(i%64)) != 0, Priority: uint8(b), Address: string(data),
		})
		if len(data) > raft.AddressBytesMax {
			members[i].Address = ""
		}
	}
	c := &raft.Chunk{
		Snapshot: raft.Snapshot{
			Last: raft.EntryID{Term: raft.Term(a), Index: raft.Index(b)}, ConfigurationIndex: raft.Index(a & b),
			Configuration: raft.Configuration{Members: members, LastID: raft.NodeID(max(b, uint64(len(members))))},
		},
		Offset: a ^ b, Done: b%2 == 0,
	}
	if kind == raft.MsgSnapshot && len(data) > 0 {
		c.Data = data
	}
	return c
}
