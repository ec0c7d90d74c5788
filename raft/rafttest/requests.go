package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Propose gives commands to a node and returns how many it took.
func (c *Cluster) Propose(id raft.NodeID, commands ...string) int {
	n := c.Node(id)
	if n.core == nil {
		return 0
	}
	entries := make([]raft.Entry, 0, len(commands))
	for _, command := range commands {
		entries = append(entries, raft.Entry{Data: []byte(command)})
	}
	taken := n.core.Propose(entries)
	c.tracef("%d  takes %d of %d commands", id, taken, len(commands))
	c.after(n)
	return taken
}

// Change asks a node to change the configuration.
func (c *Cluster) Change(id raft.NodeID, changes ...raft.Change) error {
	n := c.Node(id)
	if n.core == nil {
		return fmt.Errorf("%d is down: %w", id, raft.ErrNotLeader)
	}
	err := n.core.ChangeConfig(changes)
	if err != nil {
		c.tracef("%d  refuses: %v", id, err)
	} else {
		configuration, index := n.core.Configuration()
		c.tracef("%d  takes the change: %v at %d", id, configuration, index)
	}
	c.after(n)
	return err
}

// Transfer asks a node to hand leadership to another one; None is the one that is best prepared.
func (c *Cluster) Transfer(id, to raft.NodeID) error {
	n := c.Node(id)
	if n.core == nil {
		return fmt.Errorf("%d is down: %w", id, raft.ErrNotLeader)
	}
	err := n.core.Transfer(to)
	if err != nil {
		c.tracef("%d  refuses: %v", id, err)
	} else {
		c.tracef("%d  hands leadership over", id)
	}
	c.after(n)
	return err
}

// Read asks a node for an index to read at, and returns the token that the answer will name.
func (c *Cluster) Read(id raft.NodeID) uint64 {
	n := c.Node(id)
	if n.core == nil {
		return 0
	}
	c.tokens++
	c.tracef("%d  is asked for read %d", id, c.tokens)
	c.checker.asked(n, c.tokens)
	n.core.ReadIndex(c.tokens)
	c.after(n)
	return c.tokens
}

// SafeReads returns how many reads were answered with an index.
func (c *Cluster) SafeReads() int { return c.checker.safeReads }

// SetClock tells a node's core the time.
func (c *Cluster) SetClock(id raft.NodeID, nanos int64) {
	if n := c.Node(id); n.core != nil {
		n.core.SetClock(nanos)
	}
}

// StepDown has a leader step down, as a driver does whose disk hangs.
func (c *Cluster) StepDown(id raft.NodeID) {
	if n := c.Node(id); n.core != nil {
		n.core.StepDown()
		c.after(n)
	}
}

// Disconnected tells a node that its connections to another broke.
func (c *Cluster) Disconnected(id, from raft.NodeID) {
	if n := c.Node(id); n.core != nil {
		c.tracef("%d  is disconnected from %d", id, from)
		n.core.Disconnected(from)
		c.after(n)
	}
}

// takeReads traces the answers of a Ready.
func (c *Cluster) takeReads(n *Node, reads []raft.Read) {
	for _, r := range reads {
		c.checker.answered(n, r)
		if r.Err != nil {
			c.tracef("%d  read %d fails: %v", n.id, r.Token, r.Err)
		} else {
			c.tracef("%d  read %d is safe once %d is applied", n.id, r.Token, r.Index)
		}
	}
}
