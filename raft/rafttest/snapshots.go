package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// takeSnapshots books what a Ready owes about snapshots, before its entries.
func (c *Cluster) takeSnapshots(n *Node, r *raft.Ready) {
	if s := r.Restore; s != nil {
		restore := *s
		c.tracef("%d  installs the snapshot of %v with %v", n.id, s.Last, s.Configuration)
		sum := c.checker.installs(n, restore)
		n.log.begin(restore, sum)
		n.disk.writes = append(n.disk.writes, write{begin: &restore, beginSum: sum})
		n.jobs = append(n.jobs, job{restore: &restore})
	}
	for _, want := range r.ReadChunks {
		c.tracef("%d  wants %s from %d on, for %d", n.id, nameOf(want.Of), want.Offset, want.To)
		n.reading = append(n.reading, want)
	}
	n.storing = append(n.storing, r.StoreChunks...)
}

// ReadChunk pays a node's oldest debt of a part of a snapshot, with err when it is not nil. The snapshot is made when
// the first part is asked for and the one made before does not reach far enough.
func (c *Cluster) ReadChunk(id raft.NodeID, err error) {
	n := c.Node(id)
	if len(n.reading) == 0 {
		return
	}
	r := n.reading[0]
	n.reading = n.reading[:copy(n.reading, n.reading[1:])]
	var chunk raft.Chunk
	if err == nil {
		if (r.Of == raft.EntryID{}) && (n.store.stream == nil || n.store.made.Last.Index < r.NotBelow) {
			c.makeSnapshot(n)
		}
		chunk, err = n.store.chunk(r)
	}
	if err != nil {
		c.tracef("%d  cannot read the snapshot for %d: %v", id, r.To, err)
	} else {
		c.tracef("%d  read %s for %d", id, describeChunk(&chunk), r.To)
	}
	n.core.ChunkRead(r, chunk, err)
	c.after(n)
}

// makeSnapshot makes a snapshot of the state machine as it is.
func (c *Cluster) makeSnapshot(n *Node) {
	if !n.log.covers(n.machine.applied) {
		return // a snapshot is being installed
	}
	s, ok := n.core.SnapshotOf(n.log.id(n.machine.applied))
	if !ok {
		return
	}
	c.checker.named(n, s)
	n.store.made, n.store.stream = s, n.machine.stream()
	c.tracef("%d  makes a snapshot of %v with %v", n.id, s.Last, s.Configuration)
}

// chunk returns a part of the snapshot that was made.
func (s *store) chunk(r raft.ReadChunk) (raft.Chunk, error) {
	wanted := r.Of == s.made.Last || (r.Of == raft.EntryID{} && s.made.Last.Index >= r.NotBelow)
	if s.stream == nil || !wanted || r.Offset > uint64(len(s.stream)) {
		return raft.Chunk{}, fmt.Errorf("snapshot of %v from %d: %w", r.Of, r.Offset, raft.ErrOutOfRange)
	}
	end := min(int(r.Offset)+r.BytesMax, len(s.stream))
	return raft.Chunk{
		Snapshot: s.made, Offset: r.Offset, Data: s.stream[r.Offset:end:end], Done: end == len(s.stream),
	}, nil
}

// StoreChunk pays a node's oldest debt of storing a part of a snapshot, with err when it is not nil.
func (c *Cluster) StoreChunk(id raft.NodeID, err error) {
	n := c.Node(id)
	if len(n.storing) == 0 {
		return
	}
	s := n.storing[0]
	n.storing = n.storing[:copy(n.storing, n.storing[1:])]
	if err == nil {
		// One that does not follow was given up before this one was asked for.
		err = n.store.add(s.Chunk)
	}
	if err != nil {
		c.tracef("%d  cannot store %s: %v", id, describeChunk(&s.Chunk), err)
	} else {
		c.tracef("%d  stores %s", id, describeChunk(&s.Chunk))
	}
	n.core.ChunkStored(s, err)
	c.after(n)
}

// Install does the next step of an install, once the log begins anew: the state machine is restored from the received
// snapshot, and then that is discarded.
func (c *Cluster) Install(id raft.NodeID) {
	n := c.Node(id)
	switch {
	case n.discard != nil:
		if n.store.received == n.discard {
			n.store.received = nil
		}
		c.tracef("%d  discards the received snapshot of %v", id, n.discard.name.Last)
		n.discard = nil
	case n.Installs():
		last := n.jobs[0].restore.Last
		n.jobs = n.jobs[:copy(n.jobs, n.jobs[1:])]
		got := n.store.received
		if got == nil || got.name.Last != last {
			c.checker.breach("installs what was received", "node %d installs %v, which is not in its store", id, last)
			return
		}
		c.restore(n, got)
		n.discard = got
		n.core.Applied(last.Index)
		c.after(n)
	}
}

// discardUnwanted has a received snapshot discarded that the core has no use for, because its log got there first.
func (n *Node) discardUnwanted() {
	installing := len(n.jobs) > 0 && n.jobs[0].restore != nil
	if got := n.store.received; got != nil && !installing && got.name.Last.Index <= n.core.CommitIndex() {
		n.discard = got
	}
}

// restore replaces the state of the machine, durably and at once.
func (c *Cluster) restore(n *Node, got *received) {
	n.machine, n.durable = got.state, got.state
	c.checker.restored(n, got.name)
	c.tracef("%d  restores its state machine as of %v", n.id, got.name.Last)
}

// finishInstall does at a start what is left to do with a received snapshot.
func (c *Cluster) finishInstall(n *Node) {
	got := n.store.received
	if got == nil {
		return
	}
	if last := got.name.Last; n.disk.log.first.Index < last.Index {
		sum, _ := c.checker.sumOf(last)
		n.disk.log.begin(got.name, sum)
		c.tracef("%d  begins its log after %v", n.id, last)
	}
	if n.machine.applied < got.name.Last.Index {
		c.restore(n, got)
	}
	n.store.received = nil
}

// Compact makes a node forget its log up to an index, after its state machine was made durable; 0 is all that is
// applied. It returns whether there was anything to forget.
func (c *Cluster) Compact(id raft.NodeID, index raft.Index) bool {
	n := c.Node(id)
	if n.core == nil || n.held {
		return false
	}
	if index == 0 {
		index = n.machine.applied
	}
	if !n.log.covers(index) || len(n.jobs) > 0 && n.jobs[0].restore != nil {
		return false
	}
	n.durable = n.machine
	s, ok := n.core.Compact(n.log.id(index))
	if !ok {
		c.tracef("%d  has nothing to compact", id)
		return false
	}
	c.tracef("%d  compacts its log up to %v", id, s.Last)
	c.checker.compacts(n, s)
	sum, _ := n.log.sum(s.Last.Index)
	n.log.begin(s, sum)
	n.disk.writes = append(n.disk.writes, write{begin: &s, beginSum: sum})
	c.after(n)
	return true
}
