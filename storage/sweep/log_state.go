package sweep

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/storagetest"
)

// LogState is what a raft log holds. Its slices are never changed in place, so a copy of it stays.
type LogState struct {
	hs      raft.HardState
	first   raft.Snapshot // what the log begins after
	entries []raft.Entry
}

func (s LogState) last() raft.EntryID {
	return raft.Span{Prev: s.first.Last, Entries: s.entries}.Last()
}

func (s LogState) term(index raft.Index) raft.Term {
	if index == s.first.Last.Index {
		return s.first.Last.Term
	}
	return s.entries[index-s.first.Last.Index-1].Term
}

// String returns how a failure names the state.
func (s LogState) String() string {
	return fmt.Sprintf("log (%v, %v] with %+v", s.first.Last, s.last(), s.hs)
}

func (s LogState) append(hs *raft.HardState, spans []raft.Span) LogState {
	for _, span := range spans {
		s.entries = slices.Concat(s.entries[:span.Prev.Index-s.first.Last.Index], span.Entries)
	}
	if hs != nil {
		s.hs = *hs
	}
	return s
}

func (s LogState) compact(upto raft.Snapshot) LogState {
	if index := upto.Last.Index; index <= s.last().Index && s.term(index) == upto.Last.Term {
		s.entries = s.entries[index-s.first.Last.Index:]
	} else {
		s.entries = nil
	}
	s.first = upto
	return s
}

// is reports whether a log that loaded got is in state s, by what Load says.
func (s LogState) is(got raft.LogState) bool {
	return got.HardState == s.hs && got.First == s.first.Last && got.Last == s.last() &&
		got.ConfigurationIndex == s.first.ConfigurationIndex && got.Configuration.Equal(s.first.Configuration)
}

// sameEntries returns how the entries of log differ from those of s, or nil.
func (s LogState) sameEntries(log storagetest.Log) error {
	at := s.first.Last
	for i := 0; i < len(s.entries); {
		span, err := log.Read(at.Index, s.last().Index, 64<<10)
		if err != nil {
			return err
		}
		if span.Prev != at || len(span.Entries) == 0 {
			return Violation("read %d entries after %v, want some after %v", len(span.Entries), span.Prev, at)
		}
		for _, got := range span.Entries {
			want := s.entries[i]
			if got.Term != want.Term || got.Kind != want.Kind || !bytes.Equal(got.Data, want.Data) {
				return Violation("entry %d is %v of term %d, %d bytes %.20q; want %v of term %d, %d bytes %.20q",
					int(s.first.Last.Index)+1+i, got.Kind, got.Term, len(got.Data), got.Data,
					want.Kind, want.Term, len(want.Data), want.Data)
			}
			i++
		}
		at = span.Last()
	}
	return nil
}

// snapshotAt names a snapshot; its configuration differs from that of most others.
func snapshotAt(id raft.EntryID) raft.Snapshot {
	n := raft.NodeID(id.Index)
	return raft.Snapshot{
		Last: id, Configuration: raft.NewConfiguration(n+1, n+3, n+raft.NodeID(id.Term)+4), ConfigurationIndex: id.Index / 2,
	}
}

// drawSpan returns 1 to 4 entries of term after index; large ones fill the engine's memory.
func (s LogState) drawSpan(rng *rand.Rand, after raft.Index, term raft.Term, large bool) raft.Span {
	span := raft.Span{Prev: raft.EntryID{Term: s.term(after), Index: after}}
	for i := range 1 + rng.IntN(4) {
		data := fmt.Appendf(nil, "%d.%d:", term, int(after)+1+i)
		size := rng.IntN(200)
		if large {
			size = 20<<10 + rng.IntN(60<<10)
		}
		data = append(data, bytes.Repeat([]byte{byte(rng.IntN(256))}, size)...)
		span.Entries = append(span.Entries, raft.Entry{Term: term, Kind: raft.EntryCommand, Data: data})
	}
	return span
}
