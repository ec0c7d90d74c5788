package pebble

import (
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// errPrevTerm says that a span does not continue the log that it is appended to.
var errPrevTerm = errors.New("previous entry has another term")

// plan is what one Append does to the log, after its spans were merged: everything above cut goes, segments
// come.
type plan struct {
	// cut is the last index of the stored log that stays. Invariant: first.Index <= cut <= last.Index.
	cut raft.Index
	// segments follow each other without a hole, the first after cut.
	segments []raft.Span
	// last is the log's end afterwards.
	last raft.EntryID
}

// newPlan merges spans, in order, for a log of (first, last]. buf is reused for the segments.
func newPlan(first, last raft.EntryID, spans []raft.Span, buf []raft.Span) (plan, error) {
	p := plan{cut: last.Index, segments: buf[:0], last: last}
	for i, s := range spans {
		if err := p.add(first, s); err != nil {
			return plan{}, fmt.Errorf("span %d of %d after %v: %w", i+1, len(spans), s.Prev, err)
		}
	}
	return p, nil
}

func (p *plan) add(first raft.EntryID, s raft.Span) error {
	switch {
	case s.Prev.Index > p.last.Index:
		return fmt.Errorf("log ends at %v: %w", p.last, raft.ErrOutOfRange)
	case len(s.Entries) == 0:
		return nil
	case s.Prev.Index < first.Index:
		return fmt.Errorf("log begins after %v: %w", first, raft.ErrCompacted)
	case s.Prev.Index == p.last.Index && s.Prev.Term != p.last.Term:
		return fmt.Errorf("log ends at %v: %w", p.last, errPrevTerm)
	}
	p.truncate(s.Prev.Index)
	p.segments = append(p.segments, s)
	p.last = s.Last()
	return nil
}

// truncate removes what is above index.
func (p *plan) truncate(index raft.Index) {
	for len(p.segments) > 0 {
		tail := &p.segments[len(p.segments)-1]
		if tail.LastIndex() <= index {
			return
		}
		if tail.Prev.Index < index {
			*tail = raft.Span{Prev: tail.Prev, Entries: tail.Entries[:index-tail.Prev.Index]}
			return
		}
		p.segments = p.segments[:len(p.segments)-1]
	}
	p.cut = min(p.cut, index)
}

// piece is a part of a segment that goes into one run.
type piece struct {
	entries []raft.Entry
	encoded []byte // the entries' encoding, when there is one already
	size    int    // bytes of the encoding
}

// pieces cuts the segments so that a piece exceeds runBytesMax only when it is a single entry.
func pieces(segments []raft.Span, buf []piece) []piece {
	buf = buf[:0]
	for _, s := range segments {
		if s.Encoded != nil && len(s.Encoded) <= runBytesMax {
			buf = append(buf, piece{entries: s.Entries, encoded: s.Encoded, size: len(s.Encoded)})
			continue
		}
		buf = cutSegment(s, buf)
	}
	return buf
}

func cutSegment(s raft.Span, buf []piece) []piece {
	from, size, offset := 0, 0, 0
	emit := func(to int) {
		p := piece{entries: s.Entries[from:to], size: size}
		if s.Encoded != nil {
			p.encoded = s.Encoded[offset : offset+size]
		}
		buf = append(buf, p)
		from, offset, size = to, offset+size, 0
	}
	for i := range s.Entries {
		n := encodedBytes(&s.Entries[i])
		if size > 0 && size+n > runBytesMax {
			emit(i)
		}
		size += n
	}
	emit(len(s.Entries))
	return buf
}

// encodedBytes returns the length of raft.AppendEntries of one entry.
func encodedBytes(e *raft.Entry) int {
	return 1 + uvarintBytes(uint64(e.Term)) + uvarintBytes(uint64(len(e.Data))) + len(e.Data)
}

func uvarintBytes(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
