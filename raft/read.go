package raft

import (
	"fmt"
	"slices"
)

// roundsMax bounds the rounds of heartbeats that are under way for reads; more reads wait for the next one.
const roundsMax = 4

// reads are the linearizable reads under way (§8, thesis §6.4). At a leader each waits for a round of heartbeats that
// began after it: when a majority has answered, this server led at that time, and its commit index of then is high
// enough. A round is named by the Seq of its heartbeats, which never comes again in the term, so that no late answer
// confirms a later read. At a follower each waits for the leader's answer to a message with a number of its own.
type reads struct {
	queued    []read // waiting for a round to begin, or for the no-op of the term
	waiting   []read // for their round, oldest first
	rounds    []round
	forwarded []read // to the leader, oldest first
	next      uint64 // number of the last one forwarded
	lease     int64  // the clock at the begin of the latest round that a majority answered; valid in the leader's term
	leased    bool
}

// read is one read, of this server or of a follower.
type read struct {
	token uint64 // of the caller; or
	from  NodeID // the follower that asks, with
	seq   uint64 // its number; of a forwarded one: ours
	round uint64 // the Seq of the round that it waits for
	index Index
	since uint64 // ticks
}

// round is a round of heartbeats under way.
type round struct {
	seq   uint64
	clock int64
}

func (r *reads) len() int { return len(r.queued) + len(r.waiting) + len(r.forwarded) }

// ReadIndex asks for an index that a linearizable read may be served at. Each token is the caller's, used once, and
// answered once, in [Ready.Reads]: at a leader after a round of heartbeats (thesis §6.4), or at once under a lease
// (thesis §6.4.1); at a follower when the leader has answered. The answer is an error that wraps [ErrNotLeader] when
// leadership or the leader is lost, or does not answer within the minimum election timeout, and [ErrBusy] at the cap.
func (c *Core) ReadIndex(token uint64) {
	r := read{token: token, since: c.ticks}
	switch {
	case c.reads.len() >= c.cfg.ReadsMax:
		c.answerRead(r, fmt.Errorf("read: %w: %d", ErrBusy, c.cfg.ReadsMax))
	case c.role == Leader && c.holdsLease():
		r.index = c.commitIndex
		c.answerRead(r, nil)
	case c.role == Leader:
		c.reads.queued = append(c.reads.queued, r)
	case c.leader == None:
		c.answerRead(r, fmt.Errorf("read: %w, and none is known", ErrNotLeader))
	default:
		c.reads.next++
		r.seq = c.reads.next
		c.reads.forwarded = append(c.reads.forwarded, r)
		c.send(c.leader, Message{Kind: MsgReadIndex, Seq: r.seq})
	}
}

// holdsLease reports whether no other server can lead now: a majority has promised, later than LeaseNanos ago, to deny
// votes for longer than that. It counts from the sending of what they answered, and ends with the first TimeoutNow.
func (c *Core) holdsLease() bool {
	return c.cfg.LeaseNanos > 0 && c.reads.leased && c.TermCommitted() && !c.transfer.everSent &&
		c.clock-c.reads.lease < c.cfg.LeaseNanos
}

// beginReads begins a round of heartbeats for the reads that wait for one. Before an entry of the own term is
// committed the commit index may be behind what others have answered (§8).
func (c *Core) beginReads() {
	if len(c.reads.queued) == 0 || !c.TermCommitted() || c.readRounds() >= roundsMax {
		return
	}
	c.sendHeartbeats()
}

// readRounds counts the rounds that reads wait for.
func (c *Core) readRounds() int {
	n, last := 0, uint64(0)
	for i := range c.reads.waiting {
		if r := c.reads.waiting[i].round; r != last {
			n, last = n+1, r
		}
	}
	return n
}

// joinRound lets the queued reads wait for the round that begins now.
func (c *Core) joinRound(seq uint64) {
	rs := &c.reads
	if c.TermCommitted() {
		for i := range rs.queued {
			rs.queued[i].round, rs.queued[i].index = seq, c.commitIndex
		}
		rs.waiting = append(rs.waiting, rs.queued...)
		rs.queued = emptied(rs.queued)
	}
	if len(rs.rounds) == 2*roundsMax { // the oldest stay: they are answered first, however long that takes
		rs.rounds = rs.rounds[:2*roundsMax-1]
	}
	rs.rounds = append(rs.rounds, round{seq: seq, clock: c.clock})
}

