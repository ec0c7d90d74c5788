package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/raftmark/raftmark/raft"
)

// machine is what the tests need of all machines.
type machine interface {
	Applied() (raft.Index, error)
	Apply(span raft.Span, results [][]byte) error
	Close() error
	Snapshot() (raft.View, error)
	Restore(index raft.Index, r io.Reader) error
	Read(command []byte) ([]byte, error)
	Dump(yield func(key, value []byte) error) (raft.Index, error)
	Hash() (raft.Index, Hash, error)
}

var machines = []string{"pebble", "mem"}

func newMachine(t testing.TB, kind string) machine {
	t.Helper()
	if kind == "mem" {
		return NewMem()
	}
	return openMem(t, vfs.NewMem())
}

func openMem(t testing.TB, fs vfs.FS) *Pebble {
	t.Helper()
	m, err := OpenPebble(Options{Dir: "kv", MemTableBytes: MemTableBytesMin, CacheBytes: CacheBytesMin, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// spanOf returns a span after index whose entries carry the commands; an empty one is a no-op of a new term.
func spanOf(after raft.Index, commands ...[]byte) raft.Span {
	s := raft.Span{Prev: raft.EntryID{Term: 1, Index: after}}
	for _, c := range commands {
		e := raft.Entry{Term: 1, Kind: raft.EntryCommand, Data: c}
		if len(c) == 0 {
			e.Kind = raft.EntryNoop
		}
		s.Entries = append(s.Entries, e)
	}
	return s
}

// mustApply applies the commands as one span and returns the replies; a no-op's is the zero Reply.
func mustApply(t testing.TB, m machine, commands ...[]byte) []Reply {
	t.Helper()
	applied, err := m.Applied()
	if err != nil {
		t.Fatal(err)
	}
	results := make([][]byte, len(commands))
	if err := m.Apply(spanOf(applied, commands...), results); err != nil {
		t.Fatalf("Apply() = %v", err)
	}
	replies := make([]Reply, len(commands))
	for i, r := range results {
		if len(commands[i]) == 0 {
			if r != nil {
				t.Errorf("result %d of a no-op = %x", i, r)
			}
			continue
		}
		if replies[i], err = DecodeReply(r); err != nil {
			t.Fatalf("result %d of %.20x: %v", i, commands[i], err)
		}
	}
	if got, _ := m.Applied(); got != applied+raft.Index(len(commands)) {
		t.Fatalf("Applied() = %d, want %d", got, applied+raft.Index(len(commands)))
	}
	return replies
}

func sameHash(t testing.TB, a, b machine) {
	t.Helper()
	ai, ah, aerr := a.Hash()
	bi, bh, berr := b.Hash()
	if err := errors.Join(aerr, berr); err != nil {
		t.Fatal(err)
	}
	if ai != bi || ah != bh {
		t.Fatalf("%T has hash %v at %d, %T %v at %d", a, ah, ai, b, bh, bi)
	}
}

var (
	null = Reply{Kind: ReplyNil}
	ok   = Reply{Kind: ReplyOK}
)

func bulk(s string) Reply  { return Reply{Kind: ReplyBulk, Bulk: []byte(s)} }
func number(n int64) Reply { return Reply{Kind: ReplyInt, Int: n} }
func failed(s string) Reply {
	return Reply{Kind: ReplyError, Text: s}
}
func array(r ...Reply) Reply { return Reply{Kind: ReplyArray, Array: r} }

// TestCommands runs one script on each machine, as one span and as a span for each command.
func TestCommands(t *testing.T) {
	k, n, a, b := []byte("k"), []byte("n"), []byte("a"), []byte("b")
	one, two := []byte("one"), []byte("two")
	notInteger := failed("ERR value is not an integer or out of range")
	steps := []struct {
		command []byte
		want    Reply
	}{
		{AppendGet(nil, k), null},
		{AppendSet(nil, k, one, 0), ok},
		{AppendGet(nil, k), bulk("one")},
		{nil, Reply{}},
		{AppendSet(nil, k, two, FlagNX), null},
		{AppendSet(nil, k, two, FlagNX|FlagGet), bulk("one")},
		{AppendSet(nil, k, two, FlagXX), ok},
		{AppendSet(nil, a, one, FlagXX), null},
		{AppendSet(nil, a, one, FlagXX|FlagGet), null},
		{AppendSet(nil, a, one, FlagNX|FlagGet), null},
		{AppendSet(nil, a, two, FlagGet), bulk("one")},
		{AppendMGet(nil, a, b, k, a), array(bulk("two"), null, bulk("two"), bulk("two"))},
		{AppendExists(nil, a, a, b), number(2)},
		{AppendDel(nil, a, b, a), number(1)},
		{AppendExists(nil, a), number(0)},
		{AppendGet(nil, a), null},
		{AppendIncr(nil, n), number(1)},
		{AppendIncr(nil, n), number(2)},
		{AppendGet(nil, n), bulk("2")},
		{AppendIncr(nil, k), notInteger},
		{AppendSet(nil, n, []byte("01"), 0), ok},
		{AppendIncr(nil, n), notInteger},
		{AppendSet(nil, n, []byte("-1"), 0), ok},
		{AppendIncr(nil, n), number(0)},
		{AppendSet(nil, n, []byte("9223372036854775807"), 0), ok},
		{AppendIncr(nil, n), failed("ERR increment or decrement would overflow")},
		{AppendCAS(nil, k, one, []byte("three")), number(0)},
		{AppendCAS(nil, k, two, []byte("three")), number(1)},
		{AppendCAS(nil, b, nil, one), number(0)},
		{AppendGet(nil, k), bulk("three")},
		{AppendSet(nil, b, nil, 0), ok},
		{AppendGet(nil, b), bulk("")},
		{AppendCAS(nil, b, nil, one), number(1)},
		{AppendSet(nil, nil, one, 0), ok},
		{AppendGet(nil, nil), bulk("one")},
		{[]byte("rubbish"), failed("ERR malformed command: version 114, want 1")},
		{[]byte{1}, failed("ERR malformed command: 1 bytes")},
	}
	for _, kind := range machines {
		t.Run(kind, func(t *testing.T) {
			together, apart := newMachine(t, kind), newMachine(t, kind)
			var commands [][]byte
			for i, s := range steps {
				if got := mustApply(t, apart, s.command)[0]; !reflect.DeepEqual(got, s.want) {
					t.Errorf("step %d: %+v, want %+v", i, got, s.want)
				}
				commands = append(commands, s.command)
			}
			for i, got := range mustApply(t, together, commands...) {
				if !reflect.DeepEqual(got, steps[i].want) {
					t.Errorf("step %d of one span: %+v, want %+v", i, got, steps[i].want)
				}
			}
			sameHash(t, together, apart)
		})
	}
}

// randomCommand draws a command over few keys, so that commands meet.
func randomCommand(rng *rand.Rand) []byte {
	key := func() []byte { return fmt.Appendf(nil, "key%d", rng.IntN(12)) }
	value := func() []byte { return bytes.Repeat([]byte{'0' + byte(rng.IntN(3))}, rng.IntN(4)) }
	switch rng.IntN(9) {
	case 0:
		return AppendGet(nil, key())
	case 1:
		return AppendDel(nil, key(), key())
	case 2:
		return AppendExists(nil, key(), key(), key())
	case 3:
		return AppendIncr(nil, key())
	case 4:
		return AppendMGet(nil, key(), key())
	case 5:
		return AppendCAS(nil, key(), value(), value())
	case 6:
		return AppendSet(nil, key(), value(), []Flags{FlagNX, FlagXX, FlagGet, FlagGet | FlagXX}[rng.IntN(4)])
	case 7:
		return nil
	default:
		return AppendSet(nil, key(), value(), 0)
	}
}

// TestRandomCommandsAgree applies the same commands, cut into spans differently, to both machines.
func TestRandomCommandsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	onDisk, inMemory := newMachine(t, "pebble"), newMachine(t, "mem")
	for range 300 {
		commands := make([][]byte, 1+rng.IntN(20))
		for i := range commands {
			commands[i] = randomCommand(rng)
		}
		got := mustApply(t, onDisk, commands...)
		for i, c := range commands {
			if want := mustApply(t, inMemory, c)[0]; !reflect.DeepEqual(got[i], want) {
				t.Fatalf("%.40q: pebble %+v, mem %+v", c, got[i], want)
			}
		}
		sameHash(t, onDisk, inMemory)
	}
}

// TestCrashKeepsPrefix crashes a machine again and again: what is left is the state at the index that it
// says, and applying the rest again leads to the state that it had.
func TestCrashKeepsPrefix(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	fs := vfs.NewCrashableMem()
	m := openMem(t, fs)
	var log [][]byte
	kept := 0
	for round := range 12 {
		for range 30 {
			var commands [][]byte
			for range 1 + rng.IntN(8) {
				commands = append(commands, AppendSet(randomCommand(rng)[:0], fmt.Appendf(nil, "key%d", rng.IntN(500)),
					bytes.Repeat([]byte{byte(round)}, rng.IntN(4000)), 0), randomCommand(rng))
			}
			mustApply(t, m, commands...)
			log = append(log, commands...)
		}
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[round%3], RNG: rng}
		fs = fs.CrashClone(cfg)
		_ = m.Close()
		m = openMem(t, fs)
		applied, err := m.Applied()
		if err != nil {
			t.Fatal(err)
		}
		if applied > 0 {
			kept++
		}
		model := NewMem()
		if applied > 0 {
			mustApply(t, model, log[:applied]...)
		}
		sameHash(t, m, model)
		for rest := log[applied:]; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			mustApply(t, m, rest[:n]...)
			mustApply(t, model, rest[:n]...)
			rest = rest[n:]
		}
		sameHash(t, m, model)
	}
	if kept == 0 {
		t.Error("no crash kept anything; the test shows nothing")
	}
}

