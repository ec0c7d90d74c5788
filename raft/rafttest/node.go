package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Node is one server: its core while it is up, and what outlives a crash.
type Node struct {
	id     raft.NodeID
	cfg    raft.Config
	core   *raft.Core // nil while down
	starts uint64
	wiped  bool       // it lost its disk once: what it promised before is void
	had    []chainLog // on its disk, before it lost the end of its log

	disk    disk
	machine state
	durable state // of the machine: no crash takes it below
	store   store

	log       chainLog // what the core handed over, durable or not
	persisted raft.WriteID
	reported  raft.WriteID
	jobs      []job
	fetches   []raft.Fetch
	reading   []raft.ReadChunk
	storing   []raft.StoreChunk
	discard   *received // to be discarded: it is installed
	held      bool
	merged    bool // several calls came before the Ready at hand
	ready     raft.Ready
	seen      observed
}

// job is what the state machine is owed: entries, or a snapshot in the place of all that it holds.
type job struct {
	apply   raft.Apply
	restore *raft.Snapshot
}

// observed is what the checker last saw of a core.
type observed struct {
	role   raft.Role
	term   raft.Term
	commit raft.Index
	last   raft.Index
}

// newNode returns a node that is down, with what the options say on its disk.
func newNode(id raft.NodeID, o Options, voters []raft.NodeID) (*Node, error) {
	cfg := o.Config
	cfg.ID = id
	if int(id) <= len(voters) {
		cfg.Voters = voters
	}
	n := &Node{id: id, cfg: cfg.WithDefaults()}
	n.format()
	n.disk.hard = o.Disks[id].HardState
	if err := n.disk.log.store(o.Disks[id].span()); err != nil {
		return nil, fmt.Errorf("fill the disk of node %d: %w", id, err)
	}
	if n.disk.hard.Commit > n.disk.log.lastIndex() {
		return nil, fmt.Errorf("fill the disk of node %d: commit %d, but its log ends at %v",
			id, n.disk.hard.Commit, n.disk.log.last())
	}
	for _, e := range n.disk.log.entries[:n.disk.hard.Commit] {
		n.machine.apply(e)
	}
	return n, nil
}

// format empties the disk.
func (n *Node) format() {
	n.disk = disk{log: chainLog{configurations: []raft.ConfigurationAt{{Configuration: n.cfg.Bootstrap}}}}
	n.machine, n.durable, n.store = state{}, state{}, store{}
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

// Applies returns how many debts of entries to apply can be paid now.
func (n *Node) Applies() int {
	count := 0
	for count < len(n.jobs) && n.jobs[count].restore == nil {
		count++
	}
	return count
}

// Fetches, ChunksToRead and ChunksToStore return how many of these debts are unpaid.
func (n *Node) Fetches() int       { return len(n.fetches) }
func (n *Node) ChunksToRead() int  { return len(n.reading) }
func (n *Node) ChunksToStore() int { return len(n.storing) }

// Installs reports whether the next step of an install can be done.
func (n *Node) Installs() bool {
	return n.discard != nil || (len(n.jobs) > 0 && n.jobs[0].restore != nil &&
		n.disk.log.first.Index >= n.jobs[0].restore.Last.Index)
}

// Held reports whether Ready is put off.
func (n *Node) Held() bool { return n.held }

// Applied returns the last index that the state machine holds.
func (n *Node) Applied() raft.Index { return n.machine.applied }

// recovering reports whether the node lost the end of its log, and has not caught up since.
func (n *Node) recovering() bool { return n.disk.hard.Recover != raft.EntryID{} }

// holdsOrDid reports whether the log up to index is durable here, or was, before the node lost the end of its log: the
// leader counts that until it hears of the loss. Such a node grants no vote meanwhile.
func (n *Node) holdsOrDid(index raft.Index, sum uint64) bool {
	if has(&n.disk.log, index, sum) {
		return true
	}
	for i := range n.had {
		if n.recovering() && has(&n.had[i], index, sum) {
			return true
		}
	}
	return false
}

// Durable returns the last durable entry.
func (n *Node) Durable() raft.EntryID { return n.disk.log.last() }

// HardState returns the durable hard state.
func (n *Node) HardState() raft.HardState { return n.disk.hard }

// First returns the entry that the log begins after.
func (n *Node) First() raft.EntryID { return n.log.first }

// Entries returns the log after First that the node has handed over, durable or not. It must not be written to.
func (n *Node) Entries() []raft.Entry { return n.log.entries }

// start boots the core from the disk.
func (n *Node) start() error {
	cfg := n.cfg
	cfg.Incarnation = n.starts
	core, err := raft.New(cfg, n.disk.boot(n.machine.applied))
	if err != nil {
		return err
	}
	n.starts++
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
	n.jobs, n.fetches, n.reading, n.storing = nil, nil, nil, nil
	n.discard = nil
	n.store.crash()
	n.held, n.merged = false, false
	n.ready = raft.Ready{}
	n.log = chainLog{}
}
