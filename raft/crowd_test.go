package raft_test

import (
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// crowd is a few lone cores with a network between them that loses nothing but what cut says, and keeps order.
type crowd struct {
	t     *testing.T
	cfg   raft.Config
	ids   []raft.NodeID
	nodes map[raft.NodeID]*lone
	cut   func(m raft.Message) bool // true: the message is lost
	seen  func(m raft.Message)      // when not nil, is told of each message that is sent
}

// newCrowd returns servers that begin with all of them as voters.
func newCrowd(t *testing.T, cfg raft.Config, ids ...raft.NodeID) *crowd {
	t.Helper()
	if cfg.ElectionTicksMin == 0 {
		cfg.ElectionTicksMin = electionTicks
	}
	c := &crowd{t: t, cfg: cfg, nodes: map[raft.NodeID]*lone{}}
	for _, id := range ids {
		c.start(id, ids)
	}
	c.heal()
	return c
}

func (c *crowd) start(id raft.NodeID, voters []raft.NodeID) {
	c.t.Helper()
	cfg := c.cfg
	cfg.ID, cfg.Voters, cfg.Seed = id, voters, uint64(id)
	c.nodes[id] = newLone(c.t, cfg, raft.Boot{})
	c.ids = append(c.ids, id)
}

// join starts a server that knows nobody, and adds it as a learner.
func (c *crowd) join(leader, id raft.NodeID) {
	c.t.Helper()
	c.start(id, []raft.NodeID{})
	c.change(leader, raft.Change{Kind: raft.AddLearner, ID: id})
	c.settle()
}

// change changes the configuration at a leader that must take it.
func (c *crowd) change(leader raft.NodeID, changes ...raft.Change) {
	c.t.Helper()
	if err := c.nodes[leader].core.ChangeConfig(changes); err != nil {
		c.t.Fatalf("%v: %v", changes, err)
	}
}

func (c *crowd) heal() { c.cut = func(raft.Message) bool { return false } }

// isolate cuts servers off from all others, and not from each other.
func (c *crowd) isolate(ids ...raft.NodeID) {
	c.cut = func(m raft.Message) bool { return slices.Contains(ids, m.From) != slices.Contains(ids, m.To) }
}

// settle pays all debts and delivers all messages until nobody has anything to say. Messages that are
// refused are counted by their receivers.
func (c *crowd) settle() {
	c.t.Helper()
	for range 100_000 {
		var sent []raft.Message
		for _, id := range c.ids {
			c.nodes[id].pay()
			sent = append(sent, c.nodes[id].take()...)
		}
		if len(sent) == 0 {
			return
		}
		for _, m := range sent {
			if c.seen != nil {
				c.seen(m)
			}
			if to := c.nodes[m.To]; to != nil && !c.cut(m) {
				_ = to.core.Step(m)
			}
		}
	}
	c.t.Fatal("they never stop talking")
}

// tick lets time pass at the servers named, or at all, and settles after each tick.
func (c *crowd) tick(n int, ids ...raft.NodeID) {
	c.t.Helper()
	if len(ids) == 0 {
		ids = c.ids
	}
	for range n {
		for _, id := range ids {
			c.nodes[id].core.Tick()
		}
		c.settle()
	}
}

// elect makes a server the leader, when all have forgotten the one before.
func (c *crowd) elect(id raft.NodeID) *raft.Core {
	c.t.Helper()
	core := c.nodes[id].core
	for range 50 {
		if core.Role() == raft.Leader {
			return core
		}
		for _, other := range c.ids { // up to where they would help, and no farther
			for range electionTicks {
				if o := c.nodes[other].core; other != id && o.Role() == raft.Follower && o.Leader() != raft.None {
					o.Tick()
				}
			}
		}
		role := core.Role()
		for range 2*electionTicks + 1 {
			if core.Role() == role {
				core.Tick()
			}
		}
		c.settle()
	}
	c.t.Fatalf("server %d is %v in term %d, want a leader", id, core.Role(), core.Term())
	return nil
}

// propose gives commands to a leader that must take them.
func (c *crowd) propose(leader raft.NodeID, n int) {
	c.t.Helper()
	if got := c.nodes[leader].core.Propose(commands(n, 1)); got != n {
		c.t.Fatalf("server %d took %d of %d commands", leader, got, n)
	}
}

func (c *crowd) core(id raft.NodeID) *raft.Core { return c.nodes[id].core }

// configuration returns the one that counts at a server, in words.
func (c *crowd) configuration(id raft.NodeID) string {
	configuration, _ := c.core(id).Configuration()
	return configuration.String()
}

// sameLogs fails unless the servers hold the same log, all of it committed.
func (c *crowd) sameLogs(ids ...raft.NodeID) {
	c.t.Helper()
	for _, id := range ids {
		l, first := c.nodes[id], c.nodes[ids[0]]
		last := first.core.LastIndex()
		if l.core.LastIndex() != last || l.core.CommitIndex() != last || l.applied != last ||
			l.id(last) != first.id(last) {
			c.t.Errorf("server %d has %+v; want all of the log of %d, up to %d", id, l.core.Status(), ids[0], last)
		}
	}
}
