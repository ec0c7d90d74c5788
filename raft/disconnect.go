package raft

// disconnect is a broken connection to the leader that this server takes for the end of it
// ([Config.DisconnectHints]).
//
// The connections of a process that dies end at once, an election timeout before anybody would miss its heartbeats.
// That is no proof: connections break for other reasons. So nothing follows from it but a pre-vote (thesis §9.6),
// which others grant only if they have lost the leader too, by a hint of their own or by their timeouts; whoever
// still hears it refuses, as ever. Without a majority that lost the leader no term changes.
//
// Followers are told nearly at the same moment, and would split the votes. So one that asks already grants a pre-vote
// to whoever is before it (the log farther, then the higher priority, then the higher ID), and gives way; to the
// others it refuses, and asks them again, if they refused before: now it knows that the leader is lost to them too.
type disconnect struct {
	ticks int  // for so many it goes on asking: others may hear of it a little later
	wait  int  // of these, before it asks (again)
	term  Term // in which it counts
}

const (
	// disconnectHeartbeats is for how many times the time between two heartbeats a hint counts. A leader that lives is
	// heard in that time; and one that was not heard for as long before is lost already, or hangs, and the timeouts
	// decide.
	disconnectHeartbeats = 2
	// giveWayTicks is how long a server that gave way waits for whom it gave way to.
	giveWayTicks = 2
)

// Disconnected tells a follower that its connections to a server broke, as they do when a process ends. It is a hint:
// without [Config.DisconnectHints], or about another server than the leader, it means nothing.
func (c *Core) Disconnected(id NodeID) {
	lasts := min(disconnectHeartbeats*c.cfg.HeartbeatTicks, c.cfg.ElectionTicksMin)
	if !c.cfg.DisconnectHints || c.role != Follower || id == None || c.leader != id || c.electionElapsed >= lasts {
		return
	}
	c.enter(Follower, None) // the election timer goes on
	c.disconnect = disconnect{ticks: lasts, wait: c.higherPriorities(), term: c.currentTerm}
	if c.disconnect.wait == 0 {
		c.askForPreVotes()
	}
	c.check()
}

// disconnected reports whether this server knows by a broken connection that it has no leader.
func (c *Core) disconnected() bool {
	return c.disconnect.ticks > 0 && c.disconnect.term == c.currentTerm && c.leader == None &&
		(c.role == Follower || c.role == PreCandidate)
}

// tickDisconnected asks again, as long as the hint counts.
func (c *Core) tickDisconnected() {
	if !c.disconnected() {
		return
	}
	c.disconnect.ticks--
	if c.disconnect.wait > 0 {
		c.disconnect.wait--
	}
	if c.disconnect.wait == 0 {
		c.askForPreVotes()
	}
}

// preVoteRace settles who of two servers that both lost the leader goes first, when one asks the other: true says that
// this one refuses.
func (c *Core) preVoteRace(m Message) bool {
	if !c.disconnected() || !c.electable() {
		return false
	}
	if !c.goesBefore(m) {
		c.disconnect.wait = giveWayTicks
		if c.role == PreCandidate {
			c.enter(Follower, None)
		}
		return false
	}
	if c.role == Follower || c.peer(m.From).vote == voteRejected {
		c.disconnect.wait = 0
		c.askForPreVotes()
	}
	return true
}

// goesBefore reports whether this server stands before the sender of m, whose log is at least as up-to-date.
func (c *Core) goesBefore(m Message) bool {
	own, other := c.peer(c.cfg.ID), c.peer(m.From)
	switch {
	case c.tail.last() != m.Last || own == nil || other == nil:
		return false
	case own.Priority != other.Priority:
		return own.Priority > other.Priority
	default:
		return own.ID > other.ID
	}
}
