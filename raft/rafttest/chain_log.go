package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// chainLog is a log whose every position has a sum over all entries up to it: two logs with the same sum at
// an index are equal up to there.
type chainLog struct {
	entries []raft.Entry
	sums    []uint64
}

func (l *chainLog) lastIndex() raft.Index { return raft.Index(len(l.entries)) }

func (l *chainLog) last() raft.EntryID { return l.id(l.lastIndex()) }

// id returns the EntryID at index, which must be in the log or zero.
func (l *chainLog) id(index raft.Index) raft.EntryID {
	if index == 0 {
		return raft.EntryID{}
	}
	return raft.EntryID{Term: l.entries[index-1].Term, Index: index}
}

// holds reports whether the log has this entry.
func (l *chainLog) holds(id raft.EntryID) bool {
	return id.Index <= l.lastIndex() && l.id(id.Index) == id
}

// sum returns the sum up to index, and whether the log reaches so far.
func (l *chainLog) sum(index raft.Index) (uint64, bool) {
	switch {
	case index == 0:
		return 0, true
	case index > l.lastIndex():
		return 0, false
	default:
		return l.sums[index-1], true
	}
}

// store writes a span, after removing what is above its beginning.
func (l *chainLog) store(s raft.Span) error {
	if !l.holds(s.Prev) {
		return fmt.Errorf("span after %v stored in a log that ends at %v", s.Prev, l.last())
	}
	l.entries = l.entries[:s.Prev.Index]
	l.sums = l.sums[:s.Prev.Index]
	sum, _ := l.sum(s.Prev.Index)
	for _, e := range s.Entries {
		sum = sumEntry(sum, e)
		l.entries = append(l.entries, e)
		l.sums = append(l.sums, sum)
	}
	return nil
}

// span returns a copy of the entries (after, upto].
func (l *chainLog) span(after, upto raft.Index) raft.Span {
	s := raft.Span{Prev: l.id(after)}
	if upto > after {
		s.Entries = append(s.Entries, l.entries[after:upto]...)
	}
	return s
}

// clone returns a copy that shares nothing but the entries' data.
func (l *chainLog) clone() chainLog {
	return chainLog{entries: append([]raft.Entry(nil), l.entries...), sums: append([]uint64(nil), l.sums...)}
}

// sumEntry continues a sum with an entry (FNV-1a over its fields).
func sumEntry(sum uint64, e raft.Entry) uint64 {
	const prime = 1099511628211
	sum = (sum ^ 14695981039346656037) * prime
	sum = (sum ^ uint64(e.Term)) * prime
	sum = (sum ^ uint64(e.Kind)) * prime
	sum = (sum ^ uint64(len(e.Data))) * prime
	for _, b := range e.Data {
		sum = (sum ^ uint64(b)) * prime
	}
	return sum ^ sum>>29
}

// sumSpan returns a sum over a span, to notice when it changes.
func sumSpan(s raft.Span) uint64 {
	sum := uint64(s.Prev.Term)*31 + uint64(s.Prev.Index)
	for _, e := range s.Entries {
		sum = sumEntry(sum, e)
	}
	return sum
}
