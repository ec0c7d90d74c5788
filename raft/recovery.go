package raft

// recovery is what a server does whose disk lost the end of its log ([HardState.Recover]). It may have acknowledged
// entries that it does not hold any more, so that its log says nothing about what is committed: it grants no vote and
// does not stand for election. All else goes on as ever. It asks a leader, which first forgets what this server has
// acknowledged and then answers as for a read (thesis §6.4): what was committed with an acknowledgement of this server
// is at or below the index of the answer, and what is above will be committed only after this server acknowledged it
// again. Once its log reaches the index, durably, it is as good as any.
//
// The paper knows no such server: it crashes for ever. The rule is the recovery of Viewstamped Replication (Liskov and
// Cowling, "Viewstamped Replication Revisited", §4.3), with the part of the log kept that is there; what replaces its
// quorum of answers is the leader's round of heartbeats, and what replaces its nonce is the number of the question.
type recovery struct {
	lost  EntryID // the log once ended in it; zero: nothing to recover
	upto  Index   // to be reached; 0 as long as no leader has said
	seq   uint64  // of the question under way; 0: none
	since uint64  // ticks
}

// recovering reports whether this server's word about its log is not to be trusted.
func (c *Core) recovering() bool { return c.recovery.lost != EntryID{} }

// askToRecover asks the leader how far the log must reach, and again when no answer came in time.
func (c *Core) askToRecover() {
	r := &c.recovery
	if !c.recovering() || r.upto != 0 || c.leader == None {
		return
	}
	if r.seq != 0 && c.ticks-r.since < uint64(c.cfg.ElectionTicksMin) {
		return
	}
	c.reads.next++
	r.seq, r.since = c.reads.next, c.ticks
	c.send(c.leader, Message{Kind: MsgRecover, Seq: r.seq})
}

// handleRecover is the leader's part: it forgets how far the server's log matches, does not heed answers to what was
// sent before, and takes the question for a read.
func (c *Core) handleRecover(m Message) {
	if c.role == Leader {
		p := c.peer(m.From)
		p.progress = c.newProgress()
		p.progress.Active = true
		p.forgottenSeq = c.seq
		p.lost = false
	}
	c.handleReadIndex(m)
}

// forgotten reports whether m answers what was sent before the follower said that it recovers: what it promised then,
// it may have lost.
func (p *peer) forgotten(m Message) bool { return p.forgottenSeq != 0 && m.Seq <= p.forgottenSeq }

// recoverUpto takes the answer of the leader.
func (c *Core) recoverUpto(m Message) {
	if !m.Reject { // else it is asked again in time
		c.recovery.upto = m.Commit
		c.maybeRecovered()
	}
}

// maybeRecovered ends the recovery when the log holds, durably, all that was committed when the leader answered.
func (c *Core) maybeRecovered() {
	r := &c.recovery
	if r.upto != 0 && min(c.commitIndex, c.disk.durable) >= r.upto {
		*r = recovery{}
	}
}
