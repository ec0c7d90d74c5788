package raft

// Status is a snapshot of a core.
type Status struct {
	ID     NodeID
	Term   Term
	Vote   NodeID
	Role   Role
	Leader NodeID // None when unknown
	// TermCommitted says that this server leads and the no-op of its term is committed: it can answer clients.
	TermCommitted bool
	LastIndex     Index
	DurableIndex  Index
	CommitIndex   Index
	LastApplied   Index
	TailEntries   int // in memory
	TailBytes     int
	Dropped       uint64       // messages that no correct server sends
	Peers         []PeerStatus // what a leader knows of the others; nil at others
}

// PeerStatus is what a leader knows of one server.
type PeerStatus struct {
	ID               NodeID
	State            string
	Match, Next      Index
	InflightMessages int
	InflightBytes    int
	Active           bool
}

// Role, Leader, Term and the indexes, one by one, for drivers that look at them after every step.
func (c *Core) Role() Role         { return c.role }
func (c *Core) Leader() NodeID     { return c.leader }
func (c *Core) Term() Term         { return c.currentTerm }
func (c *Core) CommitIndex() Index { return c.commitIndex }
func (c *Core) LastIndex() Index   { return c.lastIndex() }

// TermCommitted reports whether this server leads and has committed an entry of its term.
func (c *Core) TermCommitted() bool { return c.role == Leader && c.commitIndex >= c.termStart }

// Status returns a snapshot.
func (c *Core) Status() Status {
	s := Status{
		ID: c.cfg.ID, Term: c.currentTerm, Vote: c.votedFor, Role: c.role, Leader: c.leader,
		TermCommitted: c.TermCommitted(), LastIndex: c.lastIndex(), DurableIndex: c.disk.durable,
		CommitIndex: c.commitIndex, LastApplied: c.lastApplied,
		TailEntries: len(c.tail.entries), TailBytes: c.tail.bytes, Dropped: c.dropped,
	}
	if c.role != Leader {
		return s
	}
	for i := range c.peers {
		p := &c.peers[i]
		if p.id == c.cfg.ID {
			continue
		}
		s.Peers = append(s.Peers, PeerStatus{
			ID: p.id, State: p.progress.State.String(), Match: Index(p.progress.Match), Next: Index(p.progress.Next),
			InflightMessages: p.progress.Window.Len(), InflightBytes: p.progress.Window.Bytes(), Active: p.progress.Active,
		})
	}
	return s
}
