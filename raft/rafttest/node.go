package rafttest

import "github.com/raftmark/raftmark/raft"

// Node is one server: its core while it is up, and what outlives a crash.
type Node struct {
	id   raft.NodeID
	cfg  raft.Config
	core *raft.Core // nil while down

	disk    disk
	applied raft.Index // of the state machine

	log       chainLog // what the core handed over, durable or not
	persisted raft.WriteID
	reported  raft.WriteID
	applies   []raft.Apply
	fetches   []raft.Fetch
	held      bool
	ready     raft.Ready
	seen      observed
}

// observed is what the checker last saw of a core.
type observed struct {
	role   raft.Role
	term   raft.Term
	commit raft.Index
	last   raft.Index
}

// ID returns the node's name.
func (n *Node) ID() raft.NodeID { return n.id }

// Up reports whether the node runs.
func (n *Node) Up() bool { return n.core != nil }

// Core returns the node's core, nil while it is down.
func (n *Node) Core() *raft.Core { return n.core }

// Writes returns how many writes were handed over and are not durable.
func (n *Node) Writes() int { return len(n.disk.writes) }

// Unreported reports whether a write is durable and the core does not know it yet.
func (n *Node) Unreported() bool { return n.core != nil && n.persisted > n.reported }

// Applies and Fetches return how many of these debts are unpaid.
func (n *Node) Applies() int { return len(n.applies) }
func (n *Node) Fetches() int { return len(n.fetches) }

// Held reports whether Ready is put off.
func (n *Node) Held() bool { return n.held }

// Applied returns the last index that the state machine holds.
func (n *Node) Applied() raft.Index { return n.applied }

// Durable returns the last durable entry.
func (n *Node) Durable() raft.EntryID { return n.disk.log.last() }

// HardState returns the durable hard state.
func (n *Node) HardState() raft.HardState { return n.disk.hard }

// Entries returns the log that the node has handed over, durable or not. It must not be written to.
func (n *Node) Entries() []raft.Entry { return n.log.entries }

// start boots the core from the disk.
func (n *Node) start() error {
	core, err := raft.New(n.cfg, n.disk.boot(n.applied))
	if err != nil {
		return err
	}
	n.core = core
	n.log = n.disk.log.clone()
	n.persisted, n.reported = 0, 0
	n.seen = observed{role: core.Role(), term: core.Term(), commit: core.CommitIndex(), last: core.LastIndex()}
	return nil
}

// stop forgets what a crash forgets.
func (n *Node) stop() {
	n.core = nil
	n.disk.writes = nil
	n.applies, n.fetches = nil, nil
	n.held = false
	n.ready = raft.Ready{}
	n.log = chainLog{}
}
