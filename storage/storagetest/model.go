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
}

func (m model) last() raft.EntryID {
	return raft.Span{Prev: m.first, Entries: m.entries}.Last()
}

func (m model) state() raft.LogState {
	return raft.LogState{HardState: m.hs, First: m.first, Last: m.last()}
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

func (m model) compact(upto raft.Index) model {
	if upto <= m.first.Index {
		return m
	}
	m.entries, m.first = m.entries[upto-m.first.Index:], raft.EntryID{Term: m.term(upto), Index: upto}
	return m
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
