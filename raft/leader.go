package raft

import (
	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft/progress"
)

// replicate queues what each follower may be sent now (§5.3): in the pipeline as many messages as its
// window takes.
func (c *Core) replicate() {
	for i := range c.peers {
		p := &c.peers[i]
		if p.ID == c.cfg.ID || p.lost {
			continue
		}
		if p.progress.Ask {
			c.ask(p)
		}
		for c.wantsEntries(&p.progress) && c.sendEntries(p) {
		}
		if p.streams() {
			c.sendSnapshot(p)
		}
	}
}

// wantsEntries reports whether a follower is owed an AppendEntries. A probe is owed even without entries:
// it finds out whether the logs agree.
func (c *Core) wantsEntries(p *progress.Progress) bool {
	return p.CanSend() && (Index(p.Next) <= c.lastIndex() || p.State == progress.Probe)
}

// sendEntries sends the next entries to a follower, or has them fetched. It reports whether more may be sent.
func (c *Core) sendEntries(p *peer) bool {
	after := Index(p.progress.Next) - 1
	if !c.tail.holds(after) && after < c.first.Index {
		if c.hears(p) {
			c.beginSnapshot(p)
		} else {
			p.progress.Probing = true
		}
		return false
	}
	if !c.tail.holds(after) {
		if p.debts.fetches >= peerDebtsMax {
			return false // it is asked for when one was paid, at the next answer
		}
		p.debts.fetches++
		p.progress.Fetching = true
		c.debts.fetch = append(c.debts.fetch, Fetch{
			To: p.ID, Term: c.currentTerm, After: after,
			Upto: min(c.tail.prev.Index, after+Index(c.cfg.MessageEntriesMax)), BytesMax: c.cfg.MessageBytesMax,
		})
		return false
	}
	span, bytes := c.tail.span(after, c.lastIndex(), c.cfg.MessageEntriesMax, c.cfg.MessageBytesMax)
	c.sendAppend(p, span, bytes)
	return p.progress.State == progress.Replicate
}

// ask sends an AppendEntries without entries, after those in flight: its refusal says that they were lost.
func (c *Core) ask(p *peer) {
	if prev := Index(p.progress.Next) - 1; c.tail.holds(prev) {
		c.sendAppend(p, Span{Prev: c.tail.id(prev)}, 0)
	} else {
		p.progress.FallBack() // to what must be fetched anyway
	}
}

func (c *Core) sendAppend(p *peer, span Span, bytes int) {
	c.seq++
	c.send(p.ID, Message{Kind: MsgAppend, Span: span, Commit: c.commitIndex, Seq: c.seq})
	p.progress.Sent(uint64(span.LastIndex()), bytes)
}

// Fetched pays a Fetch: span holds entries after f.After, or err says why they cannot be had. They are sent
// on if the follower still waits for them; otherwise, and after an error, it is asked again at the next
// heartbeat.
func (c *Core) Fetched(f Fetch, span Span, err error) {
	p := c.peer(f.To)
	if p != nil {
		p.debts.fetches = max(0, p.debts.fetches-1)
	}
	if c.role != Leader || f.Term != c.currentTerm || p == nil ||
		!p.progress.Fetching || Index(p.progress.Next)-1 != f.After {
		return
	}
	p.progress.Fetching = false
	if err != nil || len(span.Entries) == 0 || span.Prev.Index != f.After {
		p.progress.FallBack()
		p.progress.Probing = true
		return
	}
	c.sendAppend(p, span, entriesSize(span.Entries))
	c.check()
}

// sendHeartbeats says "I lead" to everybody (§5.2), in a round that reads may wait for. The commit index
// never goes beyond what the follower is known to have: it might otherwise commit what it does not share.
func (c *Core) sendHeartbeats() {
	c.seq++
	c.joinRound(c.seq)
	for i := range c.peers {
		p := &c.peers[i]
		if p.ID == c.cfg.ID {
			continue
		}
		commit := min(c.commitIndex, Index(p.progress.Match))
		c.send(p.ID, Message{Kind: MsgHeartbeat, Commit: commit, Seq: c.seq})
	}
	c.confirmReads() // a leader without others is its own majority
}

