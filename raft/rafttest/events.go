package rafttest

import "github.com/raftmark/raftmark/raft"

// Tick advances a node's time by one tick. A node that is down has no time.
func (c *Cluster) Tick(id raft.NodeID) {
	if n := c.Node(id); n.core != nil {
		n.core.Tick()
		c.after(n)
	}
}

// Timeout ticks a node until its election timeout has passed and it campaigns.
func (c *Cluster) Timeout(id raft.NodeID) {
	n := c.Node(id)
	if n.core == nil || n.core.Role() == raft.Leader {
		return
	}
	c.tracef("%d  election timeout", id)
	asked, term := c.checker.campaigns[id], n.core.Term()
	for range n.cfg.ElectionTicksMax + 1 {
		if c.checker.campaigns[id] != asked || n.core.Term() != term {
			return
		}
		c.Tick(id)
	}
}

// Persist makes the oldest count writes of a node durable and sends what waited for them. The core hears of
// it at the next Report.
func (c *Cluster) Persist(id raft.NodeID, count int) {
	n := c.Node(id)
	for range min(count, len(n.disk.writes)) {
		w := c.persist(n)
		c.tracef("%d  durable: %s", id, describeWrite(w))
		if w.id != 0 {
			n.persisted = w.id
		}
		for _, m := range w.sends {
			c.send(n, m)
		}
	}
}

func (c *Cluster) persist(n *Node) write {
	w, err := n.disk.persist()
	if err != nil {
		c.checker.breach("order of writes", "node %d: %v", n.id, err)
	}
	return w
}

// Report tells a node's core which writes are durable.
func (c *Cluster) Report(id raft.NodeID) {
	if n := c.Node(id); n.Unreported() {
		n.reported = n.persisted
		n.core.Synced(n.persisted)
		c.after(n)
	}
}

// Sync is Persist of all writes, and Report.
func (c *Cluster) Sync(id raft.NodeID) {
	c.Persist(id, len(c.Node(id).disk.writes))
	c.Report(id)
}

// Apply pays a node's oldest debt of entries to apply.
func (c *Cluster) Apply(id raft.NodeID) {
	n := c.Node(id)
	if n.Applies() == 0 {
		return
	}
	a := n.jobs[0].apply
	n.jobs = n.jobs[:copy(n.jobs, n.jobs[1:])]
	c.checker.applies(n, a)
	c.tracef("%d  applies up to %d", id, a.Upto)
	n.core.Applied(a.Upto)
	c.after(n)
}

// Fetch pays a node's oldest debt of entries for a follower, with err when it is not nil.
func (c *Cluster) Fetch(id raft.NodeID, err error) {
	n := c.Node(id)
	if len(n.fetches) == 0 {
		return
	}
	f := n.fetches[0]
	n.fetches = n.fetches[:copy(n.fetches, n.fetches[1:])]
	var span raft.Span
	if err == nil {
		// A compaction may have overtaken the debt.
		if span, err = n.disk.read(f.After, f.Upto, f.BytesMax); err != nil && f.After >= n.disk.log.first.Index {
			c.checker.breach("readable fetches", "node %d: %v", id, err)
		}
	}
	c.tracef("%d  read %s for %d", id, describeRead(span, err), f.To)
	n.core.Fetched(f, span, err)
	c.after(n)
}

// Hold puts off a node's Ready, as a driver does that takes several messages at once, until Release.
func (c *Cluster) Hold(id raft.NodeID) { c.Node(id).held = c.Node(id).core != nil }

// Release ends Hold.
func (c *Cluster) Release(id raft.NodeID) {
	n := c.Node(id)
	n.held, n.merged = false, true
	c.after(n)
	n.merged = false
}

// Crash stops a node. Of its writes the oldest kept become durable, without what waited for them being sent;
// the others are lost. Its state machine comes back with applied, or less when that is less, but never with less than
// it had made durable.
func (c *Cluster) Crash(id raft.NodeID, kept int, applied raft.Index) {
	n := c.Node(id)
	if n.core == nil {
		return
	}
	lost := max(0, len(n.disk.writes)-kept)
	for range min(kept, len(n.disk.writes)) {
		c.persist(n)
	}
	if back := max(n.durable.applied, min(n.machine.applied, applied)); back < n.machine.applied {
		n.machine = c.checker.stateAt(back)
	}
	n.durable = n.machine // it was on a disk
	n.stop()
	c.events.Down(id)
	c.tracef("%d  crashes, %d writes lost", id, lost)
}

// Restart starts a node that is down from its disk, after what a crash left unfinished of an install was finished.
func (c *Cluster) Restart(id raft.NodeID) {
	n := c.Node(id)
	if n.core != nil {
		return
	}
	c.finishInstall(n)
	if err := n.start(); err != nil {
		c.checker.breach("bootable disks", "node %d: %v", id, err)
		return
	}
	c.tracef("%d  restarts in term %d with a log up to %v, %d committed",
		id, n.core.Term(), n.disk.log.last(), n.core.CommitIndex())
	c.events.Up(id, n.core.Role(), n.core.Term())
	c.after(n)
}

// Wipe takes the disk of a node that is down away. It may come back with its name, as it should not: what it promised
// before is void, and the checker no longer holds it to that.
func (c *Cluster) Wipe(id raft.NodeID) {
	n := c.Node(id)
	if n.core != nil {
		return
	}
	n.format()
	n.wiped = true
	for b := range c.checker.votes {
		if b.voter == id {
			delete(c.checker.votes, b)
		}
	}
	c.tracef("%d  loses its disk", id)
}

// Lose cuts the log on the disk of a node that is down to an index, which the node knows when it starts again: see
// raft.HardState.Recover. The state machine must not hold more.
func (c *Cluster) Lose(id raft.NodeID, upto raft.Index) {
	n := c.Node(id)
	d := &n.disk
	last := d.log.last()
	if n.core != nil || upto >= last.Index || upto < max(d.log.first.Index, n.machine.applied) {
		return
	}
	n.had = append(n.had, d.log.clone())
	_ = d.log.store(raft.Span{Prev: d.log.id(upto)}) // cuts, and cannot fail
	d.hard.Commit = min(d.hard.Commit, upto)
	if last.UpToDate(d.hard.Recover) {
		d.hard.Recover = last
	}
	c.tracef("%d  loses its log above %v", id, d.log.last())
}
