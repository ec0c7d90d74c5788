package rafttest

import (
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Options say how a cluster begins.
type Options struct {
	// Nodes is the number of servers, named 1 to Nodes. Default 3.
	Nodes int
	// Config is the configuration of all; ID and Voters are set for each. By default elections time out
	// after 10 to 20 ticks, and heartbeats are 3 ticks apart.
	Config raft.Config
	// Disks are what servers have on disk at the start; those that are not named have nothing.
	Disks map[raft.NodeID]Disk
	// Trace, when not nil, is called with each thing that happens, as one line of text.
	Trace func(line string)
}

// Disk is what a server has on disk at the start of a test.
type Disk struct {
	HardState raft.HardState
	// Terms are those of the entries from index 1 on. All entries are commands with their index as data.
	Terms []raft.Term
}

// WithDefaults returns a copy with the zero fields set.
func (o Options) WithDefaults() Options {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Config.ElectionTicksMin == 0 {
		o.Config.ElectionTicksMin = 10
	}
	return o
}

// Validate returns all faults of options whose defaults are set.
func (o Options) Validate() error {
	var errs []error
	if o.Nodes < 1 || o.Nodes > 9 {
		errs = append(errs, fmt.Errorf("Nodes: %d; want 1 to 9", o.Nodes))
	}
	for id := range raft.NodeID(10) {
		if d, ok := o.Disks[id]; ok && (id < 1 || int(id) > o.Nodes) {
			errs = append(errs, fmt.Errorf("Disks: %v of node %d; want 1 to Nodes %d", d.Terms, id, o.Nodes))
		}
	}
	return errors.Join(errs...)
}

// Cluster is a number of nodes, the network between them and the checker that watches. It is not safe for
// concurrent use.
type Cluster struct {
	opts    Options
	nodes   []*Node
	net     network
	checker *Checker
	log     func(string)
}

// New returns a cluster whose nodes have all just started.
func New(o Options) (*Cluster, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("configure the cluster: %w", err)
	}
	c := &Cluster{opts: o, net: network{cut: map[link]bool{}}, log: o.Trace}
	var voters []raft.NodeID
	for id := range o.Nodes {
		voters = append(voters, raft.NodeID(id+1))
	}
	for _, id := range voters {
		cfg := o.Config
		cfg.ID, cfg.Voters = id, voters
		n := &Node{id: id, cfg: cfg.WithDefaults(), disk: disk{hard: o.Disks[id].HardState}}
		var entries []raft.Entry
		for i, term := range o.Disks[id].Terms {
			entries = append(entries, raft.Entry{Term: term, Kind: raft.EntryCommand, Data: fmt.Append(nil, i+1)})
		}
		if err := n.disk.log.store(raft.Span{Entries: entries}); err != nil {
			return nil, fmt.Errorf("fill the disk of node %d: %w", id, err)
		}
		n.applied = n.disk.hard.Commit
		c.nodes = append(c.nodes, n)
	}
	c.checker = newChecker(c.nodes)
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return nil, fmt.Errorf("start node %d: %w", n.id, err)
		}
		c.after(n)
	}
	return c, nil
}

// Err returns the first breach of what must always hold.
func (c *Cluster) Err() error { return c.checker.err }

// Node returns a node by its name.
func (c *Cluster) Node(id raft.NodeID) *Node { return c.nodes[id-1] }

// Nodes returns all nodes, by name.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Leader returns the leader of the newest term, or nil.
func (c *Cluster) Leader() *Node {
	var leader *Node
	for _, n := range c.nodes {
		if n.core != nil && n.core.Role() == raft.Leader &&
			(leader == nil || leader.core.Term() < n.core.Term()) {
			leader = n
		}
	}
	return leader
}

// Committed returns how far the cluster has committed, as far as any node ever knew.
func (c *Cluster) Committed() raft.Index { return raft.Index(len(c.checker.committed)) }

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

// Persist makes the oldest count writes of a node durable and sends what waited for them. The core hears of
// it at the next Report.
func (c *Cluster) Persist(id raft.NodeID, count int) {
	n := c.Node(id)
	for range min(count, len(n.disk.writes)) {
		w, err := n.disk.persist()
		if err != nil {
			c.checker.breach("order of writes", "node %d: %v", id, err)
		}
		c.tracef("%d  durable: %s", id, describeWrite(w))
		n.persisted = w.id
		for _, m := range w.sends {
			c.send(n, m)
		}
	}
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
	if len(n.applies) == 0 {
		return
	}
	a := n.applies[0]
	n.applies = n.applies[:copy(n.applies, n.applies[1:])]
	c.checker.applies(n, a)
	n.applied = a.Upto
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
		span, err = n.disk.read(f.After, f.Upto, f.BytesMax)
		if err != nil {
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
	c.Node(id).held = false
	c.after(c.Node(id))
}

// Crash stops a node. Of its writes the oldest kept become durable, without what waited for them being sent;
// the others are lost. Its state machine comes back with applied, or less when that is less.
func (c *Cluster) Crash(id raft.NodeID, kept int, applied raft.Index) {
	n := c.Node(id)
	if n.core == nil {
		return
	}
	lost := max(0, len(n.disk.writes)-kept)
	for range min(kept, len(n.disk.writes)) {
		if _, err := n.disk.persist(); err != nil {
			c.checker.breach("order of writes", "node %d: %v", id, err)
		}
	}
	n.applied = min(n.applied, applied)
	n.stop()
	c.tracef("%d  crashes, %d writes lost", id, lost)
}

// Restart starts a node that is down from its disk.
func (c *Cluster) Restart(id raft.NodeID) {
	n := c.Node(id)
	if n.core != nil {
		return
	}
	if err := n.start(); err != nil {
		c.checker.breach("bootable disks", "node %d: %v", id, err)
		return
	}
	c.tracef("%d  restarts in term %d with a log up to %v, %d committed",
		id, n.core.Term(), n.disk.log.last(), n.core.CommitIndex())
	c.after(n)
}

func (c *Cluster) tracef(format string, args ...any) {
	if c.log != nil {
		c.log(fmt.Sprintf(format, args...))
	}
}
