package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// versionRule is what whoever changed a byte is told.
const versionRule = "These bytes are read by nodes of other builds. If the change is meant: raise FrameVersion for " +
	"the header, ProtocolVersion for all else; keep reading the old bytes, or raise ProtocolMin so that old nodes are " +
	"refused by name; then `go test ./transport/wire -update`. See \"Version rule\" in doc.go."

func exampleHello() Hello {
	return Hello{
		Head: exampleHead(), Lane: transport.LaneAppend, From: 1, To: 300, Incarnation: 0x0102030405060708,
		Instance: 0x5152535455565758,
		Disk:     0x1112131415161718, Nonce: 0x2122232425262728, Previous: []uint64{0x3132333435363738, 0x4142434445464748},
		Cluster: "golden", Address: "127.0.0.1:7001",
	}
}

func exampleWelcome() Welcome {
	return Welcome{
		Head: exampleHead(), Refusal: transport.RefusedStale, Node: 300, Incarnation: 9, Instance: 12, Disk: 10, Nonce: 11,
		Cluster: "golden", Address: "127.0.0.1:7300",
	}
}

// fullMessage has every field set that a message of its kind can carry, whether or not the kind uses it.
func fullMessage(kind raft.MessageKind) raft.Message {
	m := raft.Message{
		Kind: kind, From: 1, To: 300, Term: 1 << 20, Last: raft.EntryID{Term: 6, Index: 70_000},
		Span: raft.Span{Prev: raft.EntryID{Term: 5, Index: 60_000}, Entries: []raft.Entry{
			{Term: 6, Kind: raft.EntryCommand, Data: []byte("set x 1")}, {Term: 7, Kind: raft.EntryNoop},
			{Term: 7, Kind: raft.EntryConfig, Data: raft.NewConfiguration(1, 2, 300).AppendTo(nil)},
		}},
		Match: 1 << 32, Commit: 1 << 40, Seq: math.MaxUint64, Reject: true, Transfer: true,
	}
	if hasChunk(kind) {
		m.Chunk = exampleChunk()
		if kind == raft.MsgSnapshot {
			m.Chunk.Data = []byte("state of the machine")
		}
	}
	return decoded(m)
}

// zeroMessage has no field set that a message of its kind can be without.
func zeroMessage(kind raft.MessageKind) raft.Message {
	m := raft.Message{Kind: kind}
	if hasChunk(kind) {
		m.Chunk = &raft.Chunk{}
	}
	return m
}

func TestGoldenBytes(t *testing.T) {
	frames := map[string][]byte{
		"hello":      AppendFrame(nil, KindHello, exampleHello().Append(nil)),
		"welcome":    AppendFrame(nil, KindWelcome, exampleWelcome().Append(nil)),
		"keep_alive": KeepAlive(),
	}
	for name, greeting := range map[string][]byte{
		"hello_zero": Hello{Head: OwnHead()}.Append(nil), "welcome_zero": Welcome{Head: OwnHead()}.Append(nil),
	} {
		frames[name] = AppendFrame(nil, KindHello, greeting)
		frames[name][3] = map[byte]byte{'h': byte(KindHello), 'w': byte(KindWelcome)}[name[0]]
		frames[name] = rightChecksums(frames[name])
	}
	var all Encoder
	all.Reset()
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		m := example(kind)
		all.Add(&m)
		frames["message_"+kind.String()] = frameOf(m)
		frames["message_"+kind.String()+"_full"] = frameOf(fullMessage(kind))
		frames["message_"+kind.String()+"_zero"] = frameOf(zeroMessage(kind))
	}
	frames["messages"] = bytes.Join(all.Frame(), nil)
	for name, frame := range frames {
		t.Run(name, func(t *testing.T) { compareGolden(t, name, frame) })
	}
	if !*update {
		checkNoGoldenIsLeftOver(t, frames)
	}
}

func frameOf(m raft.Message) []byte {
	var e Encoder
	e.Reset()
	e.Add(&m)
	return bytes.Join(e.Frame(), nil)
}

func compareGolden(t *testing.T, name string, frame []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	got := hexLines(frame)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the bytes of %s changed; got\n%swant\n%s%s", name, got, want, versionRule)
	}
}

// checkNoGoldenIsLeftOver: what a file says is compared with something; those of old protocols are in hello_test.go.
func checkNoGoldenIsLeftOver(t *testing.T, frames map[string][]byte) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".golden")
		if _, ok := frames[name]; !ok && !strings.Contains(name, "_of_protocol_") {
			t.Errorf("%s is compared with nothing", path)
		}
	}
}

// TestGoldenBytesAreRead: the readers take what the files hold, which the writers of other builds may have written.
func TestGoldenBytesAreRead(t *testing.T) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		for suffix, want := range map[string]raft.Message{
			"": decoded(example(kind)), "_full": fullMessage(kind), "_zero": zeroMessage(kind),
		} {
			frame := goldenFrame(t, "message_"+kind.String()+suffix)
			if got := decodeAll(t, frame.Payload); !reflect.DeepEqual(got, []raft.Message{want}) {
				t.Errorf("%v%s: read %+v, want %+v; %s", kind, suffix, got, want, versionRule)
			}
		}
	}
	if h, err := DecodeHello(goldenFrame(t, "hello").Payload); err != nil || !reflect.DeepEqual(h, exampleHello()) {
		t.Errorf("hello: read %+v, %v; %s", h, err, versionRule)
	}
	if w, err := DecodeWelcome(goldenFrame(t, "welcome").Payload); err != nil || !reflect.DeepEqual(w, exampleWelcome()) {
		t.Errorf("welcome: read %+v, %v; %s", w, err, versionRule)
	}
	if f := goldenFrame(t, "keep_alive"); f.Kind != KindKeepAlive || len(f.Payload) > 0 {
		t.Errorf("keep-alive: read %+v; %s", f, versionRule)
	}
}

func goldenFrame(t *testing.T, name string) Frame {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	frame, err := NewReader(bytes.NewReader(raw), transport.FrameBytesLimit).Next()
	if err != nil {
		t.Fatalf("%s: %v; %s", name, err, versionRule)
	}
	return frame
}

// TestMessagesWithTooManyEntries: entries without data take more memory than bytes on the wire, so that their number
// is bounded before anything is allocated for them.
func TestMessagesWithTooManyEntries(t *testing.T) {
	for count, want := range map[int]error{raft.MessageEntriesLimit: nil, raft.MessageEntriesLimit + 1: ErrFormat} {
		m := raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 1}
		for range count {
			m.Span.Entries = append(m.Span.Entries, raft.Entry{Term: 1, Kind: raft.EntryCommand})
		}
		src := AppendMessage(nil, &m)
		var got raft.Message
		if _, err := DecodeMessage(src, &got); !errors.Is(err, want) {
			t.Errorf("%d entries: %v, want %v", count, err, want)
		}
	}
}

func hexLines(data []byte) string {
	var b strings.Builder
	for len(data) > 0 {
		n := min(16, len(data))
		fmt.Fprintf(&b, "% x\n", data[:n])
		data = data[n:]
	}
	return b.String()
}
