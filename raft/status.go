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
	FirstIndex    Index // the log begins after it
	LastIndex     Index
	DurableIndex  Index
	Recover       EntryID // see HardState.Recover
	CommitIndex   Index
	LastApplied   Index
	TailEntries   int // in memory
	TailBytes     int
	Dropped       uint64 // messages that no correct server sends
	// Configuration is the one that counts, from the entry at ConfigurationIndex; committed when that is.
	Configuration      Configuration
	ConfigurationIndex Index
	// Committed is the latest configuration that is known to be committed.
	Committed  Configuration
	TransferTo NodeID       // a leader hands leadership over
	Peers      []PeerStatus // what a leader knows of the others; nil at others
}

// PeerStatus is what a leader knows of one server.
type PeerStatus struct {
	ID               NodeID
	State            string
	Match, Next      Index
	InflightMessages int
	InflightBytes    int
	Active           bool
	Learner          bool
	Lost             bool   // it does not have what it acknowledged: its disk was replaced
	SnapshotBytes    uint64 // stored of the snapshot that is being sent
}

// ID, Role, Leader, Term and the indexes, one by one, for drivers that look at them after every step.
func (c *Core) ID() NodeID         { return c.cfg.ID }
func (c *Core) Role() Role         { return c.role }
func (c *Core) Leader() NodeID     { return c.leader }
func (c *Core) Term() Term         { return c.currentTerm }
func (c *Core) CommitIndex() Index { return c.commitIndex }
func (c *Core) LastIndex() Index   { return c.lastIndex() }

func (c *Core) FirstIndex() Index { return c.first.Index }

// Configuration returns the configuration that counts, and the index of the entry that brought it.
func (c *Core) Configuration() (Configuration, Index) {
	return c.configuration(), c.configurationAt().Index
}

// TransferTo returns whom this leader hands leadership to, or None.
func (c *Core) TransferTo() NodeID { return c.transfer.to }

// TermCommitted reports whether this server leads and has committed an entry of its term.
func (c *Core) TermCommitted() bool { return c.role == Leader && c.commitIndex >= c.termStart }

// Status returns a snapshot.
func (c *Core) Status() Status {
	s := Status{
		ID: c.cfg.ID, Term: c.currentTerm, Vote: c.votedFor, Role: c.role, Leader: c.leader,
		TermCommitted: c.TermCommitted(), FirstIndex: c.first.Index, LastIndex: c.lastIndex(), DurableIndex: c.disk.durable,
		CommitIndex: c.commitIndex, LastApplied: c.lastApplied,
		TailEntries: len(c.tail.entries), TailBytes: c.tail.bytes, Dropped: c.dropped,
		Configuration: c.configuration(), ConfigurationIndex: c.configurationAt().Index,
		Committed: c.committedConfiguration(), TransferTo: c.transfer.to, Recover: c.recovery.lost,
	}
	if c.role != Leader {
		return s
	}
	for i := range c.peers {
		p := &c.peers[i]
		if p.ID == c.cfg.ID {
			continue
		}
		s.Peers = append(s.Peers, PeerStatus{
			ID: p.ID, State: p.progress.State.String(), Match: Index(p.progress.Match), Next: Index(p.progress.Next),
			InflightMessages: p.progress.Window.Len(), InflightBytes: p.progress.Window.Bytes(),
			Active:  p.progress.RecentlyActive(),
			Learner: !p.counts(), Lost: p.lost, SnapshotBytes: p.stream.stored,
		})
	}
	return s
}
