package sim

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// chainLog is a log whose every position has a sum over all entries up to it: two logs with the same sum at an index
// are equal up to there, also where they are compacted.
type chainLog struct {
	first    raft.EntryID // the log begins after it
	firstSum uint64
	entries  []raft.Entry
	sums     []uint64
	// configurations are the one as of first, and those of the entries after it, in order.
	configurations []raft.ConfigurationAt
}

func (l *chainLog) lastIndex() raft.Index { return l.first.Index + raft.Index(len(l.entries)) }

func (l *chainLog) last() raft.EntryID { return l.id(l.lastIndex()) }

// id returns the EntryID at index, which must be in [first, last].
func (l *chainLog) id(index raft.Index) raft.EntryID {
	if index == l.first.Index {
		return l.first
	}
	return raft.EntryID{Term: l.entry(index).Term, Index: index}
}

func (l *chainLog) entry(index raft.Index) *raft.Entry { return &l.entries[index-l.first.Index-1] }

func (l *chainLog) reaches(index raft.Index) bool {
	return index >= l.first.Index && index <= l.lastIndex()
}

// holds reports whether the log has this entry, as far as can be seen.
func (l *chainLog) holds(id raft.EntryID) bool { return l.reaches(id.Index) && l.id(id.Index) == id }

// sum returns the sum up to index, and whether index is in [first, last].
func (l *chainLog) sum(index raft.Index) (uint64, bool) {
	switch {
	case !l.reaches(index):
		return 0, false
	case index == l.first.Index:
		return l.firstSum, true
	default:
		return l.sums[index-l.first.Index-1], true
	}
}

// store writes a span, after removing what is above its beginning.
func (l *chainLog) store(s raft.Span) error {
	if len(s.Entries) == 0 {
		return nil
	}
	if !l.holds(s.Prev) {
		return fmt.Errorf("span after %v stored in a log (%v, %v]", s.Prev, l.first, l.last())
	}
	l.truncate(s.Prev.Index)
	sum, _ := l.sum(s.Prev.Index)
	for i := range s.Entries {
		e := &s.Entries[i]
		sum = sumEntry(sum, e)
		l.entries = append(l.entries, *e)
		l.sums = append(l.sums, sum)
		if e.Kind == raft.EntryConfig {
			c, err := raft.DecodeConfiguration(e.Data)
			if err != nil {
				return fmt.Errorf("configuration at %d: %w", l.lastIndex(), err)
			}
			l.configurations = append(l.configurations, raft.ConfigurationAt{Index: l.lastIndex(), Configuration: c})
		}
	}
	return nil
}

func (l *chainLog) truncate(index raft.Index) {
	n := index - l.first.Index
	l.entries, l.sums = l.entries[:n], l.sums[:n]
	for c := len(l.configurations); c > 1 && l.configurations[c-1].Index > index; c-- {
		l.configurations = l.configurations[:c-1]
	}
}

// compact makes the log begin after upto, which it holds.
func (l *chainLog) compact(upto raft.Index) {
	sum, _ := l.sum(upto)
	id := l.id(upto)
	n := upto - l.first.Index
	l.entries, l.sums = append([]raft.Entry(nil), l.entries[n:]...), append([]uint64(nil), l.sums[n:]...)
	l.first, l.firstSum = id, sum
	for len(l.configurations) > 1 && l.configurations[1].Index <= upto {
		l.configurations = l.configurations[1:]
	}
}

// replace makes the log empty, to begin after a snapshot.
func (l *chainLog) replace(s raft.Snapshot, sum uint64) {
	*l = chainLog{first: s.Last, firstSum: sum, configurations: []raft.ConfigurationAt{
		{Index: s.ConfigurationIndex, Configuration: s.Configuration},
	}}
}

// configuration returns the latest one, which is in force (§6).
func (l *chainLog) configuration() raft.ConfigurationAt {
	return l.configurations[len(l.configurations)-1]
}

// configurationAt returns the one in force at an index of the log.
func (l *chainLog) configurationAt(index raft.Index) raft.ConfigurationAt {
	i := len(l.configurations) - 1
	for i > 0 && l.configurations[i].Index > index {
		i--
	}
	return l.configurations[i]
}

// span returns a copy of the entries (after, upto].
func (l *chainLog) span(after, upto raft.Index) raft.Span {
	s := raft.Span{Prev: l.id(after)}
	if upto > after {
		s.Entries = append(s.Entries, l.entries[after-l.first.Index:upto-l.first.Index]...)
	}
	return s
}

// read returns the entries (after, upto], but at least one and not many more bytes than bytesMax.
func (l *chainLog) read(after, upto raft.Index, bytesMax int) (raft.Span, error) {
	switch {
	case after < l.first.Index:
		return raft.Span{}, fmt.Errorf("read (%d, %d] of a log after %v: %w", after, upto, l.first, raft.ErrCompacted)
	case after >= upto || upto > l.lastIndex():
		return raft.Span{}, fmt.Errorf("read (%d, %d] of a log up to %v: %w", after, upto, l.last(), raft.ErrOutOfRange)
	}
	bytes, end := 0, after
	for end < upto {
		bytes += l.entry(end + 1).Size()
		if bytes > bytesMax && end > after {
			break
		}
		end++
	}
	return l.span(after, end), nil
}

// clone returns a copy that shares nothing but the entries' data.
func (l *chainLog) clone() chainLog {
	c := *l
	c.entries = append([]raft.Entry(nil), l.entries...)
	c.sums = append([]uint64(nil), l.sums...)
	c.configurations = append([]raft.ConfigurationAt(nil), l.configurations...)
	return c
}

// sumEntry continues a sum with an entry.
func sumEntry(sum uint64, e *raft.Entry) uint64 {
	sum = mix(sum, uint64(e.Term)<<8|uint64(e.Kind))
	data := e.Data
	for len(data) >= 8 {
		sum = mix(sum, uint64(data[0])|uint64(data[1])<<8|uint64(data[2])<<16|uint64(data[3])<<24|
			uint64(data[4])<<32|uint64(data[5])<<40|uint64(data[6])<<48|uint64(data[7])<<56)
		data = data[8:]
	}
	rest := uint64(len(e.Data)) << 56
	for i, b := range data {
		rest |= uint64(b) << (8 * i)
	}
	return mix(sum, rest)
}

// mix stirs a value into a sum (the finalizer of MurmurHash3 over both).
func mix(sum, value uint64) uint64 {
	sum ^= value * 0x9e3779b97f4a7c15
	sum ^= sum >> 33
	sum *= 0xff51afd7ed558ccd
	sum ^= sum >> 33
	return sum*0xc4ceb9fe1a85ec53 + 0x2545f4914f6cdd1d
}

// sumSpan returns a sum over a span, to notice when it changes.
func sumSpan(s *raft.Span) uint64 {
	sum := mix(uint64(s.Prev.Term), uint64(s.Prev.Index))
	for i := range s.Entries {
		sum = sumEntry(sum, &s.Entries[i])
	}
	return sum
}
