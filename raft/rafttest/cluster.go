package rafttest

import (
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/chronicle"
)

// nodesMax bounds the nodes of a cluster, those that join it included: the checker looks at all sets of them.
const nodesMax = 9

// Options say how a cluster begins.
type Options struct {
	// Nodes is the number of servers that the cluster begins with, all voters, named 1 to Nodes. Default 3.
	Nodes int
	// Joining is the number of servers beside them, with the names that follow, which know nothing of the cluster and
	// wait to be added. Default 0.
	Joining int
	// Config is the configuration of all; ID, Voters and Incarnation are set for each. By default elections time out
	// after 10 to 20 ticks, and heartbeats are 3 ticks apart.
	Config raft.Config
	// Disks are what servers have on disk at the start; those that are not named have nothing.
	Disks map[raft.NodeID]Disk
	// Trace, when not nil, is called with each thing that happens, as one line of text.
	Trace func(line string)
	// Chronicle, when not nil, keeps who was what when and which message arrived when, for a diagram.
	Chronicle *chronicle.Recorder
}

// Disk is what a server has on disk at the start of a test.
type Disk struct {
	HardState raft.HardState
	// Terms are those of the entries from index 1 on. All entries are commands with their index as data, but for
	// those that Configurations names.
	Terms          []raft.Term
	Configurations map[raft.Index]raft.Configuration
}

func (d Disk) span() raft.Span {
	var s raft.Span
	for i, term := range d.Terms {
		e := raft.Entry{Term: term, Kind: raft.EntryCommand, Data: fmt.Append(nil, i+1)}
		if c, ok := d.Configurations[raft.Index(i)+1]; ok {
			e.Kind, e.Data = raft.EntryConfig, c.AppendTo(nil)
		}
		s.Entries = append(s.Entries, e)
	}
	return s
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
	if o.Nodes < 1 || o.Joining < 0 || o.Nodes+o.Joining > nodesMax {
		errs = append(errs, fmt.Errorf("Nodes: %d, and Joining: %d; want 1 to %d together", o.Nodes, o.Joining, nodesMax))
	}
	for id := range raft.NodeID(nodesMax + 1) {
		if d, ok := o.Disks[id]; ok && (id < 1 || int(id) > o.Nodes+o.Joining) {
			errs = append(errs, fmt.Errorf("Disks: %v of node %d; want 1 to %d", d.Terms, id, o.Nodes+o.Joining))
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
	events  *chronicle.Recorder
	tokens  uint64 // of the last read
}

// New returns a cluster whose nodes have all just started.
func New(o Options) (*Cluster, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("configure the cluster: %w", err)
	}
	c := &Cluster{opts: o, net: network{cut: map[link]bool{}, events: o.Chronicle}, log: o.Trace, events: o.Chronicle}
	var voters []raft.NodeID
	for id := range o.Nodes {
		voters = append(voters, raft.NodeID(id+1))
	}
	for id := range raft.NodeID(o.Nodes + o.Joining) {
		n, err := newNode(id+1, o, voters)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	c.checker = newChecker(c.nodes, raft.NewConfiguration(voters...))
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return nil, fmt.Errorf("start node %d: %w", n.id, err)
		}
		c.events.Up(n.id, n.core.Role(), n.core.Term())
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

// Configuration returns the latest configuration that is committed, as far as any node ever knew.
func (c *Cluster) Configuration() raft.Configuration {
	return c.checker.configurationAt(c.Committed()).Configuration
}

func (c *Cluster) tracef(format string, args ...any) {
	if c.log != nil {
		c.log(fmt.Sprintf(format, args...))
	}
}
