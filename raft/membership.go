package raft

import (
	"fmt"
	"slices"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft/progress"
	"github.com/raftmark/raftmark/raft/quorum"
)

// ChangeConfig appends a configuration with the changes made to the present one (§6, thesis §4). The configuration
// counts from the moment that it is in the log, at each server, and no longer when it is truncated. One that changes
// several voters is joint: when it is committed, this leader, or its successor, appends the final one.
//
// It returns an error, and does nothing, when this server does not lead ([ErrNotLeader]) or hands leadership over
// ([ErrTransferring]); before an entry of this term is committed ([ErrTermNotCommitted]: otherwise two leaders can
// commit disjoint changes); while another change is not committed ([ErrChangePending]); when a learner to be promoted
// lags ([ErrNotCaughtUp]) or the voters that would be left are not heard ([ErrNoQuorum]); and as [Configuration.With].
func (c *Core) ChangeConfig(changes []Change) error {
	switch now := c.configurationAt(); {
	case c.role != Leader:
		return fmt.Errorf("change the configuration: %w", ErrNotLeader)
	case c.transfer.active():
		return fmt.Errorf("change the configuration: %w", ErrTransferring)
	case !c.TermCommitted():
		return fmt.Errorf("change the configuration: %w", ErrTermNotCommitted)
	case now.Index > c.commitIndex || now.Configuration.Joint():
		return fmt.Errorf("change the configuration: %w: %v", ErrChangePending, now.Configuration)
	}
	next, err := c.configuration().With(changes)
	if err == nil {
		err = c.vetChange(changes, next)
	}
	if err != nil {
		return fmt.Errorf("change the configuration: %w", err)
	}
	c.appendAsLeader([]Entry{{Term: c.currentTerm, Kind: EntryConfig, Data: next.AppendTo(nil)}})
	c.check()
	return nil
}

// vetChange refuses what would stop the cluster from committing.
func (c *Core) vetChange(changes []Change, next Configuration) error {
	for _, change := range changes {
		if change.Kind != Promote {
			continue
		}
		p := c.peer(change.ID)
		if !c.hears(p) {
			return fmt.Errorf("%w: server %d cannot be heard", ErrNotCaughtUp, change.ID)
		}
		if p.progress.State != progress.Replicate {
			return fmt.Errorf("%w: where the log of server %d agrees is not known yet", ErrNotCaughtUp, change.ID)
		}
		if lag := c.lastIndex() - Index(p.progress.Match); lag > Index(c.cfg.PromoteLagMax) {
			return fmt.Errorf("%w: server %d matches up to %d of %d; want at most %d behind",
				ErrNotCaughtUp, change.ID, p.progress.Match, c.lastIndex(), c.cfg.PromoteLagMax)
		}
	}
	heard, voters := 0, 0
	for i := range next.Members {
		if !next.Members[i].Voter {
			continue
		}
		voters++
		if p := c.peer(next.Members[i].ID); p != nil && c.hears(p) {
			heard++
		}
	}
	if quorum.Tally(heard, 0, voters) != quorum.Won {
		return fmt.Errorf("%w: %d of %d, with %v", ErrNoQuorum, heard, voters, next.Left())
	}
	return nil
}

// hears reports whether this leader heard a member lately, or is it.
func (c *Core) hears(p *peer) bool { return p.ID == c.cfg.ID || p.progress.RecentlyActive() }

// bootConfigurations sets the configurations that the log knows.
func (c *Core) bootConfigurations(boot Boot) {
	base := ConfigurationAt{Index: boot.Log.ConfigurationIndex, Configuration: boot.Log.Configuration}
	if base.Configuration.IsZero() {
		base = ConfigurationAt{Configuration: c.cfg.Bootstrap}
	}
	c.configurations = append([]ConfigurationAt{base}, boot.Configurations...)
	c.adoptConfiguration()
}

func (c *Core) configurationAt() *ConfigurationAt { return &c.configurations[len(c.configurations)-1] }

// configuration is the one that counts: the latest in the log, committed or not (§6).
func (c *Core) configuration() Configuration { return c.configurationAt().Configuration }

// committedConfiguration is the latest one that is known to be committed.
func (c *Core) committedConfiguration() Configuration {
	i := len(c.configurations) - 1
	for i > 0 && c.configurations[i].Index > c.commitIndex {
		i--
	}
	return c.configurations[i].Configuration
}

