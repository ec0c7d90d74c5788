package raft

import (
	"math"

	"github.com/raftmark/raftmark/internal/invariant"
)

// handleAppend is AppendEntries' receiver (Figure 2, §5.3).
func (c *Core) handleAppend(m Message) {
	prev := m.Span.Prev
	// What is committed here is in every leader's log (Leader Completeness, §5.4.3): it agrees, without
	// looking.
	if prev.Index >= c.commitIndex && (prev.Index > c.lastIndex() || c.tail.term(prev.Index) != prev.Term) {
		c.reply(m, Message{
			Kind: MsgAppendReply, Reject: true, Match: prev.Index, Last: c.conflictHint(prev), Seq: m.Seq,
		})
		return
	}
	verified := c.storeEntries(m.Span, m.Commit)
	c.verified = max(c.verified, verified)
	if commit := min(m.Commit, verified); commit > c.commitIndex {
		c.setCommit(commit)
	}
	// The reply waits for the disk, so that all of verified is durable when it leaves.
	c.reply(m, Message{Kind: MsgAppendReply, Match: verified, Seq: m.Seq})
}

// storeEntries appends what the log does not have yet, after removing what conflicts: "if an existing entry
// conflicts with a new one (same index but different terms), delete the existing entry and all that follow
// it" (Figure 2). A log that merely is longer is left alone. It returns the index up to which the log is now
// known to equal the leader's. The leader has committed what is at or below commit.
func (c *Core) storeEntries(s Span, commit Index) Index {
	if s.LastIndex() <= c.commitIndex {
		return c.commitIndex
	}
	if s.Prev.Index < c.commitIndex {
		s = s.After(c.commitIndex)
	}
	known, least := 0, 0
	for known < len(s.Entries) {
		index := s.Prev.Index + Index(known) + 1
		if index > c.lastIndex() {
			break
		}
		if c.tail.term(index) != s.Entries[known].Term {
			c.truncate(index - 1)
			least = 1 // in the place of what was removed, so that the disk hears of it
			break
		}
		known++
	}
	s = c.fitting(s.After(s.Prev.Index+Index(known)), least, commit)
	if len(s.Entries) > 0 {
		c.appendToLog(s)
	}
	return s.LastIndex()
}

// fitting cuts a span to what the cap of the uncommitted log leaves room for, but not below least entries;
// what is cut will be sent again. The cap refuses only commands of the current term: a leader that took over
// a log filled to the cap commits it with the no-op of its own term (§5.4.2), and would wait for ever if
// nobody took that. What is older was kept to the cap by its own leader. Nor does it refuse what the leader has
// committed, which is committed here as soon as it is stored. For all of these holds a limit far above the cap, so that
// a leader that lies cannot fill this server's memory.
func (c *Core) fitting(s Span, least int, commit Index) Span {
	entries, bytes := int(s.Prev.Index-c.commitIndex), c.uncommittedBytes
	if commit > s.Prev.Index {
		entries, bytes = 0, 0
	}
	entriesLimit, bytesLimit := c.uncommittedLimits()
	undurable, waiting := int(s.Prev.Index-c.disk.durable), c.disk.bytes
	for i := range s.Entries {
		e := &s.Entries[i]
		full := undurable+i >= entriesLimit || waiting >= bytesLimit
		waiting += e.Size()
		if s.Prev.Index+Index(i) >= commit {
			full = full || entries >= entriesLimit || bytes >= bytesLimit
			if e.Term == c.currentTerm && e.Kind != EntryNoop {
				full = full || entries >= c.cfg.UncommittedEntriesMax || bytes >= c.cfg.UncommittedBytesMax
			}
			entries++
			bytes += e.Size()
		}
		if i >= least && full {
			return Span{Prev: s.Prev, Entries: s.Entries[:i:i]}
		}
	}
	return s
}

// uncommittedLimits bound what this server holds in memory of entries that are not committed, and of those that its
// disk does not have yet: several caps, as earlier leaders may have had greater ones, the no-ops of terms in which
// nothing was committed, and an entry that is larger than the cap. A cap below the default counts as the default: with
// less room than leaders before had, the log would never be committed, and the cluster stand still.
func (c *Core) uncommittedLimits() (entries, bytes int) {
	const caps, noops = 4, 256
	limit := func(most, more int) int { return min(most, (math.MaxInt-more)/caps)*caps + more }
	return limit(max(c.cfg.UncommittedEntriesMax, uncommittedEntriesDefault), noops),
		limit(max(c.cfg.UncommittedBytesMax, uncommittedBytesDefault), EntryDataBytesMax)
}

// truncate removes the entries above index from the end of the log.
func (c *Core) truncate(index Index) {
	invariant.Check2(c.role != Leader, "leader of term %d truncates its log to %d", c.currentTerm, index)
	invariant.Check2(index >= c.commitIndex, "truncate to %d below the commit index %d", index, c.commitIndex)
	for i := index; i < c.lastIndex(); i++ {
		c.uncommittedBytes -= c.tail.entries[i-c.tail.prev.Index].Size()
	}
	c.tail.truncate(index)
	c.disk.truncated(index)
	c.truncateConfigurations(index)
}

// conflictHint returns the highest entry of this log that may agree with a leader whose entry prev does not:
// not above prev, and not of a later term.
func (c *Core) conflictHint(prev EntryID) EntryID {
	index := min(prev.Index, c.lastIndex())
	for index > c.commitIndex && c.tail.term(index) > prev.Term {
		index--
	}
	return c.tail.id(index)
}

// handleHeartbeat takes the leader's commit index, which never exceeds what this server acknowledged. The
// reply promises only that this server is alive and hears its leader, so it waits for no disk; but with leases for the
// term to be durable: a server that is started again must know that it may have promised one (thesis §6.4.1).
func (c *Core) handleHeartbeat(m Message) {
	if commit := min(m.Commit, c.lastIndex()); commit > c.commitIndex {
		c.setCommit(commit)
	}
	answer := Message{Kind: MsgHeartbeatReply, Seq: m.Seq}
	if c.cfg.LeaseNanos == 0 || c.disk.term == c.currentTerm {
		c.send(m.From, answer)
	} else {
		c.reply(m, answer)
	}
}