// confirmReads answers the reads whose round a majority has answered.
func (c *Core) confirmReads() {
	rs := &c.reads
	if len(rs.rounds)+len(rs.waiting) == 0 {
		return
	}
	confirmed := c.reached((*Core).answeredBy)
	n := 0
	for n < len(rs.rounds) && rs.rounds[n].seq <= confirmed {
		rs.lease, rs.leased = rs.rounds[n].clock, true
		n++
	}
	rs.rounds = slices.Delete(rs.rounds, 0, n)
	n = 0
	for n < len(rs.waiting) && rs.waiting[n].round <= confirmed {
		c.answerRead(rs.waiting[n], nil)
		n++
	}
	rs.waiting = slices.Delete(rs.waiting, 0, n)
}

// answeredBy returns the last round that a member has answered. One whose disk was replaced forgot its promises.
func (c *Core) answeredBy(p *peer) uint64 {
	switch {
	case p.ID == c.cfg.ID:
		return c.seq
	case p.lost:
		return 0
	default:
		return p.ackedSeq
	}
}

// answerRead gives a read of this server its answer, or sends it to the follower that asked.
func (c *Core) answerRead(r read, err error) {
	if r.from == None {
		c.debts.reads = append(c.debts.reads, Read{Token: r.token, Index: r.index, Err: err})
		return
	}
	c.send(r.from, Message{Kind: MsgReadIndexReply, Commit: r.index, Seq: r.seq, Reject: err != nil})
}

// handleReadIndex takes a follower's read.
func (c *Core) handleReadIndex(m Message) {
	r := read{from: m.From, seq: m.Seq, since: c.ticks}
	switch {
	case c.role != Leader:
		c.answerRead(r, ErrNotLeader)
	case c.reads.len() >= c.cfg.ReadsMax:
		c.answerRead(r, ErrBusy)
	case c.holdsLease():
		r.index = c.commitIndex
		c.answerRead(r, nil)
	default:
		c.reads.queued = append(c.reads.queued, r)
	}
}

// handleReadIndexReply takes the leader's answer, and the commit index that comes with it, as far as this log is known
// to equal the leader's.
func (c *Core) handleReadIndexReply(m Message) {
	if c.recovery.seq != 0 && m.Seq == c.recovery.seq && c.leader == m.From {
		c.recoverUpto(m)
		return
	}
	i := slices.IndexFunc(c.reads.forwarded, func(r read) bool { return r.seq == m.Seq })
	if i < 0 || c.leader != m.From {
		return
	}
	r := c.reads.forwarded[i]
	c.reads.forwarded = slices.Delete(c.reads.forwarded, i, i+1)
	if m.Reject {
		c.answerRead(r, fmt.Errorf("read: %w: server %d refused", ErrNotLeader, m.From))
		return
	}
	r.index = m.Commit
	c.answerRead(r, nil)
	if commit := min(m.Commit, c.verified); commit > c.commitIndex {
		c.setCommit(commit)
	}
}

// expireReads fails the forwarded reads that were not answered in time: the question or the answer was lost. Whoever
// asks again asks with a new number.
func (c *Core) expireReads() {
	rs := &c.reads
	n := 0
	for n < len(rs.forwarded) && c.ticks-rs.forwarded[n].since >= uint64(c.cfg.ElectionTicksMin) {
		c.answerRead(rs.forwarded[n], fmt.Errorf("read: %w: server %d does not answer", ErrNotLeader, c.leader))
		n++
	}
	rs.forwarded = slices.Delete(rs.forwarded, 0, n)
}

// failReads fails all reads: this server leads no longer, or follows somebody else.
func (c *Core) failReads() {
	rs := &c.reads
	err := fmt.Errorf("read: %w any more", ErrNotLeader)
	for _, list := range [][]read{rs.queued, rs.waiting, rs.forwarded} {
		for i := range list {
			c.answerRead(list[i], err)
		}
	}
	*rs = reads{queued: emptied(rs.queued), waiting: emptied(rs.waiting), forwarded: emptied(rs.forwarded),
		rounds: rs.rounds[:0], next: rs.next}
}
