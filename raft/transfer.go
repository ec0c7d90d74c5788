package raft

import "fmt"

// transfer is a leadership transfer under way (thesis §3.10).
type transfer struct {
	to       NodeID // None: no transfer
	ticks    int    // left, before it is given up
	sent     bool   // TimeoutNow
	everSent bool   // in this term: then no lease is to be trusted any more
}

func (t *transfer) active() bool { return t.to != None }

// Transfer hands leadership to a voter (thesis §3.10), or to the one that is best prepared when to is None.
// Proposals are refused from now on; when the log of the other is complete, it is told to campaign at once.
// After an election timeout (the minimum) without a new leader, this one goes on leading.
//
// It returns an error, and does nothing, when this server does not lead ([ErrNotLeader]), a transfer is
// under way ([ErrTransferring]), or to is not a member ([ErrNotMember]), has no vote or leads already
// ([ErrNotVoter]), or no voter can be heard ([ErrNoQuorum]).
func (c *Core) Transfer(to NodeID) error {
	if err := c.vetTransfer(to); err != nil {
		return fmt.Errorf("transfer leadership to %d: %w", to, err)
	}
	if to == None {
		if to = c.bestSuccessor(); to == None {
			return fmt.Errorf("transfer leadership: %w", ErrNoQuorum)
		}
	}
	c.beginTransfer(to)
	c.check()
	return nil
}

func (c *Core) vetTransfer(to NodeID) error {
	switch p := c.peer(to); {
	case c.role != Leader:
		return ErrNotLeader
	case c.transfer.active():
		return fmt.Errorf("%w to %d", ErrTransferring, c.transfer.to)
	case to == None:
		return nil
	case p == nil:
		return fmt.Errorf("%w: the members are %v", ErrNotMember, c.configuration())
	case to == c.cfg.ID:
		return fmt.Errorf("%w: it leads already", ErrNotVoter)
	case !p.counts():
		return fmt.Errorf("%w: the members are %v", ErrNotVoter, c.configuration())
	case !c.hears(p) || p.lost:
		return fmt.Errorf("%w: it cannot be heard", ErrNoQuorum)
	}
	return nil
}

// bestSuccessor returns the voter that is best prepared: of those whose log is close to the end the one
// with the highest priority, and of these, or when there is none, the one whose log matches farthest.
func (c *Core) bestSuccessor() NodeID {
	var best *peer
	for i := range c.peers {
		p := &c.peers[i]
		if p.ID == c.cfg.ID || !p.counts() || !c.hears(p) || p.lost {
			continue
		}
		if best == nil || c.betterPrepared(p, best) {
			best = p
		}
	}
	if best == nil {
		return None
	}
	return best.ID
}

func (c *Core) betterPrepared(p, other *peer) bool {
	near := func(p *peer) bool { return c.lastIndex()-Index(p.progress.Match) <= Index(c.cfg.PromoteLagMax) }
	switch {
	case near(p) != near(other):
		return near(p)
	case near(p) && p.Priority != other.Priority:
		return p.Priority > other.Priority
	default:
		return p.progress.Match > other.progress.Match
	}
}

func (c *Core) beginTransfer(to NodeID) {
	c.transfer.to, c.transfer.ticks, c.transfer.sent = to, c.cfg.ElectionTicksMin, false
	c.advanceTransfer()
}

// advanceTransfer tells the successor to campaign as soon as its log is complete. A leader that was removed
// first sees all of its log committed: nobody will tell it afterwards what became of the rest.
func (c *Core) advanceTransfer() {
	t := &c.transfer
	if !t.active() || t.sent {
		return
	}
	p := c.peer(t.to)
	if p == nil || Index(p.progress.Match) < c.lastIndex() || (c.retired() && c.commitIndex < c.lastIndex()) {
		return
	}
	t.sent, t.everSent = true, true
	c.send(t.to, Message{Kind: MsgTimeoutNow})
	if c.retired() {
		c.becomeFollower(c.currentTerm, None)
	}
}

// tickTransfer gives a transfer up that took too long, and goes on leading.
func (c *Core) tickTransfer() {
	t := &c.transfer
	if !t.active() {
		return
	}
	if t.ticks--; t.ticks > 0 {
		return
	}
	t.to = None
	if c.retired() {
		c.becomeFollower(c.currentTerm, None)
	} else {
		c.followChange()
	}
}

// leave hands over and steps down: the committed configuration is without this leader (thesis §4.2.2).
func (c *Core) leave() {
	to := c.bestSuccessor()
	if to == None {
		c.becomeFollower(c.currentTerm, None)
		return
	}
	c.beginTransfer(to)
}

// handleTimeoutNow campaigns at once, without asking first: the leader itself wants it (thesis §3.10).
func (c *Core) handleTimeoutNow(m Message) {
	if c.role == Follower && c.leader == m.From && c.promotable() && !c.recovering() {
		c.becomeCandidate(true)
	}
}
