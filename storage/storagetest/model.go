package storagetest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// model is a log as dumb as possible. Its slices are never changed in place, so a copy of it is a snapshot.
type model struct {
	hs      raft.HardState
	first   raft.EntryID
	entries []raft.Entry

	configuration      raft.Configuration // as of first
	configurationIndex raft.Index
}

func (m model) last() raft.EntryID {
	return raft.Span{Prev: m.first, Entries: m.entries}.Last()
}

func (m model) state() raft.LogState {
	return raft.LogState{
		HardState: m.hs, First: m.first, Last: m.last(),
		Configuration: m.configuration, ConfigurationIndex: m.configurationIndex,
	}
}

// term returns the term of the entry at index, which the model holds.
func (m model) term(index raft.Index) raft.Term {
	if index == m.first.Index {
		return m.first.Term
	}
	return m.entries[index-m.first.Index-1].Term
}

func (m model) append(hs *raft.HardState, spans []raft.Span) model {
	for _, s := range spans {
		if len(s.Entries) > 0 {
			m.entries = slices.Concat(m.entries[:s.Prev.Index-m.first.Index], s.Entries)
		}
	}
	if hs != nil {
		m.hs = *hs
	}
	return m
}

// sameState compares two states, which a Configuration keeps the language from doing.
func sameState(a, b raft.LogState) bool {
	return a.HardState == b.HardState && a.First == b.First && a.Last == b.Last &&
		a.Configuration.Equal(b.Configuration) && a.ConfigurationIndex == b.ConfigurationIndex
}

func (m model) has(id raft.EntryID) bool {
	return id.Index >= m.first.Index && id.Index <= m.last().Index && m.term(id.Index) == id.Term
}

func (m model) compact(upto raft.Snapshot) model {
	switch {
	case upto.Last.Index <= m.first.Index:
		return m
	case m.has(upto.Last):
		m.entries = m.entries[upto.Last.Index-m.first.Index:]
	default:
		m.entries = nil
	}
	m.first, m.configuration, m.configurationIndex = upto.Last, upto.Configuration, upto.ConfigurationIndex
	return m
}

// snapshot names a snapshot that ends in the model's entry at index.
func (m model) snapshot(index raft.Index) raft.Snapshot {
	return snapshotOf(raft.EntryID{Term: m.term(index), Index: index})
}

// snapshotOf names a snapshot that ends in id; its configuration differs from that of most others.
func snapshotOf(id raft.EntryID) raft.Snapshot {
	n := raft.NodeID(id.Index)
	configuration := raft.NewConfiguration(n+1, n+3, n+raft.NodeID(id.Term)+4)
	configuration.LastID += n
	for i := range configuration.Members {
		configuration.Members[i].Priority = uint8(id.Term)
		configuration.Members[i].Address = fmt.Sprintf("host-%v-%d:7000", id, i)
	}
	return raft.Snapshot{Last: id, Configuration: configuration, ConfigurationIndex: id.Index / 2}
}

// span returns count entries of term after index; data differ by term, index and size.
func (m model) span(after raft.Index, term raft.Term, count, dataBytes int) raft.Span {
	s := raft.Span{Prev: raft.EntryID{Term: m.term(after), Index: after}}
	for i := range count {
		label := fmt.Sprintf("%d.%d:", term, int(after)+1+i)
		data := append([]byte(label), bytes.Repeat([]byte{byte(i)}, max(0, dataBytes-len(label)))...)
		kind := raft.EntryCommand
		if dataBytes == 0 {
			data, kind = nil, raft.EntryNoop
		}
		s.Entries = append(s.Entries, raft.Entry{Term: term, Kind: kind, Data: data})
	}
	return s
}

// holds reports how log differs from m, or nil.
func (m model) holds(log Log) error {
	if len(m.entries) == 0 {
		return nil
	}
	var got []raft.Entry
	for after := m.first; after.Index < m.last().Index; {
		s, err := log.Read(after.Index, m.last().Index, 1<<20)
		if err != nil {
			return err
		}
		if s.Prev != after || len(s.Entries) == 0 {
			return fmt.Errorf("Read(%d) = %d entries after %v, want some after %v",
				after.Index, len(s.Entries), s.Prev, after)
		}
		got, after = append(got, s.Entries...), s.Last()
	}
	return sameEntries(got, m.entries)
}

func sameEntries(got, want []raft.Entry) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Term != want[i].Term || got[i].Kind != want[i].Kind || !bytes.Equal(got[i].Data, want[i].Data) {
			return fmt.Errorf("entry %d of %d is %v of term %d with %d bytes %.20q, want %v of term %d with %d bytes %.20q",
				i, len(got), got[i].Kind, got[i].Term, len(got[i].Data), got[i].Data,
				want[i].Kind, want[i].Term, len(want[i].Data), want[i].Data)
		}
	}
	return nil
}
