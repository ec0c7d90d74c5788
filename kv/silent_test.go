package kv

import (
	"math/rand/v2"
	"runtime"
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

// TestReadsWithoutResultsTakeNoMemory reads a large value often where nobody waits, as a follower does: a span of small
// commands must not become a hundred copies.
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
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(2*len(value)) {
			t.Errorf("%s: took %d KiB for reads that nobody waits for", kind, took>>10)
		}
		if got := mustApply(t, m, AppendGet(nil, k))[0]; len(got.Bulk) != len(value) {
			t.Errorf("%s: %d bytes are left, want %d", kind, len(got.Bulk), len(value))
		}
	}
}