// heard takes any answer of a follower in this term: it was alive, and followed this leader, after it got
// the message that m answers.
func (c *Core) heard(p *peer, m Message) {
	p.progress.Active = true
	if m.Seq > p.ackedSeq && m.Seq <= c.seq {
		p.ackedSeq = m.Seq
		c.confirmReads()
	}
}

// handleAppendReply takes a follower's acknowledgement or refusal (§5.3).
func (c *Core) handleAppendReply(m Message) {
	if c.role != Leader {
		return
	}
	p := c.peer(m.From)
	c.heard(p, m)
	switch {
	case p.forgotten(m):
	case !m.Reject:
		c.accepted(p, m.Match)
	case m.Seq == 0: // says only which term the follower is in
	case m.Seq > p.matchSeq && uint64(m.Last.Index) < p.progress.Match:
		// It refuses what was sent after it had acknowledged more: it is not who it was.
		p.lost = true
		p.progress.FallBack()
	default:
		p.progress.Rejected(uint64(m.Match), uint64(c.agreementHint(m.Last)))
	}
}

// accepted takes word that a follower's log equals this one up to match, durably.
func (c *Core) accepted(p *peer, match Index) {
	if match > c.lastIndex() {
		c.dropped++ // nobody can have stored what was never sent
		return
	}
	rose := p.progress.Accepted(uint64(match))
	if p.streams() && Index(p.progress.Match) >= c.first.Index {
		p.progress.FallBack() // the log reaches again
	}
	if !rose {
		return
	}
	p.matchSeq = c.seq
	if c.cfg.AdaptiveWindow {
		p.progress.Adapt(c.fastest())
	}
	c.maybeCommit()
	c.advanceTransfer()
}

// fastest returns how far the follower that is ahead of all matches.
func (c *Core) fastest() uint64 {
	fastest := uint64(0)
	for i := range c.peers {
		fastest = max(fastest, c.peers[i].progress.Match)
	}
	return fastest
}

// agreementHint returns the highest index where the logs may still agree, given the follower's hint: an
// entry of the leader's whose term is not above the hint's. It skips whole terms at a time (end of §5.3).
func (c *Core) agreementHint(hint EntryID) Index {
	index := min(hint.Index, c.lastIndex())
	for index > c.tail.prev.Index && c.tail.term(index) > hint.Term {
		index--
	}
	return index
}

func (c *Core) handleHeartbeatReply(m Message) {
	if c.role != Leader {
		return
	}
	p := c.peer(m.From)
	c.heard(p, m)
	if p.heardAt != 0 && c.ticks+1-p.heardAt < uint64(c.cfg.HeartbeatTicks) {
		return // reads send more heartbeats; what was lost is asked for at the pace of the clock
	}
	p.heardAt = c.ticks + 1
	p.progress.Heard()
	if p.streams() {
		c.askSnapshot(p)
	}
}

// maybeCommit advances the commit index to the highest entry of the current term that is durable on a
// quorum. Entries of older terms are committed with it, never by counting (§5.4.2, Figure 8). The leader
// counts itself only as far as its own disk got, and is not needed in the majority (thesis §10.2.1).
func (c *Core) maybeCommit() {
	index := Index(c.reached((*Core).durableAt))
	if index <= c.commitIndex || index < c.termStart {
		return
	}
	invariant.Check2(c.tail.term(index) == c.currentTerm, "commit %v in term %d", c.tail.id(index), c.currentTerm)
	before := c.commitIndex
	c.setCommit(index)
	if before < max(c.configurationAt().Index, c.termStart) {
		c.followChange()
	}
	c.advanceTransfer()
}

// durableAt returns how much of this leader's log is durable at a member.
func (c *Core) durableAt(p *peer) uint64 {
	switch {
	case p.ID == c.cfg.ID:
		return uint64(c.disk.durable)
	case p.lost:
		return 0
	default:
		return p.progress.Match
	}
}