// appendConfiguration takes a configuration that was appended to the log.
func (c *Core) appendConfiguration(index Index, data []byte) {
	configuration, err := DecodeConfiguration(data)
	invariant.Check2(err == nil, "entry %d: %v", index, err) // vetSpan has looked
	c.configurations = append(c.configurations, ConfigurationAt{Index: index, Configuration: configuration})
	c.adoptConfiguration()
}

// truncateConfigurations rolls back to what the log up to index says.
func (c *Core) truncateConfigurations(index Index) {
	n := len(c.configurations)
	for n > 1 && c.configurations[n-1].Index > index {
		n--
	}
	if n < len(c.configurations) {
		c.configurations = slices.Delete(c.configurations, n, len(c.configurations))
		c.adoptConfiguration()
	}
}

// adoptConfiguration makes peers of the members, and keeps what is known of those that stay.
func (c *Core) adoptConfiguration() {
	members := c.configuration().Members
	peers := make([]peer, 0, len(members))
	for _, m := range members {
		if old := c.peer(m.ID); old != nil {
			old.Member = m
			peers = append(peers, *old)
			continue
		}
		p := peer{Member: m, progress: c.newProgress()}
		p.progress.Active = c.role == Leader && m.counts() // as good as any voter's, until the next check
		peers = append(peers, p)
	}
	c.peers = peers
}

// newProgress is what a leader knows of a server at the begin of its term, or when it is added.
func (c *Core) newProgress() progress.Progress {
	p := progress.New(uint64(c.lastIndex()), c.cfg.InflightMessagesMax, c.cfg.InflightBytesMax)
	if c.cfg.AdaptiveWindow {
		p.Window.MakeAdaptive()
	}
	return p
}

// promotable reports whether leadership may be handed to this server, or stay with it: its vote counts somewhere.
func (c *Core) promotable() bool { return c.configuration().IsVoter(c.cfg.ID) }

// electable reports whether this server may stand for election: its vote counts, or does until a change is committed
// that only it may be able to commit (thesis §4.2.2). Where it does not count, it does not count for itself either.
func (c *Core) electable() bool {
	return !c.recovering() && (c.promotable() ||
		c.configurationAt().Index > c.commitIndex && c.committedConfiguration().IsVoter(c.cfg.ID))
}

// tally counts votes in the configuration: by the majority of it, or by both majorities of a joint one (§6).
func (c *Core) tally(granted, rejected func(*peer) bool) quorum.Result {
	count := func(counts func(*peer) bool) quorum.Result {
		yes, no, voters := 0, 0, 0
		for i := range c.peers {
			p := &c.peers[i]
			if !counts(p) {
				continue
			}
			voters++
			switch {
			case granted(p):
				yes++
			case rejected(p):
				no++
			}
		}
		return quorum.Tally(yes, no, voters)
	}
	return quorum.Joint(count(func(p *peer) bool { return p.Outgoing }), count(func(p *peer) bool { return p.Voter }))
}

// reached returns the largest position that a quorum has reached, or both quorums of a joint configuration.
func (c *Core) reached(position func(*Core, *peer) uint64) uint64 {
	var newBuf, oldBuf [16]uint64
	next, old := newBuf[:0], oldBuf[:0]
	for i := range c.peers {
		p := &c.peers[i]
		if p.Voter {
			next = append(next, position(c, p))
		}
		if p.Outgoing {
			old = append(old, position(c, p))
		}
	}
	return quorum.JointCommitted(quorum.Committed(old), quorum.Committed(next))
}

// followChange does what a committed configuration asks of its leader: leave a joint one (§6), and go when it is not
// in the final one (thesis §4.2.2).
func (c *Core) followChange() {
	now := c.configurationAt()
	if now.Index > c.commitIndex || !c.TermCommitted() {
		return
	}
	switch {
	case now.Configuration.Joint():
		if !c.transfer.active() {
			next := now.Configuration.Left()
			c.appendAsLeader([]Entry{{Term: c.currentTerm, Kind: EntryConfig, Data: next.AppendTo(nil)}})
		}
	case !c.promotable() && !c.transfer.active():
		c.leave()
	}
}

// retired reports whether the committed configuration says that this server's vote does not count.
func (c *Core) retired() bool {
	return c.configurationAt().Index <= c.commitIndex && !c.configuration().Joint() && !c.promotable()
}
