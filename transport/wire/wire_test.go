package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example returns a message of each kind with the fields that it uses.
func example(kind raft.MessageKind) raft.Message {
	m := raft.Message{Kind: kind, From: 1, To: 300, Term: 7}
	switch kind {
	case raft.MsgPreVote, raft.MsgVote:
		m.Last = raft.EntryID{Term: 6, Index: 70_000}
	case raft.MsgPreVoteReply, raft.MsgVoteReply:
		m.Reject = true
	case raft.MsgAppend:
		m.Span = raft.Span{Prev: raft.EntryID{Term: 6, Index: 70_000}, Entries: []raft.Entry{
			{Term: 7, Kind: raft.EntryNoop},
			{Term: 7, Kind: raft.EntryCommand, Data: []byte("set x 1")},
		}}
		m.Commit, m.Seq = 69_999, 12
	case raft.MsgAppendReply:
		m.Match, m.Seq, m.Reject = 70_002, 12, true
		m.Last = raft.EntryID{Term: 5, Index: 69_000}
	case raft.MsgHeartbeat:
		m.Commit, m.Seq = 69_999, 1<<63+1
	case raft.MsgHeartbeatReply, raft.MsgReadIndex, raft.MsgRecover:
		m.Seq = 1<<63 + 1
	case raft.MsgSnapshot:
		m.Chunk, m.Seq = exampleChunk(), 13
		m.Chunk.Data = []byte("state of the machine")
	case raft.MsgSnapshotReply:
		m.Chunk, m.Match, m.Seq = exampleChunk(), 70_000, 13
	case raft.MsgReadIndexReply:
		m.Commit, m.Seq, m.Reject = 70_000, 1<<63+1, true
	}
	if kind == raft.MsgVote {
		m.Transfer = true
	}
	return m
}

func exampleChunk() *raft.Chunk {
	joint := raft.Configuration{LastID: 300, Members: []raft.Member{
		{ID: 1, Voter: true, Outgoing: true, Priority: 2, Address: "127.0.0.1:7001"},
		{ID: 2, Outgoing: true},
		{ID: 300, Voter: true},
		{ID: 301, Learner: true, Address: "[::1]:7301"},
	}}
	joint.LastID = 310
	return &raft.Chunk{
		Snapshot: raft.Snapshot{Last: raft.EntryID{Term: 6, Index: 70_000}, Configuration: joint, ConfigurationIndex: 69_000},
		Offset:   1 << 20, Done: true,
	}
}

// decoded is what a message looks like after the wire: with the encoding of its entries.
func decoded(m raft.Message) raft.Message {
	if len(m.Span.Entries) > 0 {
		m.Span.Encoded = raft.AppendEntries(nil, m.Span.Entries)
	}
	return m
}

func TestMessagesOfEachKindRoundTrip(t *testing.T) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		want := decoded(example(kind))
		for _, m := range []raft.Message{want, example(kind)} {
			src := AppendMessage(nil, &m)
			if len(src) > SizeBound(&m) {
				t.Errorf("%v: SizeBound = %d, want at least %d", kind, SizeBound(&m), len(src))
			}
			var got raft.Message
			rest, err := DecodeMessage(append(src, "rest"...), &got)
			if err != nil || string(rest) != "rest" {
				t.Fatalf("%v: decode: rest %q, err %v", kind, rest, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%v: got %+v, want %+v", kind, got, want)
			}
			for n := range src {
				if rest, err := DecodeMessage(src[:n], &got); err == nil {
					t.Errorf("%v: decoded from %d of %d bytes, rest %q", kind, n, len(src), rest)
				}
			}
		}
	}
}

func TestLargestNumbersStayBelowTheOverhead(t *testing.T) {
	const most = 1<<64 - 1
	id := raft.EntryID{Term: most, Index: most}
	m := raft.Message{
		Kind: raft.MsgAppend, From: most, To: most, Term: most, Last: id, Match: most, Commit: most, Seq: most,
		Reject: true, Transfer: true, Span: raft.Span{Prev: id},
	}
	src := AppendMessage(nil, &m)
	if len(src) > MessageOverheadBytes {
		t.Errorf("encoded in %d bytes, want at most MessageOverheadBytes = %d", len(src), MessageOverheadBytes)
	}
	var got raft.Message
	if _, err := DecodeMessage(src, &got); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got %+v, %v, want %+v", got, err, m)
	}
}

