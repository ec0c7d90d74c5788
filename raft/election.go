package raft

import (
	"slices"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft/quorum"
)

// becomeFollower follows leader, or nobody yet, in term. The vote is kept within a term: a server that steps down
// must not vote again (§5.2).
//
// The election timer begins anew for a leader, and after having been one. Otherwise it goes on: only hearing the
// leader and granting a vote put off an election (Figure 2). If a newer term did, or a lost vote, one candidate that
// cannot win would hold up the others, and those that split a vote would all begin anew at the same instant.
func (c *Core) becomeFollower(term Term, leader NodeID) {
	invariant.Check2(term >= c.currentTerm, "term from %d back to %d", c.currentTerm, term)
	if term > c.currentTerm {
		c.currentTerm, c.votedFor = term, None
	}
	led := c.role == Leader
	c.enter(Follower, leader)
	if leader != None || led {
		c.resetElectionTimer()
	}
}

// enter changes the role, or whom it follows. What was under way as the old one ends.
func (c *Core) enter(role Role, leader NodeID) {
	c.role, c.leader = role, leader
	c.verified = 0
	c.recovery.seq = 0
	c.transfer = transfer{}
	c.failReads()
}

// resetElectionTimer starts a new randomized election timeout (§5.2).
func (c *Core) resetElectionTimer() {
	c.electionElapsed = 0
	spread := c.cfg.ElectionTicksMax - c.cfg.ElectionTicksMin
	c.electionTimeout = c.cfg.ElectionTicksMin + c.rng.IntN(spread+1)
}

// followLeader takes contact from the leader of the current term (§5.2): a candidate gives up, and every
// election timer starts anew, whatever the message says.
func (c *Core) followLeader(m Message) {
	invariant.Check2(c.role != Leader, "leader of term %d follows %d", c.currentTerm, m.From)
	if c.role != Follower || c.leader != m.From {
		c.becomeFollower(c.currentTerm, m.From)
		return
	}
	c.electionElapsed = 0
	c.patience = 0
}

// hearsLeader reports whether this server has heard from a leader within the minimum election timeout, or is
// one itself: then it helps nobody to an election (thesis §4.2.3). With leases a server that has just started may
// have heard one before (thesis §6.4.1).
func (c *Core) hearsLeader() bool {
	if c.ticks < c.quietUntil {
		return true
	}
	return !c.cfg.NoCheckQuorum && c.leader != None && c.electionElapsed < c.cfg.ElectionTicksMin
}

// electionTimedOut is called when no leader was heard for the election timeout, and at every tick from then on until
// something comes of it.
func (c *Core) electionTimedOut() {
	switch {
	case !c.electable():
		if c.leader != None || c.role != Follower {
			c.becomeFollower(c.currentTerm, None)
			c.resetElectionTimer()
		}
	case c.role == Candidate && !c.ownVoteDurable():
		// The disk is slower than the timeout. Another term would not make it faster.
	case c.patience < c.higherPriorities():
		c.patience++
		c.becomeFollower(c.currentTerm, None) // the leader is lost, whoever stands
		c.resetElectionTimer()
	default:
		c.campaign()
	}
}

// higherPriorities counts the priorities above this server's among the voters.
func (c *Core) higherPriorities() int {
	self := c.peer(c.cfg.ID)
	if self == nil {
		return 0
	}
	own, n := self.Priority, 0
	for i := range c.peers {
		p := &c.peers[i]
		first := !slices.ContainsFunc(c.peers[:i], func(o peer) bool { return o.counts() && o.Priority == p.Priority })
		if p.counts() && p.Priority > own && first {
			n++
		}
	}
	return n
}

// campaign is what the election timeout leads to: first ask (pre-vote), then stand.
func (c *Core) campaign() {
	if c.cfg.NoPreVote {
		c.becomeCandidate(false)
	} else {
		c.becomePreCandidate()
	}
}

func (c *Core) becomePreCandidate() {
	c.resetElectionTimer()
	c.askForPreVotes()
}

// askForPreVotes asks all voters for whom they would vote (thesis §9.6).
func (c *Core) askForPreVotes() {
	if !c.electable() {
		return
	}
	c.enter(PreCandidate, None)
	c.resetVotes()
	c.requestVotes(Message{Kind: MsgPreVote, Term: c.currentTerm + 1, Last: c.tail.last()}, c.send)
	c.countVote(c.cfg.ID, voteGranted) // promises nothing, so no disk is waited for
}

// becomeCandidate starts an election: increment the term, vote for oneself, reset the timer, send
// RequestVote to all others (Figure 2).
//
// Differs from §5.2: the requests leave, and the own vote counts, only when term, vote and log are durable.
// Otherwise a candidate that crashes could forget that it stood, and collect the votes with a shorter log.
//
// With transfer the leader itself wants the election (thesis §3.10).
func (c *Core) becomeCandidate(transfer bool) {
	c.currentTerm++
	c.votedFor = c.cfg.ID
	c.enter(Candidate, None)
	c.resetElectionTimer()
	c.resetVotes()
	c.requestVotes(Message{Kind: MsgVote, Last: c.tail.last(), Transfer: transfer}, func(to NodeID, m Message) {
		c.reply(Message{From: to}, m)
	})
}

