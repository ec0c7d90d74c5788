package raft

import "github.com/raftmark/raftmark/internal/invariant"

// tail is the recent end of the log, in memory: the entries after prev. All uncommitted entries are in it.
// Slices of it are handed out, so an entry is never overwritten in place. What was forgotten therefore stays in
// memory until the rest moves to another array.
//
// Invariant: forgotten <= max(bytes/forgottenShare, forgottenBytesMin), after forget. (L7)
type tail struct {
	prev      EntryID
	entries   []Entry
	bytes     int // of entries, by Entry.Size
	forgotten int // of those before entries in the same array, by Entry.Size
}

// A tail at its limit moves each entry about forgottenShare times on its way through, and holds one part in
// forgottenShare more than its limit; a tail smaller than forgottenBytesMin need not move at every turn.
const (
	forgottenShare    = 4
	forgottenBytesMin = 64 << 10
)

func (t *tail) last() EntryID { return Span{Prev: t.prev, Entries: t.entries}.Last() }

// holds reports whether the term of the entry at index is known.
func (t *tail) holds(index Index) bool {
	return index >= t.prev.Index && index <= t.prev.Index+Index(len(t.entries))
}

// term returns the term of the entry at index. It needs holds(index).
func (t *tail) term(index Index) Term {
	invariant.Check3(t.holds(index), "term of %d outside of (%v, %v]", index, t.prev, t.last())
	if index == t.prev.Index {
		return t.prev.Term
	}
	return t.entries[index-t.prev.Index-1].Term
}

func (t *tail) id(index Index) EntryID { return EntryID{Term: t.term(index), Index: index} }

// span returns the entries (after, upto], cut to entriesMax and bytesMax but never to nothing. It needs holds
// of both.
func (t *tail) span(after, upto Index, entriesMax, bytesMax int) (s Span, bytes int) {
	from, to := int(after-t.prev.Index), int(upto-t.prev.Index)
	to = from + min(to-from, entriesMax)
	end := from
	for end < to {
		size := t.entries[end].Size()
		if end > from && bytes+size > bytesMax {
			break
		}
		bytes += size
		end++
	}
	return Span{Prev: t.id(after), Entries: t.entries[from:end:end]}, bytes
}

// append adds the entries of s, which must begin where the tail ends.
func (t *tail) append(s Span) {
	invariant.Check2(s.Prev == t.last(), "append after %v to a tail that ends at %v", s.Prev, t.last())
	if need := len(t.entries) + len(s.Entries); need > cap(t.entries) {
		t.move(need)
	}
	t.entries = append(t.entries, s.Entries...)
	t.bytes += entriesSize(s.Entries)
}

// move takes the entries to an array of their own, with room for half as many again as are needed: all that was in the
// array before them is let go.
func (t *tail) move(need int) {
	t.entries = append(make([]Entry, 0, need+need/2), t.entries...)
	t.forgotten = 0
}

// truncate drops the entries above index. What was handed out stays as it was. Whoever truncates appends next, which
// moves the rest, as there is no room behind it.
func (t *tail) truncate(index Index) {
	n := index - t.prev.Index
	t.bytes -= entriesSize(t.entries[n:])
	t.entries = t.entries[:n:n]
}

// forget drops entries from the front, up to index, until the rest is within the limits, to which the last
// keptEntries entries of keptBytes bytes do not count.
func (t *tail) forget(index Index, entriesMax, bytesMax, keptEntries, keptBytes int) {
	n := 0
	for t.prev.Index+Index(n) < index && (len(t.entries)-n-keptEntries > entriesMax || t.bytes-keptBytes > bytesMax) {
		t.bytes -= t.entries[n].Size()
		t.forgotten += t.entries[n].Size()
		n++
	}
	if n > 0 {
		t.prev = t.id(t.prev.Index + Index(n))
		t.entries = t.entries[n:]
	}
	if t.forgotten > max(t.bytes/forgottenShare, forgottenBytesMin) {
		t.move(len(t.entries))
	}
}

func entriesSize(entries []Entry) int {
	size := 0
	for i := range entries {
		size += entries[i].Size()
	}
	return size
}