func TestHelloAndWelcomeRoundTrip(t *testing.T) {
	hello := Hello{
		Head: exampleHead(), Lane: 2, From: 1 << 40, To: 2, Incarnation: 1<<64 - 1, Instance: 9, Disk: 7, Nonce: 8,
		Previous: []uint64{1, 1<<64 - 1}, Cluster: "a.b-c", Address: "host:1",
	}
	if got, err := DecodeHello(hello.Append(nil)); err != nil || !reflect.DeepEqual(got, hello) {
		t.Errorf("hello: got %+v, %v, want %+v", got, err, hello)
	}
	welcome := Welcome{
		Head: OwnHead(), Node: 2, Incarnation: 3, Instance: 1<<64 - 1, Disk: 1<<64 - 1,
		Nonce: 1<<64 - 1, Previous: make([]uint64, transport.PreviousMax), Cluster: strings.Repeat("x", clusterBytesMax),
		Address: strings.Repeat("y", raft.AddressBytesMax),
	}
	src := welcome.Append(nil)
	if got, err := DecodeWelcome(src); err != nil || !reflect.DeepEqual(got, welcome) {
		t.Errorf("welcome: got %+v, %v, want %+v", got, err, welcome)
	}
	longest := Hello{
		Head: Head{Protocol: 1<<64 - 1, ProtocolMin: 1<<64 - 1, Required: 1<<64 - 1, Optional: 1<<64 - 1},
		From: 1<<64 - 1, To: 1<<64 - 1, Previous: welcome.Previous, Cluster: welcome.Cluster, Address: welcome.Address,
	}
	if n := len(longest.Append(nil)); n > HelloBytesMax {
		t.Errorf("hello takes %d bytes, want at most %d", n, HelloBytesMax)
	}
	longest.Head, longest.Previous = OwnHead(), append(longest.Previous, 0)
	if _, err := DecodeHello(longest.Append(nil)); !errors.Is(err, ErrFormat) {
		t.Errorf("hello with %d nonces before its own: %v, want %v", len(longest.Previous), err, ErrFormat)
	}
	welcome.Address += "y"
	if _, err := DecodeWelcome(welcome.Append(nil)); !errors.Is(err, ErrFormat) {
		t.Errorf("welcome with an address of %d bytes: %v, want %v", len(welcome.Address), err, ErrFormat)
	}
	if _, err := DecodeHello(append(hello.Append(nil), 0)); !errors.Is(err, ErrFormat) {
		t.Errorf("hello with a byte more: %v, want %v", err, ErrFormat)
	}
	for n := range src {
		if _, err := DecodeWelcome(src[:n]); err == nil {
			t.Errorf("welcome decoded from %d of %d bytes", n, len(src))
		}
	}
}

// exampleHead speaks the version before this one, too, and can do what nobody knows of.
func exampleHead() Head {
	return Head{Protocol: ProtocolVersion, ProtocolMin: ProtocolMin - 1, Optional: 1 << 40}
}

// headOf decodes the greeting in a golden file.
func headOf(t *testing.T, path string) (Head, error) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	frame, err := NewReader(bytes.NewReader(raw), HelloBytesMax).Next()
	if err != nil {
		return Head{}, err
	}
	if frame.Kind == KindHello {
		h, err := DecodeHello(frame.Payload)
		return h.Head, err
	}
	w, err := DecodeWelcome(frame.Payload)
	return w.Head, err
}

func TestEncoderSharesLongSpansAndCopiesShortOnes(t *testing.T) {
	var enc Encoder
	enc.Reset()
	long := example(raft.MsgAppend)
	long.Span.Entries[1].Data = bytes.Repeat([]byte("x"), 5000)
	long = decoded(long)
	short := decoded(example(raft.MsgAppend))
	want := []raft.Message{short, long, short, long, long}
	for i := range want {
		enc.Add(&want[i])
	}
	length := enc.Bytes()
	frame := enc.Frame()
	if &frame[1][0] != &long.Span.Encoded[0] {
		t.Error("a long span's encoding was copied")
	}
	if got, slices := len(bytes.Join(frame, nil)), len(frame); got != length || slices != 7 {
		t.Errorf("frame of %d bytes in %d slices, want %d bytes in 7", got, slices, length)
	}
	for name, src := range map[string]io.Reader{
		"whole":  bytes.NewReader(bytes.Join(frame, nil)),
		"drops":  iotest.OneByteReader(bytes.NewReader(bytes.Join(frame, nil))),
		"halves": iotest.HalfReader(bytes.NewReader(bytes.Join(frame, nil))),
	} {
		f, err := NewReader(src, 1<<20).Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := decodeAll(t, f.Payload); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: messages differ after the wire", name)
		}
	}
}

