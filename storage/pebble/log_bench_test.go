package pebble

import (
	"bytes"
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

const benchDataBytes = 200

func benchSpan(prev raft.EntryID, n int) raft.Span {
	entries := make([]raft.Entry, n)
	for i := range entries {
		entries[i] = raft.Entry{Term: 1, Kind: raft.EntryCommand, Data: bytes.Repeat([]byte{byte(i)}, benchDataBytes)}
	}
	return raft.Span{Prev: prev, Entries: entries, Encoded: raft.AppendEntries(nil, entries)}
}

// BenchmarkAppend appends entries of 200 bytes, synced: batches of so many entries, so many appends under
// way at once.
func BenchmarkAppend(b *testing.B) {
	for _, prime := range []int{storage.WALPrimeOff, 0} {
		for _, entries := range []int{1, 64} {
			for _, depth := range []int{1, 2, 8} {
				name := fmt.Sprintf("prime=%t/entries=%d/depth=%d", prime == 0, entries, depth)
				b.Run(name, func(b *testing.B) { benchAppend(b, prime, entries, depth) })
			}
		}
	}
}

func benchAppend(b *testing.B, prime, entries, depth int) {
	o := storage.Options{Dir: b.TempDir(), Cluster: "bench", Node: 1, WALPrimeBytes: prime}
	l, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Load(); err != nil {
		b.Fatal(err)
	}
	type pending struct {
		wait func() error
		from time.Time
	}
	// Of depth appends under way, one is being waited for and the rest queue.
	tokens, queue, done := make(chan struct{}, depth), make(chan pending, depth), make(chan []time.Duration)
	go func() {
		var took []time.Duration
		for p := range queue {
			if err := p.wait(); err != nil {
				b.Error(err)
			}
			took = append(took, time.Since(p.from))
			<-tokens
		}
		done <- took
	}()
	prev := raft.EntryID{}
	span := benchSpan(prev, entries)
	hs := raft.HardState{Term: 1, Vote: 1}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		tokens <- struct{}{}
		span.Prev, hs.Commit = prev, prev.Index
		from := time.Now()
		wait, err := l.Append(&hs, []raft.Span{span})
		if err != nil {
			b.Fatal(err)
		}
		prev = span.Last()
		queue <- pending{wait, from}
	}
	close(queue)
	took := <-done
	b.StopTimer()
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	b.ReportMetric(float64(b.N*entries)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkOpen creates a log: the price of priming.
func BenchmarkOpen(b *testing.B) {
	for _, prime := range []int{storage.WALPrimeOff, 0} {
		b.Run(fmt.Sprintf("prime=%t", prime == 0), func(b *testing.B) {
			for range b.N {
				l, err := Open(storage.Options{Dir: b.TempDir(), Cluster: "bench", Node: 1, WALPrimeBytes: prime})
				if err != nil {
					b.Fatal(err)
				}
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompact appends as much as a memtable holds, and compacts all of it but the last entries; what is measured
// is the compaction, which is one sync of the WAL and, where a table can go, one of the manifest.
func BenchmarkCompact(b *testing.B) {
	o := storage.Options{Dir: b.TempDir(), Cluster: "bench", Node: 1, MemTableBytes: 4 << 20}
	l, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Load(); err != nil {
		b.Fatal(err)
	}
	var last raft.EntryID
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		for range 80 {
			s := benchSpan(last, 250)
			wait, err := l.Append(nil, []raft.Span{s})
			if err == nil {
				err = wait()
			}
			if err != nil {
				b.Fatal(err)
			}
			last = s.Last()
		}
		b.StartTimer()
		if err := l.Compact(raft.Snapshot{Last: raft.EntryID{Term: 1, Index: last.Index - 100}}); err != nil {
			b.Fatal(err)
		}
	}
}
