package mem

import (
	"errors"
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// errPrevTerm says that a span does not continue the log that it is appended to.
var errPrevTerm = errors.New("previous entry has another term")

// errCommitted says that a snapshot contradicts an entry that is committed, which no correct cluster makes.
var errCommitted = errors.New("snapshot conflicts with a committed entry")

// contents is a log. Invariant: entries[i] has index first.Last.Index+1+i.
type contents struct {
	hs      raft.HardState
	first   raft.Snapshot // what the log begins after
	entries []raft.Entry
}

func (c *contents) state() raft.LogState {
	return raft.LogState{
		HardState: c.hs, First: c.first.Last, Last: c.last(),
		Configuration: c.first.Configuration, ConfigurationIndex: c.first.ConfigurationIndex,
	}
}

func (c *contents) last() raft.EntryID {
	return raft.Span{Prev: c.first.Last, Entries: c.entries}.Last()
}

// term returns the term of the entry at index, which is in the log or its first.
func (c *contents) term(index raft.Index) raft.Term {
	if index == c.first.Last.Index {
		return c.first.Last.Term
	}
	return c.entries[index-c.first.Last.Index-1].Term
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
		case s.Prev.Index < c.first.Last.Index:
			err = fmt.Errorf("log begins after %v: %w", c.first.Last, raft.ErrCompacted)
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

// checkCompact reports why the log cannot begin after upto, or nil.
func (c *contents) checkCompact(upto raft.Snapshot) error {
	if err := upto.Configuration.Validate(); err != nil {
		return fmt.Errorf("snapshot %v: %w", upto.Last, err)
	}
	if upto.ConfigurationIndex > upto.Last.Index {
		return fmt.Errorf("snapshot %v: its configuration is of entry %d", upto.Last, upto.ConfigurationIndex)
	}
	if !c.holds(upto.Last) && upto.Last.Index <= c.hs.Commit {
		return fmt.Errorf("snapshot %v, the log commits %d: %w", upto.Last, c.hs.Commit, errCommitted)
	}
	return nil
}

// holds reports whether the log has that entry; by Log Matching (§5.3) it then has everything before it.
func (c *contents) holds(id raft.EntryID) bool {
	return id.Index >= c.first.Last.Index && id.Index <= c.last().Index && c.term(id.Index) == id.Term
}

// apply applies a batch that passed check.
func (c *contents) apply(b *batch) {
	for _, s := range b.spans {
		if len(s.Entries) > 0 {
			keep := int(s.Prev.Index - c.first.Last.Index)
			clear(c.entries[keep:])
			c.entries = append(c.entries[:keep], s.Entries...)
		}
	}
	if b.hs != nil {
		c.hs = *b.hs
	}
	if b.compact != nil {
		c.compact(*b.compact)
	}
}

// compact makes the log begin after upto. What follows stays when the log has that entry.
func (c *contents) compact(upto raft.Snapshot) {
	var keep []raft.Entry
	if c.holds(upto.Last) {
		keep = slices.Clone(c.entries[upto.Last.Index-c.first.Last.Index:])
	}
	c.first, c.entries = upto, keep
}

func (c *contents) clone() contents {
	return contents{hs: c.hs, first: c.first, entries: slices.Clone(c.entries)}
}
