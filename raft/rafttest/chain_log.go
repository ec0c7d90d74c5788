package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// chainLog is a log whose every position has a sum over all entries up to it: two logs with the same sum at
// an index are equal up to there.
type chainLog struct {
	first    raft.EntryID // the log begins after it: zero, or the last compacted entry
	firstSum uint64
	entries  []raft.Entry
	sums     []uint64
	// configurations are the one as of first, and those that the entries brought; the last one counts (§6).
	configurations []raft.ConfigurationAt
}

func (l *chainLog) lastIndex() raft.Index { return l.first.Index + raft.Index(len(l.entries)) }

func (l *chainLog) last() raft.EntryID { return l.id(l.lastIndex()) }

// covers reports whether the term of the entry at index is known.
func (l *chainLog) covers(index raft.Index) bool {
	return index >= l.first.Index && index <= l.lastIndex()
}

// id returns the EntryID at index, which the log must cover.
func (l *chainLog) id(index raft.Index) raft.EntryID {
	if index == l.first.Index {
		return l.first
	}
	return raft.EntryID{Term: l.entries[index-l.first.Index-1].Term, Index: index}
}

// holds reports whether the log has this entry, or begins after it.
func (l *chainLog) holds(id raft.EntryID) bool { return l.covers(id.Index) && l.id(id.Index) == id }

// sum returns the sum up to index, and whether the log covers it.
func (l *chainLog) sum(index raft.Index) (uint64, bool) {
	switch {
	case !l.covers(index):
		return 0, false
	case index == l.first.Index:
		return l.firstSum, true
	default:
		return l.sums[index-l.first.Index-1], true
	}
}

// configuration returns the one that counts in this log, and what the entry before brought.
func (l *chainLog) configuration() (now, before raft.ConfigurationAt) {
	n := len(l.configurations)
	return l.configurations[n-1], l.configurations[max(0, n-2)]
}

// configurationAt returns the one as of index.
func (l *chainLog) configurationAt(index raft.Index) raft.ConfigurationAt {
	i := len(l.configurations) - 1
	for i > 0 && l.configurations[i].Index > index {
		i--
	}
	return l.configurations[i]
}

// store writes a span, after removing what is above its beginning.
func (l *chainLog) store(s raft.Span) error {
	if !l.holds(s.Prev) {
		return fmt.Errorf("span after %v stored in a log of (%v, %v]", s.Prev, l.first, l.last())
	}
	kept := s.Prev.Index - l.first.Index
	sum, _ := l.sum(s.Prev.Index)
	l.entries = l.entries[:kept]
	l.sums = l.sums[:kept]
	for n := len(l.configurations); n > 1 && l.configurations[n-1].Index > s.Prev.Index; n-- {
		l.configurations = l.configurations[:n-1]
	}
	for i, e := range s.Entries {
		sum = sumEntry(sum, e)
		l.entries = append(l.entries, e)
		l.sums = append(l.sums, sum)
		if e.Kind != raft.EntryConfig {
			continue
		}
		index := s.Prev.Index + raft.Index(i) + 1
		configuration, err := raft.DecodeConfiguration(e.Data)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		l.configurations = append(l.configurations, raft.ConfigurationAt{Index: index, Configuration: configuration})
	}
	return nil
}

// begin makes the log begin after a snapshot, whose log had this sum. When it holds that entry, the ones after it stay;
// otherwise the snapshot takes the place of all.
func (l *chainLog) begin(s raft.Snapshot, sum uint64) {
	if s.Last.Index <= l.first.Index {
		return
	}
	if has, ok := l.sum(s.Last.Index); !ok || has != sum || l.id(s.Last.Index) != s.Last {
		*l = chainLog{first: s.Last, firstSum: sum}
		l.configurations = []raft.ConfigurationAt{{Index: s.ConfigurationIndex, Configuration: s.Configuration}}
		return
	}
	n := s.Last.Index - l.first.Index
	l.entries, l.sums = l.entries[n:], l.sums[n:]
	l.first, l.firstSum = s.Last, sum
	above := []raft.ConfigurationAt{{Index: s.ConfigurationIndex, Configuration: s.Configuration}}
	for _, at := range l.configurations {
		if at.Index > s.Last.Index {
			above = append(above, at)
		}
	}
	l.configurations = above
}

// span returns a copy of the entries (after, upto], which the log must cover.
func (l *chainLog) span(after, upto raft.Index) raft.Span {
	s := raft.Span{Prev: l.id(after)}
	if upto > after {
		s.Entries = append(s.Entries, l.entries[after-l.first.Index:upto-l.first.Index]...)
	}
	return s
}

// clone returns a copy that shares nothing but the entries' data.
func (l *chainLog) clone() chainLog {
	return chainLog{
		first: l.first, firstSum: l.firstSum,
		entries: append([]raft.Entry(nil), l.entries...), sums: append([]uint64(nil), l.sums...),
		configurations: append([]raft.ConfigurationAt(nil), l.configurations...),
	}
}

// sumEntry continues a sum with an entry (FNV-1a over its fields).
func sumEntry(sum uint64, e raft.Entry) uint64 {
	sum = sumNumbers(sum, uint64(e.Term), uint64(e.Kind), uint64(len(e.Data)))
	return sumBytes(sum, e.Data)
}

const (
	sumOffset = 14695981039346656037
	sumPrime  = 1099511628211
)

func sumNumbers(sum uint64, numbers ...uint64) uint64 {
	sum = (sum ^ sumOffset) * sumPrime
	for _, n := range numbers {
		sum = (sum ^ n) * sumPrime
	}
	return sum
}

func sumBytes(sum uint64, data []byte) uint64 {
	for _, b := range data {
		sum = (sum ^ uint64(b)) * sumPrime
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

// sumMessage returns a sum over what a message shares with others.
func sumMessage(m raft.Message) uint64 {
	sum := sumSpan(m.Span)
	if m.Chunk != nil {
		sum = sumBytes(sumNumbers(sum, m.Chunk.Offset, uint64(m.Chunk.Snapshot.Last.Index)), m.Chunk.Data)
	}
	return sum
}