func decodeAll(t *testing.T, payload []byte) (messages []raft.Message) {
	t.Helper()
	for len(payload) > 0 {
		var m raft.Message
		rest, err := DecodeMessage(payload, &m)
		if err != nil {
			t.Fatal(err)
		}
		messages, payload = append(messages, m), rest
	}
	return messages
}

func TestReaderKeepsRetainedFramesIntact(t *testing.T) {
	var stream []byte
	sizes := []int{0, 1, 100, 3000, 5000, 70_000, 300_000, 10, 1_500_000, 64 << 10}
	const rounds = 30
	for round := range rounds {
		for i, size := range sizes {
			stream = AppendFrame(stream, KindMessages, bytes.Repeat([]byte{byte(i + round)}, size))
		}
	}
	for _, step := range []int{1 << 30, 1000} {
		r := NewReader(&stepReader{data: stream, step: step}, 2<<20)
		var kept []Frame
		for round := range rounds {
			for i, size := range sizes {
				f, err := r.Next()
				if err != nil || len(f.Payload) != size {
					t.Fatalf("frame of %d bytes: got %d, %v", size, len(f.Payload), err)
				}
				if want := bytes.Repeat([]byte{byte(i + round)}, size); !bytes.Equal(f.Payload, want) {
					t.Fatalf("frame of %d bytes is corrupt", size)
				}
				if i%3 != 1 {
					r.Retain()
					kept = append(kept, f)
				}
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v, want io.EOF", err)
		}
		for n, f := range kept {
			if len(f.Payload) > 0 && f.Payload[0] != f.Payload[len(f.Payload)-1] {
				t.Fatalf("retained frame %d was overwritten", n)
			}
		}
	}
}

type stepReader struct {
	data []byte
	step int
}

func (s *stepReader) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data[:min(s.step, len(s.data))])
	s.data = s.data[n:]
	return n, nil
}

func TestReaderReusesItsChunkWhenNothingIsRetained(t *testing.T) {
	frame := AppendFrame(nil, KindMessages, make([]byte, 100))
	r := NewReader(bytes.NewReader(bytes.Repeat(frame, 20_000)), 1<<20)
	for range 10_000 { // grows to its working size
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	allocs := testing.AllocsPerRun(5000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a frame, want 0", allocs)
	}
}

func TestReaderRefusesBadFrames(t *testing.T) {
	good := AppendFrame(nil, KindMessages, []byte("payload"))
	flip := func(at int) []byte {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		return bad
	}
	for at := range good {
		_, err := NewReader(bytes.NewReader(flip(at)), 1<<20).Next()
		want := ErrFormat
		if at == 2 {
			want = ErrVersion
		}
		if !errors.Is(err, want) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("bit flipped in byte %d: %v, want %v", at, err, want)
		}
	}
	if _, err := NewReader(bytes.NewReader(good), 6).Next(); !errors.Is(err, ErrFormat) {
		t.Errorf("frame over the cap: %v, want %v", err, ErrFormat)
	}
	for n := 1; n < len(good); n++ {
		if _, err := NewReader(bytes.NewReader(good[:n]), 1<<20).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v, want io.ErrUnexpectedEOF", n, len(good), err)
		}
	}
}

func TestReaderDoesNotAllocateOnAClaim(t *testing.T) {
	claim := AppendFrame(nil, KindMessages, nil)
	claim[7] = 2 // 32 MiB
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := NewReader(bytes.NewReader(claim), 64<<20).Next(); err == nil {
				b.Fatal("no error")
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 2*chunkBytesMax {
		t.Errorf("%d bytes allocated for a claim of 32 MiB, want at most %d", got, 2*chunkBytesMax)
	}
}
