package raft

import (
	"github.com/raftmark/raftmark/internal/invariant"
)

// check asserts what must hold of a core between any two calls. It costs a few comparisons.
func (c *Core) check() {
	last := c.lastIndex()
	invariant.Check2(c.lastApplied <= c.applying, "applied %d, handed over to be applied %d", c.lastApplied, c.applying)
	invariant.Check2(c.applying <= c.commitIndex, "applying %d, committed %d", c.applying, c.commitIndex)
	invariant.Check2(c.commitIndex <= last, "committed %d, last %d", c.commitIndex, last)
	invariant.Check2(c.disk.durable <= last, "durable %d, last %d", c.disk.durable, last)
	invariant.Check2(c.tail.prev.Index <= c.commitIndex, "tail after %v, committed %d", c.tail.prev, c.commitIndex)
	invariant.Check2(c.role != Leader || c.votedFor == c.cfg.ID, "leader %d voted for %d", c.cfg.ID, c.votedFor)
	if invariant.Enabled && c.deep.due(len(c.tail.entries)) {
		c.checkDeeply()
	}
}

// deepEntries is how many entries of the tail the deep check may read a call, on average: a tail of up to so many is
// read at each call.
const deepEntries = 256

// deepChecks spaces the deep checks of a long tail: read at each call it would take most of what the core does for a
// few proposals, and a server with the checks would be slow for as long as its tail is long.
type deepChecks struct {
	skipped int // calls since the last
}

// due reports whether a tail of so many entries is read at this call.
func (d *deepChecks) due(entries int) bool {
	if d.skipped++; d.skipped*deepEntries < entries {
		return false
	}
	d.skipped = 0
	return true
}

// checkDeeply recomputes what the core only keeps up to date.
func (c *Core) checkDeeply() {
	invariant.Check2(c.tail.bytes == entriesSize(c.tail.entries), "tail of %d bytes, counted %d",
		entriesSize(c.tail.entries), c.tail.bytes)
	uncommitted := entriesSize(c.tail.entries[c.commitIndex-c.tail.prev.Index:])
	invariant.Check2(c.uncommittedBytes == uncommitted, "%d bytes uncommitted, counted %d",
		uncommitted, c.uncommittedBytes)
	term := c.tail.prev.Term
	for i := range c.tail.entries {
		invariant.Check2(c.tail.entries[i].Term >= term, "term %d after %d", c.tail.entries[i].Term, term)
		term = c.tail.entries[i].Term
	}
	invariant.Check2(term <= c.currentTerm, "entry of term %d in term %d", term, c.currentTerm)
	if c.role == Leader {
		c.checkProgress()
	}
}

func (c *Core) checkProgress() {
	for i := range c.peers {
		p := &c.peers[i]
		if p.ID == c.cfg.ID {
			continue
		}
		invariant.Check3(Index(p.progress.Match) <= c.lastIndex(), "node %d matches %d, last is %d",
			p.ID, p.progress.Match, c.lastIndex())
		invariant.Check3(Index(p.progress.Next) <= c.lastIndex()+1, "next for node %d is %d, last is %d",
			p.ID, p.progress.Next, c.lastIndex())
	}
}
