package rafttest

import "github.com/raftmark/raftmark/raft"

// settleRoundsMax is more rounds than any exchange of messages that ends by itself takes.
const settleRoundsMax = 10_000

// after takes what a core owes after a call, and has the checker look at it.
func (c *Cluster) after(n *Node) {
	if n.core == nil || n.held {
		return
	}
	c.traceRole(n)
	for n.core.Ready(&n.ready) {
		c.take(n)
	}
	n.discardUnwanted()
	c.checker.observe(n)
	n.seen = observed{
		role: n.core.Role(), term: n.core.Term(), commit: n.core.CommitIndex(), last: n.core.LastIndex(),
	}
}

// take books the debts of one Ready.
func (c *Cluster) take(n *Node) {
	r := &n.ready
	c.takeSnapshots(n, r)
	c.checker.appends(n, r.Append)
	for _, m := range r.SendNow {
		c.send(n, m)
	}
	if len(n.disk.writes) == 0 && r.Write == 0 {
		for _, m := range r.SendAfterSync {
			c.send(n, m)
		}
	} else {
		n.disk.handOver(r)
		if r.Write != 0 {
			c.tracef("%d  writes: %s", n.id, describeWrite(n.disk.writes[len(n.disk.writes)-1]))
		}
	}
	for _, a := range r.Apply {
		n.jobs = append(n.jobs, job{apply: a})
	}
	for _, f := range r.Fetch {
		c.tracef("%d  wants (%d, %d] from its disk for %d", n.id, f.After, f.Upto, f.To)
	}
	n.fetches = append(n.fetches, r.Fetch...)
	c.takeReads(n, r.Reads)
}

func (c *Cluster) send(n *Node, m raft.Message) {
	c.checker.sends(n, m)
	c.net.send(m)
}

func (c *Cluster) traceRole(n *Node) {
	role, term := n.core.Role(), n.core.Term()
	if role != n.seen.role || term != n.seen.term {
		c.tracef("%d  is %v in term %d", n.id, role, term)
		c.events.Role(n.id, role, term)
	}
	if commit := n.core.CommitIndex(); commit != n.seen.commit {
		c.tracef("%d  commits up to %d", n.id, commit)
		c.events.Commit(n.id, commit)
	}
}

// Settle delivers, persists, applies and fetches everything until nothing is left to do without a tick.
func (c *Cluster) Settle() {
	for range settleRoundsMax {
		if !c.settleOnce() {
			return
		}
	}
	c.checker.breach("quiescence", "the cluster did not come to rest in %d rounds", settleRoundsMax)
}

func (c *Cluster) settleOnce() bool {
	busy := len(c.net.packets) > 0
	for range len(c.net.packets) {
		c.Deliver(0)
	}
	for _, n := range c.nodes {
		if n.core == nil {
			continue
		}
		if n.held {
			busy = true
			c.Release(n.id)
		}
		if len(n.disk.writes) > 0 || n.Unreported() {
			busy = true
			c.Sync(n.id)
		}
		if c.settleNode(n) {
			busy = true
		}
	}
	return busy
}

// settleNode pays the debts of a node that are neither messages nor writes.
func (c *Cluster) settleNode(n *Node) (busy bool) {
	for _, debt := range []struct {
		owed func() bool
		pay  func()
	}{
		{func() bool { return n.Applies() > 0 }, func() { c.Apply(n.id) }},
		{func() bool { return len(n.fetches) > 0 }, func() { c.Fetch(n.id, nil) }},
		{func() bool { return len(n.reading) > 0 }, func() { c.ReadChunk(n.id, nil) }},
		{func() bool { return len(n.storing) > 0 }, func() { c.StoreChunk(n.id, nil) }},
		{n.Installs, func() { c.Install(n.id) }},
	} {
		for debt.owed() {
			busy = true
			debt.pay()
		}
	}
	return busy
}
