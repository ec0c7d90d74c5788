package kv

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// TestWithoutResultsTheStateIsTheSame applies the same spans with and without results.
func TestWithoutResultsTheStateIsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	answered := newMachine(t, "mem")
	silent := []machine{newMachine(t, "mem"), newMachine(t, "pebble")}
	for range 300 {
		commands := make([][]byte, 1+rng.IntN(20))
		for i := range commands {
			commands[i] = randomCommand(rng)
		}
		applied, _ := answered.Applied()
		mustApply(t, answered, append(commands, []byte("rubbish"))...)
		for _, m := range silent {
			if err := m.Apply(spanOf(applied, append(commands, []byte("rubbish"))...), nil); err != nil {
				t.Fatal(err)
			}
			sameHash(t, answered, m)
		}
	}
	if err := NewNull().Apply(spanOf(0, nil, []byte("rubbish")), nil); err != nil {
		t.Error(err)
	}
}

// TestReadsWithoutResultsTakeNoMemory reads a large value often where nobody waits, as a follower does: a
// span of small commands must not become a hundred copies.
func TestReadsWithoutResultsTakeNoMemory(t *testing.T) {
	for _, kind := range machines {
		m := newMachine(t, kind)
		k, value := []byte("k"), make([]byte, 1<<20)
		mustApply(t, m, AppendSet(nil, k, value, 0))
		var commands [][]byte
		for range 50 {
			commands = append(commands, AppendGet(nil, k), AppendMGet(nil, k, k), AppendExists(nil, k),
				AppendSet(nil, k, nil, FlagNX|FlagGet))
		}
		span := spanOf(1, commands...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := m.Apply(span, nil); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		// 200 copies would be far more; some are the engine's own work.
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(16*len(value)) {
			t.Errorf("%s: took %d KiB for reads that nobody waits for", kind, took>>10)
		}
		if got := mustApply(t, m, AppendGet(nil, k))[0]; len(got.Bulk) != len(value) {
			t.Errorf("%s: %d bytes are left, want %d", kind, len(got.Bulk), len(value))
		}
	}
}

// TestGetsOfALargeValueShareOneCopy reads a large value often in one span, with writes between.
func TestGetsOfALargeValueShareOneCopy(t *testing.T) {
	for _, kind := range machines {
		m := newMachine(t, kind)
		k, old, value := []byte("k"), make([]byte, 1<<20), bytes.Repeat([]byte("v"), 1<<20)
		var commands [][]byte
		for range 100 {
			commands = append(commands, AppendGet(nil, k), AppendExists(nil, k))
		}
		all := slices.Concat([][]byte{AppendSet(nil, k, old, 0)}, commands,
			[][]byte{AppendSet(nil, k, value, 0)}, commands, [][]byte{AppendDel(nil, k)}, commands)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		results := make([][]byte, len(all))
		if err := m.Apply(spanOf(0, all...), results); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 { // 200 copies, and what the engine takes
			t.Errorf("%s: took %d KiB for two values", kind, took>>10)
		}
		var want Reply
		var c Command
		for i, result := range results {
			got, err := DecodeReply(result)
			if err = errors.Join(err, c.Decode(all[i])); err != nil {
				t.Fatal(err)
			}
			switch {
			case c.Op == OpSet:
				want = bulk(string(c.Value))
			case c.Op == OpDel:
				want = null
			case c.Op == OpGet && !reflect.DeepEqual(got, want):
				t.Fatalf("%s: result %d is %v of %d bytes", kind, i, got.Kind, len(got.Bulk))
			}
		}
	}
}