func TestCloseFlushes(t *testing.T) {
	dir := t.TempDir()
	m, err := OpenPebble(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, AppendSet(nil, []byte("k"), []byte("v"), 0), nil)
	_, before, err := m.Hash()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if m, err = OpenPebble(Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if index, after, err := m.Hash(); err != nil || index != 2 || after != before {
		t.Errorf("after reopening: index %d, hash %v, %v, want 2, %v", index, after, err, before)
	}
}

// injected reports whether err comes from errorfs, whose errors do not compare.
func injected(err error) bool {
	return err != nil && strings.Contains(err.Error(), errorfs.ErrInjected.Error())
}

// TestFailedFlushStops fails every write to the disk: commands go on until the engine has to flush, and
// then nothing does.
func TestFailedFlushStops(t *testing.T) {
	base, broken := vfs.NewMem(), errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.Writes)}
	m := openMem(t, errorfs.Wrap(base, &broken))
	broken.On()
	set := AppendSet(nil, []byte("k"), make([]byte, 100<<10), 0)
	deadline := time.Now().Add(10 * time.Second)
	for index := raft.Index(0); ; index++ {
		err := m.Apply(spanOf(index, set), make([][]byte, 1))
		if injected(err) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("Apply(%d) = %v, want ErrInjected", index, err)
		}
	}
	if _, err := m.Applied(); !injected(err) {
		t.Errorf("Applied after a failure = %v, want ErrInjected", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("Close after a failure = %v", err)
	}
	again := openMem(t, base)
	if index, err := again.Applied(); err != nil || index != 0 {
		t.Errorf("after reopening: applied %d, %v, want 0: nothing reached the disk", index, err)
	}
}

