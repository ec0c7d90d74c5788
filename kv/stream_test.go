package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
)

func mustSnapshot(t testing.TB, m machine) raft.View {
	t.Helper()
	v, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// streamOfView returns what v streams.
func streamOfView(t testing.TB, v raft.View) []byte {
	t.Helper()
	var stream []byte
	err := v.Stream(func(piece []byte) error {
		stream = append(stream, piece...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// streamOf returns the stream of the present state of m.
func streamOf(t testing.TB, m machine) []byte {
	t.Helper()
	v := mustSnapshot(t, m)
	stream := streamOfView(t, v)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return stream
}

func persist(t testing.TB, m machine) {
	t.Helper()
	v := mustSnapshot(t, m)
	if err := errors.Join(v.Persist(), v.Close()); err != nil {
		t.Fatal(err)
	}
}

func mustRestore(t testing.TB, m machine, index raft.Index, stream []byte) {
	t.Helper()
	if err := m.Restore(index, bytes.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
}

// filterStream returns a well-formed stream of the records whose keys keep accepts.
func filterStream(t testing.TB, stream []byte, keep func(key []byte) bool) []byte {
	t.Helper()
	type record struct{ key, value []byte }
	var records []record
	index, _, err := readStream(bytes.NewReader(stream), func(key, value []byte) error {
		records = append(records, record{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	w := newStreamWriter(index, func(piece []byte) error {
		out = append(out, piece...)
		return nil
	})
	for _, r := range records {
		if keep(r.key) {
			err = errors.Join(err, w.record(r.key, r.value))
		}
	}
	if err := errors.Join(err, w.finish()); err != nil {
		t.Fatal(err)
	}
	return out
}

// filled returns a machine with keys, sessions and replies.
func filled(t testing.TB, kind string, rng *rand.Rand, entries int) machine {
	t.Helper()
	m := newMachine(t, kind)
	mustApply(t, m, AppendOpenSession(nil), AppendOpenSession(nil))
	c := &client{id: 2, commands: map[uint64][]byte{}}
	for range entries {
		mustApply(t, m, randomCommand(rng), c.draw(rng))
	}
	return m
}

// TestStreamRestoresEveryKind carries states between all kinds of machines.
func TestStreamRestoresEveryKind(t *testing.T) {
	for _, from := range machines {
		source := filled(t, from, rand.New(rand.NewPCG(1, 2)), 200)
		index, err := source.Applied()
		if err != nil {
			t.Fatal(err)
		}
		stream := streamOf(t, source)
		for _, to := range machines {
			target := filled(t, to, rand.New(rand.NewPCG(3, 4)), 100)
			mustRestore(t, target, index, stream)
			sameHash(t, source, target)
			if !bytes.Equal(streamOf(t, target), stream) {
				t.Errorf("%s restored from %s streams something else", to, from)
			}
			next := AppendSession(nil, 2, 1<<40, 1<<40, AppendIncr(nil, []byte("n")))
			mustApply(t, target, next)
			if got := mustApply(t, target, AppendGet(nil, []byte("n")))[0]; got.Kind != ReplyBulk {
				t.Errorf("%s restored from %s: %+v", to, from, got)
			}
		}
		null := NewNull()
		mustRestore(t, null, index, stream)
		mustRestore(t, source, index, streamOf(t, null))
		if got, _ := source.Applied(); got != index {
			t.Errorf("restored from null: applied %d, want %d", got, index)
		}
		sameHash(t, source, null)
	}
}

// TestMalformedStreamLeavesTheState cuts a stream everywhere and flips every one of its bits.
func TestMalformedStreamLeavesTheState(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	source := filled(t, "mem", rng, 8)
	index, _ := source.Applied()
	stream := streamOf(t, source)
	for _, kind := range append(machines, "null") {
		var m machine = NewNull()
		if kind != "null" {
			m = filled(t, kind, rng, 20)
		}
		_, before, err := m.Hash()
		if err != nil {
			t.Fatal(err)
		}
		applied, _ := m.Applied()
		refuse := func(what string, index raft.Index, stream []byte) {
			if err := m.Restore(index, bytes.NewReader(stream)); !errors.Is(err, ErrStream) {
				t.Fatalf("%s: %s: Restore = %v, want ErrStream", kind, what, err)
			}
		}
		step := 1
		if kind == "pebble" {
			step = 7 // each builds a table
		}
		for n := 0; n < len(stream); n += step {
			refuse(fmt.Sprintf("cut at %d", n), index, stream[:n])
		}
		for bit := 0; bit < 8*len(stream); bit += step {
			bad := bytes.Clone(stream)
			bad[bit/8] ^= 1 << (bit % 8)
			refuse(fmt.Sprintf("bit %d flipped", bit), index, bad)
		}
		refuse("a byte more", index, append(bytes.Clone(stream), 0))
		refuse("another index", index+1, stream)
		broken := io.MultiReader(bytes.NewReader(stream[:len(stream)/2]), iotest.ErrReader(io.ErrClosedPipe))
		if err := m.Restore(index, broken); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrStream) {
			t.Errorf("%s: Restore from a reader that fails = %v", kind, err)
		}
		if got, after, err := m.Hash(); err != nil || got != applied || after != before {
			t.Errorf("%s: the state changed: %d, %v, was %d", kind, got, err, applied)
		}
		mustRestore(t, m, index, stream)
	}
}

// TestStreamRefusesImpossibleRecords gives well-formed streams of states that no machine has.
func TestStreamRefusesImpossibleRecords(t *testing.T) {
	type record struct{ key, value string }
	session := func(id uint64, value string) record { return record{string(sessionKey(id)), value} }
	reply := func(id, seq uint64, value string) record { return record{string(replyKey(id, seq)), value} }
	okReply := string(appendOK(nil))
	cases := map[string][]record{
		"no such key":         {{"\x00", "12345678"}},
		"no such key ":        {{"\x04", ""}},
		"after":               {{"\x01b", ""}, {"\x01a", ""}},
		"after ":              {{"\x01a", ""}, {"\x01a", ""}},
		"malformed value":     {session(1, "\x05")},
		"impossible index":    {session(1, "\x65\x00")},
		"impossible index ":   {session(7, "\x05\x00")},
		"no such session":     {session(7, "\x07\x00"), reply(8, 1, okReply)},
		"would not have":      {session(7, "\x07\x05"), reply(7, 4, okReply)},
		"malformed reply":     {session(7, "\x07\x00"), reply(7, 4, "\x09")},
		"two sessions active": {session(7, "\x09\x00"), session(8, "\x09\x00")},
		"value bytes of":      {{"\x01a", strings.Repeat("x", ValueBytesMax+1)}},
	}
	for says, records := range cases {
		var stream []byte
		w := newStreamWriter(100, func(piece []byte) error {
			stream = append(stream, piece...)
			return nil
		})
		for _, r := range records {
			if err := w.record([]byte(r.key), []byte(r.value)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.finish(); err != nil {
			t.Fatal(err)
		}
		err := NewMem().Restore(100, bytes.NewReader(stream))
		if !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), strings.TrimSpace(says)) {
			t.Errorf("Restore = %v, want ErrStream saying %q", err, says)
		}
	}
}

// FuzzStream restores arbitrary bytes: no panic, and what is accepted streams as it came.
func FuzzStream(f *testing.F) {
	f.Add(streamOf(f, filled(f, "mem", rand.New(rand.NewPCG(7, 8)), 20)))
	f.Add(streamOf(f, NewMem()))
	f.Fuzz(func(t *testing.T, stream []byte) {
		m := NewMem()
		var index raft.Index
		var err error
		// The buffer of the stream is there whatever comes, the record at hand grows as it does, by doubling, and a
		// session takes its record's bytes and a few words.
		allocation.AtMost(t, 32*len(stream)+3*allocation.Slack, func() {
			index, _, err = readStream(bytes.NewReader(stream), func([]byte, []byte) error { return nil })
		})
		if err != nil {
			if !errors.Is(err, ErrStream) {
				t.Fatal(err)
			}
			return
		}
		mustRestore(t, m, index, stream)
		again := NewMem()
		mustRestore(t, again, index, streamOf(t, m))
		sameHash(t, m, again)
	})
}
