package kv

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// BenchmarkApply applies commands over a million keys with values of 128 bytes, in spans of so many; half
// of the mixed ones read.
func BenchmarkApply(b *testing.B) {
	for _, kind := range []string{"pebble", "mem", "null"} {
		for _, span := range []int{1, 64, 512} {
			for _, mix := range []string{"set", "mixed"} {
				b.Run(fmt.Sprintf("%s/span=%d/%s", kind, span, mix), func(b *testing.B) { benchApply(b, kind, span, mix) })
			}
		}
	}
}

func benchApply(b *testing.B, kind string, entries int, mix string) {
	var m machine
	switch kind {
	case "pebble":
		p, err := OpenPebble(Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		m = p
	case "mem":
		m = NewMem()
	default:
		m = NewNull()
	}
	defer m.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	value, commands := make([]byte, 128), make([]raft.Entry, 1<<16)
	for i := range commands {
		key := binary.BigEndian.AppendUint64(nil, rng.Uint64N(1_000_000))
		data := AppendSet(nil, key, value, 0)
		if mix == "mixed" && i%2 == 0 {
			data = AppendGet(nil, key)
		}
		commands[i] = raft.Entry{Term: 1, Kind: raft.EntryCommand, Data: data}
	}
	results := make([][]byte, entries)
	var prev raft.EntryID
	b.ReportAllocs()
	b.ResetTimer()
	for n, at := 0, 0; n < b.N; n, at = n+entries, (at+entries)%(len(commands)-entries) {
		s := raft.Span{Prev: prev, Entries: commands[at : at+entries]}
		if err := m.Apply(s, results); err != nil {
			b.Fatal(err)
		}
		prev = s.Last()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}