func TestLargeValuesAndReplies(t *testing.T) {
	for _, kind := range machines {
		m := newMachine(t, kind)
		key, value := bytes.Repeat([]byte("k"), KeyBytesMax), make([]byte, ValueBytesMax)
		set := AppendSet(nil, key, value, 0)
		if len(set) > raft.EntryDataBytesMax {
			t.Fatalf("largest SET of %d bytes does not fit in an entry", len(set))
		}
		got := mustApply(t, m, set, AppendGet(nil, key), AppendMGet(nil, key, key), AppendMGet(nil, key))
		if got[0].Kind != ReplyOK || len(got[1].Bulk) != ValueBytesMax || len(got[3].Array[0].Bulk) != ValueBytesMax {
			t.Errorf("%s: largest value: %v, %d bytes", kind, got[0].Kind, len(got[1].Bulk))
		}
		if got[2].Kind != ReplyArray && got[2].Kind != ReplyError {
			t.Errorf("%s: MGET of the largest value twice = %v", kind, got[2].Kind)
		}
		if got := mustApply(t, m, AppendMGet(nil, key, key, key))[0]; got.Kind != ReplyError ||
			!strings.Contains(got.Text, "exceeds") {
			t.Errorf("%s: MGET above the cap of replies = %v %q", kind, got.Kind, got.Text)
		}
	}
}

func TestClosed(t *testing.T) {
	for _, m := range []machine{newMachine(t, "pebble"), newMachine(t, "mem"), NewNull()} {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(raft.Span{}, nil); !errors.Is(err, raft.ErrClosed) {
			t.Errorf("%T: Apply after Close = %v, want ErrClosed", m, err)
		}
		if _, err := m.Applied(); !errors.Is(err, raft.ErrClosed) {
			t.Errorf("%T: Applied after Close = %v, want ErrClosed", m, err)
		}
		if _, _, err := m.Hash(); !errors.Is(err, raft.ErrClosed) {
			t.Errorf("%T: Hash after Close = %v, want ErrClosed", m, err)
		}
		if err := m.Close(); !errors.Is(err, raft.ErrClosed) {
			t.Errorf("%T: second Close = %v, want ErrClosed", m, err)
		}
	}
}

func TestNullRepliesOK(t *testing.T) {
	m := NewNull()
	got := mustApply(t, m, AppendGet(nil, []byte("k")), nil, []byte("rubbish"))
	if got[0].Kind != ReplyOK || got[2].Kind != ReplyOK {
		t.Errorf("replies %+v, want OK", got)
	}
	sameHash(t, m, m)
}

func TestOptionsValidateNamesEveryFault(t *testing.T) {
	_, err := OpenPebble(Options{MemTableBytes: 1, CacheBytes: -1})
	for _, f := range []string{"Dir", "MemTableBytes", "CacheBytes"} {
		if err == nil || !strings.Contains(err.Error(), "kv."+f+": ") {
			t.Errorf("OpenPebble() = %v, want it to name %s", err, f)
		}
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPebble(Options{Dir: file}); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("OpenPebble on a file = %v", err)
	}
}
