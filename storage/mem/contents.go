package mem

import (
	"errors"
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// errPrevTerm says that a span does not continue the log that it is appended to.
var errPrevTerm = errors.New("previous entry has another term")

// contents is a log. Invariant: entries[i] has index first.Index+1+i.
type contents struct {
	hs      raft.HardState
	first   raft.EntryID
	entries []raft.Entry
}

func (c *contents) last() raft.EntryID {
	return raft.Span{Prev: c.first, Entries: c.entries}.Last()
}

// term returns the term of the entry at index, which is in the log or its first.
func (c *contents) term(index raft.Index) raft.Term {
	if index == c.first.Index {
		return c.first.Term
	}
	return c.entries[index-c.first.Index-1].Term
}

// check reports why the batch cannot be appended, or nil.
func (c *contents) check(hs *raft.HardState, spans []raft.Span) error {
	last := c.last()
	for i, s := range spans {
		var err error
		switch {
		case s.Prev.Index > last.Index:
			err = fmt.Errorf("log ends at %v: %w", last, raft.ErrOutOfRange)
		case len(s.Entries) == 0:
			continue
		case s.Prev.Index < c.first.Index:
			err = fmt.Errorf("log begins after %v: %w", c.first, raft.ErrCompacted)
		case s.Prev.Index == last.Index && s.Prev.Term != last.Term:
			err = fmt.Errorf("log ends at %v: %w", last, errPrevTerm)
		}
		if err != nil {
			return fmt.Errorf("span %d of %d after %v: %w", i+1, len(spans), s.Prev, err)
		}
		last = s.Last()
	}
	if hs != nil && hs.Commit > last.Index {
		return fmt.Errorf("hard state commits %d, log ends at %v: %w", hs.Commit, last, raft.ErrOutOfRange)
	}
	return nil
}

// apply appends a batch that passed check.
func (c *contents) apply(b *batch) {
	for _, s := range b.spans {
		if len(s.Entries) > 0 {
			keep := int(s.Prev.Index - c.first.Index)
			clear(c.entries[keep:])
			c.entries = append(c.entries[:keep], s.Entries...)
		}
	}
	if b.hs != nil {
		c.hs = *b.hs
	}
}

func (c *contents) compact(upto raft.Index) {
	c.first, c.entries = raft.EntryID{Term: c.term(upto), Index: upto}, slices.Clone(c.entries[upto-c.first.Index:])
}

func (c *contents) clone() contents {
	return contents{hs: c.hs, first: c.first, entries: slices.Clone(c.entries)}
}
