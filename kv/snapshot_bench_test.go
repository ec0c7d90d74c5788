package kv

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// BenchmarkSnapshot takes, persists, streams and closes views of a machine with a quarter of a million keys
// of 128 bytes, while spans of 64 are applied, and reports how long each step takes, and Apply beside it
// and alone.
func BenchmarkSnapshot(b *testing.B) {
	for _, kind := range []string{"pebble", "mem"} {
		b.Run(kind, func(b *testing.B) { benchSnapshot(b, kind) })
	}
}

func benchSnapshot(b *testing.B, kind string) {
	const keys, entries = 250_000, 64
	var m machine = NewMem()
	if kind == "pebble" {
		p, err := OpenPebble(Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		m = p
	}
	defer m.Close()
	rng, value := rand.New(rand.NewPCG(1, 1)), make([]byte, 128)
	var prev raft.EntryID
	commands := make([]raft.Entry, entries)
	apply := func(draw func() uint64) time.Duration {
		for i := range commands {
			key := binary.BigEndian.AppendUint64(nil, draw())
			commands[i] = raft.Entry{Term: 1, Kind: raft.EntryCommand, Data: AppendSet(nil, key, value, 0)}
		}
		s := raft.Span{Prev: prev, Entries: commands}
		start := time.Now()
		if err := m.Apply(s, nil); err != nil {
			b.Fatal(err)
		}
		prev = s.Last()
		return time.Since(start)
	}
	next := uint64(0)
	for next < keys {
		apply(func() uint64 { next++; return next })
	}
	anyKey := func() uint64 { return rng.Uint64N(keys) }
	var alone, beside []time.Duration
	var taken, persisted, streamed, closed time.Duration
	b.ResetTimer()
	for range b.N {
		for range 2000 {
			alone = append(alone, apply(anyKey))
		}
		start := time.Now()
		v, err := m.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		taken = max(taken, time.Since(start))
		done := make(chan error, 1)
		go func() {
			t0 := time.Now()
			err := v.Persist()
			t1 := time.Now()
			err = errors.Join(err, v.Stream(func([]byte) error { return nil }))
			t2 := time.Now()
			err = errors.Join(err, v.Close())
			persisted, streamed, closed = persisted+t1.Sub(t0), streamed+t2.Sub(t1), closed+time.Since(t2)
			done <- err
		}()
		for waiting := true; waiting; {
			beside = append(beside, apply(anyKey))
			select {
			case err := <-done:
				if err != nil {
					b.Fatal(err)
				}
				waiting = false
			default:
			}
		}
	}
	b.StopTimer()
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	b.ReportMetric(ms(taken), "ms/taken-max")
	b.ReportMetric(ms(persisted)/float64(b.N), "ms/persist")
	b.ReportMetric(ms(streamed)/float64(b.N), "ms/stream")
	b.ReportMetric(ms(closed)/float64(b.N), "ms/close")
	for name, sample := range map[string][]time.Duration{"alone": alone, "beside": beside} {
		slices.Sort(sample)
		b.ReportMetric(ms(sample[len(sample)*99/100]), "ms/apply-"+name+"-p99")
		b.ReportMetric(ms(sample[len(sample)-1]), "ms/apply-"+name+"-max")
	}
}