func (c *Core) requestVotes(m Message, send func(NodeID, Message)) {
	for i := range c.peers {
		if p := &c.peers[i]; p.ID != c.cfg.ID && p.counts() {
			send(p.ID, m)
		}
	}
}

// ownVoteDurable reports whether term and vote of this candidate, and the log that it stands with, are durable.
func (c *Core) ownVoteDurable() bool {
	return c.disk.idle() && !c.disk.owes(c.hardState())
}

// handlePreVote answers whether this server would vote for the sender (thesis §9.6). Its term and vote do
// not change.
func (c *Core) handlePreVote(m Message) {
	if c.recovering() || c.hearsLeader() || m.Term <= c.currentTerm || !m.Last.UpToDate(c.tail.last()) {
		c.reply(m, Message{Kind: MsgPreVoteReply, Reject: true})
		return
	}
	if c.preVoteRace(m) {
		c.reply(m, Message{Kind: MsgPreVoteReply, Reject: true})
		return
	}
	c.reply(m, Message{Kind: MsgPreVoteReply, Term: m.Term})
}

// handleVote is RequestVote's receiver (Figure 2): one vote a term, first come first served, and only for a
// log that is at least as up-to-date as this one (§5.4.1). A server that recovers gives none.
func (c *Core) handleVote(m Message) {
	free := !c.recovering() && (c.votedFor == m.From || (c.votedFor == None && c.leader == None))
	if !free || !m.Last.UpToDate(c.tail.last()) {
		c.reply(m, Message{Kind: MsgVoteReply, Reject: true})
		return
	}
	c.votedFor = m.From
	c.resetElectionTimer()
	c.reply(m, Message{Kind: MsgVoteReply})
}

func (c *Core) handlePreVoteReply(m Message) {
	if c.role != PreCandidate || (!m.Reject && m.Term != c.currentTerm+1) {
		return
	}
	c.countVote(m.From, voteOf(m))
}

func (c *Core) handleVoteReply(m Message) {
	if c.role != Candidate {
		return
	}
	c.countVote(m.From, voteOf(m))
}

func voteOf(m Message) vote {
	if m.Reject {
		return voteRejected
	}
	return voteGranted
}

func (c *Core) resetVotes() {
	for i := range c.peers {
		c.peers[i].vote = voteUnknown
	}
}

// countVote records a voter's first answer and acts on the result.
func (c *Core) countVote(from NodeID, v vote) {
	p := c.peer(from)
	if p == nil || p.vote != voteUnknown {
		return
	}
	p.vote = v
	granted := func(p *peer) bool { return p.vote == voteGranted }
	rejected := func(p *peer) bool { return p.vote == voteRejected }
	switch c.tally(granted, rejected) {
	case quorum.Won:
		if c.role == PreCandidate {
			c.becomeCandidate(false)
		} else {
			c.becomeLeader()
		}
	case quorum.Lost:
		c.becomeFollower(c.currentTerm, None)
	case quorum.Pending:
	}
}

// becomeLeader begins a term of leadership: nextIndex just after the own log, matchIndex zero (Figure 2),
// and a no-op, since entries of older terms are committed only together with one of the own term (§5.4.2,
// §8).
func (c *Core) becomeLeader() {
	invariant.Check2(c.role == Candidate && c.votedFor == c.cfg.ID, "%v with vote %d won", c.role, c.votedFor)
	c.enter(Leader, c.cfg.ID)
	c.electionElapsed, c.heartbeatElapsed, c.patience = 0, 0, 0
	for i := range c.peers {
		old := &c.peers[i]
		c.peers[i] = peer{Member: old.Member, progress: c.newProgress(), debts: old.debts}
		c.peers[i].progress.Active = old.vote == voteGranted
	}
	c.termStart = c.lastIndex() + 1
	c.appendAsLeader([]Entry{{Term: c.currentTerm, Kind: EntryNoop}})
	c.sendHeartbeats()
}

// heardQuorum reports whether a quorum, this leader included, was heard from since the last call (thesis §6.2). A
// snapshot for a server that was not heard is given up.
func (c *Core) heardQuorum() bool {
	for i := range c.peers {
		p := &c.peers[i]
		if !p.progress.CheckActive() && p.streams() {
			p.progress.FallBack()
			p.progress.Probing = true
		}
	}
	heard := func(p *peer) bool { return p.ID == c.cfg.ID || p.progress.WasActive }
	return c.tally(heard, func(*peer) bool { return false }) == quorum.Won
}
