package raft

import (
	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft/progress"
	"github.com/raftmark/raftmark/raft/quorum"
)

// becomeFollower follows leader, or nobody yet, in term. The vote is kept within a term: a server that
// steps down must not vote again (§5.2).
func (c *Core) becomeFollower(term Term, leader NodeID) {
	invariant.Check2(term >= c.currentTerm, "term from %d back to %d", c.currentTerm, term)
	if term > c.currentTerm {
		c.currentTerm, c.votedFor = term, None
	}
	c.role, c.leader = Follower, leader
	c.resetElectionTimer()
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
}

// hearsLeader reports whether this server has heard from a leader within the minimum election timeout, or is
// one itself: then it helps nobody to an election (thesis §4.2.3).
func (c *Core) hearsLeader() bool {
	return !c.cfg.NoCheckQuorum && c.leader != None && c.electionElapsed < c.cfg.ElectionTicksMin
}

// campaign is what the election timeout leads to: first ask (pre-vote), then stand.
func (c *Core) campaign() {
	if c.cfg.NoPreVote {
		c.becomeCandidate()
	} else {
		c.becomePreCandidate()
	}
}

func (c *Core) becomePreCandidate() {
	c.role, c.leader = PreCandidate, None
	c.resetElectionTimer()
	c.resetVotes()
	c.requestVotes(Message{Kind: MsgPreVote, Term: c.currentTerm + 1, Last: c.tail.last()}, c.send)
	c.countVote(c.cfg.ID, voteGranted) // promises nothing, so no disk is waited for
}

// becomeCandidate starts an election: increment the term, vote for oneself, reset the timer, send
// RequestVote to all others (Figure 2).
//
// Differs from §5.2: the requests leave, and the own vote counts, only when term, vote and log are durable.
// Otherwise a candidate that crashes could forget that it stood, and collect the votes with a shorter log.
func (c *Core) becomeCandidate() {
	c.currentTerm++
	c.role, c.leader, c.votedFor = Candidate, None, c.cfg.ID
	c.resetElectionTimer()
	c.resetVotes()
	c.requestVotes(Message{Kind: MsgVote, Last: c.tail.last()}, func(to NodeID, m Message) {
		c.reply(Message{From: to}, m)
	})
}

func (c *Core) requestVotes(m Message, send func(NodeID, Message)) {
	for i := range c.peers {
		if id := c.peers[i].id; id != c.cfg.ID {
			send(id, m)
		}
	}
}

// ownVoteDurable reports whether term and vote of this candidate, and the log that it stands with, are durable.
func (c *Core) ownVoteDurable() bool {
	return c.disk.idle() && !c.disk.owes(c.currentTerm, c.votedFor)
}

// handlePreVote answers whether this server would vote for the sender (thesis §9.6). Its term and vote do
// not change.
func (c *Core) handlePreVote(m Message) {
	if c.hearsLeader() || m.Term <= c.currentTerm || !m.Last.UpToDate(c.tail.last()) {
		c.reply(m, Message{Kind: MsgPreVoteReply, Reject: true})
		return
	}
	c.reply(m, Message{Kind: MsgPreVoteReply, Term: m.Term})
}

// handleVote is RequestVote's receiver (Figure 2): one vote a term, first come first served, and only for a
// log that is at least as up-to-date as this one (§5.4.1).
func (c *Core) handleVote(m Message) {
	free := c.votedFor == m.From || (c.votedFor == None && c.leader == None)
	if !free || !m.Last.UpToDate(c.tail.last()) {
		c.reply(m, Message{Kind: MsgVoteReply, Reject: true})
		return
	}
	c.votedFor = m.From
	c.electionElapsed = 0
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
	if p.vote != voteUnknown {
		return
	}
	p.vote = v
	granted, rejected := 0, 0
	for i := range c.peers {
		switch c.peers[i].vote {
		case voteGranted:
			granted++
		case voteRejected:
			rejected++
		case voteUnknown:
		}
	}
	switch quorum.Tally(granted, rejected, len(c.peers)) {
	case quorum.Won:
		if c.role == PreCandidate {
			c.becomeCandidate()
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
	c.role, c.leader = Leader, c.cfg.ID
	c.electionElapsed, c.heartbeatElapsed = 0, 0
	last := c.lastIndex()
	for i := range c.peers {
		p := &c.peers[i]
		p.progress = progress.New(uint64(last), c.cfg.InflightMessagesMax, c.cfg.InflightBytesMax)
		p.progress.Active = p.vote == voteGranted
	}
	c.termStart = last + 1
	c.appendAsLeader([]Entry{{Term: c.currentTerm, Kind: EntryNoop}})
	c.sendHeartbeats()
}

// heardQuorum reports whether a majority, this leader included, was heard from since the last call (thesis
// §6.2).
func (c *Core) heardQuorum() bool {
	heard := 0
	for i := range c.peers {
		p := &c.peers[i]
		if p.id == c.cfg.ID || p.progress.Active {
			heard++
		}
		p.progress.Active = false
	}
	return quorum.Tally(heard, 0, len(c.peers)) == quorum.Won
}
