package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// FuzzFrames reads arbitrary bytes as a stream of frames, and again with the checksums put right, which shows what is
// behind them. A frame that is accepted is the only encoding of what it carries.
func FuzzFrames(f *testing.F) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		m := example(kind)
		f.Add(AppendFrame(nil, KindMessages, AppendMessage(nil, &m)), uint8(0))
	}
	f.Add(AppendFrame(nil, KindHello, exampleHello().Append(nil)), uint8(0))
	f.Add(append(AppendFrame(nil, KindWelcome, exampleWelcome().Append(nil)), KeepAlive()...), uint8(200))
	claim := AppendFrame(nil, KindMessages, make([]byte, 5000))
	claim[6] = 3 // of 196 608 bytes and more
	f.Add(claim, uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		if frames := readFrames(t, stream, int(step)); len(frames) > 0 && !bytes.HasPrefix(stream, join(frames)) {
			t.Errorf("%d frames that were accepted have another encoding", len(frames))
		}
		right := rightChecksums(stream)
		for _, frame := range readFrames(t, right, int(step)) {
			if frame.Kind == KindMessages {
				checkPayload(t, frame.Payload)
			}
		}
	})
}

// readFrames reads the stream in reads of at most step bytes, and checks what the reader takes for it.
func readFrames(t *testing.T, stream []byte, step int) (frames []Frame) {
	if step == 0 {
		step = len(stream) + 1
	}
	most := 0
	allocation.AtMost(t, framesLimit(stream), func() {
		frames = nil
		r := NewReader(&stepReader{data: stream, step: step}, transport.FrameBytesLimit)
		for {
			frame, err := r.Next()
			most = max(most, cap(r.chunk))
			if err != nil {
				return
			}
			r.Retain()
			frames = append(frames, frame)
		}
	})
	if limit := 2*len(stream) + allocation.Slack; most > limit {
		t.Errorf("the reader holds %d bytes for a stream of %d, want at most %d", most, len(stream), limit)
	}
	return frames
}

// framesLimit bounds what reading a stream allocates: the chunk at hand is twice what has arrived, and those before
// were half as large each. The frames' slice headers are the test's own.
func framesLimit(stream []byte) int {
	const frameBytes = 5 * 40 / HeaderBytes
	return (4+frameBytes)*len(stream) + 2*allocation.Slack
}

func join(frames []Frame) (stream []byte) {
	for _, f := range frames {
		stream = AppendFrame(stream, f.Kind, f.Payload)
	}
	return stream
}

// rightChecksums returns the stream as if whoever sent it had computed its checksums.
func rightChecksums(stream []byte) []byte {
	right := bytes.Clone(stream)
	for rest := right; len(rest) >= HeaderBytes; {
		h, err := parseHeader(rest, transport.FrameBytesLimit)
		if err != nil || HeaderBytes+h.length > len(rest) {
			break
		}
		frame := rest[: HeaderBytes+h.length : HeaderBytes+h.length]
		putHeader(h.kind, frame, h.length, nil)
		rest = rest[len(frame):]
	}
	return right
}

// FuzzMessages decodes arbitrary bytes as messages. What decodes must survive being encoded and decoded again.
func FuzzMessages(f *testing.F) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		for _, m := range []raft.Message{example(kind), fullMessage(kind), zeroMessage(kind)} {
			f.Add(AppendMessage(nil, &m))
		}
	}
	f.Fuzz(checkPayload)
}

// checkPayload decodes messages one by one, as receivers do.
func checkPayload(t *testing.T, payload []byte) {
	for len(payload) > 0 {
		var m raft.Message
		var rest []byte
		var err error
		allocation.AtMost(t, messageLimit(payload), func() { rest, err = DecodeMessage(payload, &m) })
		if err != nil {
			return
		}
		if len(rest) >= len(payload) {
			t.Fatalf("a message of %d bytes in %d", len(payload)-len(rest), len(payload))
		}
		checkAgain(t, m)
		payload = rest
	}
}

// messageLimit bounds what decoding a message allocates: twice what it counts against the caps of queues, where an
// entry counts raft.EntryOverheadBytes beside its data.
func messageLimit(payload []byte) int {
	const entryBytesMin = 3
	entries := min(len(payload)/entryBytesMin, raft.MessageEntriesLimit)
	return 2*(len(payload)+entries*raft.EntryOverheadBytes) + allocation.Slack
}

// FuzzGreetings decodes arbitrary bytes as a hello and as a welcome.
func FuzzGreetings(f *testing.F) {
	f.Add(exampleHello().Append(nil))
	f.Add(exampleWelcome().Append(nil))
	f.Add(Hello{Head: OwnHead()}.Append(nil))
	f.Add(Head{Protocol: 99, ProtocolMin: 98}.appendTo(nil))
	f.Fuzz(func(t *testing.T, src []byte) {
		var h Hello
		var w Welcome
		var err error
		allocation.AtMost(t, 2*len(src)+allocation.Slack, func() { h, err = DecodeHello(src) })
		if err == nil && h.Readable() {
			encoded := h.Append(nil)
			if again, err := DecodeHello(encoded); err != nil || !reflect.DeepEqual(again, h) || len(encoded) > len(src) {
				t.Errorf("hello %+v came back as %+v, %v", h, again, err)
			}
		}
		allocation.AtMost(t, 2*len(src)+allocation.Slack, func() { w, err = DecodeWelcome(src) })
		if err == nil && w.Readable() {
			encoded := w.Append(nil)
			if again, err := DecodeWelcome(encoded); err != nil || !reflect.DeepEqual(again, w) || len(encoded) > len(src) {
				t.Errorf("welcome %+v came back as %+v, %v", w, again, err)
			}
		}
	})
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
