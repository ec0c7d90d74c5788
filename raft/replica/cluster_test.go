package replica_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
	"github.com/raftmark/raftmark/storage/snapshot"
	"github.com/raftmark/raftmark/transport"
	netmem "github.com/raftmark/raftmark/transport/mem"
)

// node is one server and what it runs on.
type node struct {
	*replica.Replica
	log    *logmem.Log
	ledger *ledger
	events *events
}

// stop stops a node, and gives it some time to hand leadership over.
func (n *node) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*electionMin)
	defer cancel()
	return n.Stop(ctx)
}

// events are what a node reported.
type events struct {
	mu   sync.Mutex
	list []replica.Event
}

func (e *events) observe(event replica.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

// of returns the events of a kind.
func (e *events) of(kind replica.EventKind) []replica.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []replica.Event
	for _, event := range e.list {
		if event.Kind == kind {
			list = append(list, event)
		}
	}
	return list
}

// cluster runs replicas on logs and links in memory, in virtual time.
type cluster struct {
	t       *testing.T
	network *netmem.Network
	logs    logmem.Options
	options replica.Options // of all nodes; ports and identity are set by start
	mu      sync.Mutex      // of nodes, for writers beside the test
	nodes   map[raft.NodeID]*node
	disks   map[raft.NodeID]*ledgerDisk
	dirs    map[raft.NodeID]string // of snapshots
	peers   map[raft.NodeID]string
	starts  uint64
}

// idMax is the largest node id of a test.
const idMax = 9

// inCluster runs test with n started nodes, inside a bubble of virtual time.
func inCluster(t *testing.T, n int, logs logmem.Options, core raft.Config, test func(*cluster)) {
	inClusterOf(t, n, logs, replica.Options{Core: core, TraceOneIn: 1}, test)
}

func inClusterOf(t *testing.T, n int, logs logmem.Options, options replica.Options, test func(*cluster)) {
	dirs := map[raft.NodeID]string{}
	for id := raft.NodeID(1); id <= idMax; id++ {
		dirs[id] = t.TempDir()
	}
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{
			t: t, network: netmem.NewNetwork(), logs: logs, options: options, dirs: dirs,
			nodes: map[raft.NodeID]*node{}, disks: map[raft.NodeID]*ledgerDisk{}, peers: map[raft.NodeID]string{},
		}
		for id := raft.NodeID(1); id <= idMax; id++ {
			c.peers[id] = fmt.Sprintf("mem:%d", id)
		}
		for id := raft.NodeID(1); id <= raft.NodeID(n); id++ {
			c.options.Core.Voters = append(c.options.Core.Voters, id)
		}
		for _, id := range c.options.Core.Voters {
			c.start(id, c.newLog())
		}
		defer func() {
			for _, n := range c.nodes {
				_ = n.Halt() // some tests have broken it
			}
		}()
		test(c)
	})
}

func openFiles(tb testing.TB, dir string) *snapshot.Folder {
	tb.Helper()
	files, err := snapshot.Open(snapshot.Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func (c *cluster) newLog() *logmem.Log {
	c.t.Helper()
	log, err := logmem.New(c.logs)
	if err != nil {
		c.t.Fatal(err)
	}
	return log
}

// start boots a node on log, with what its ledger had made durable; the log has the rest.
func (c *cluster) start(id raft.NodeID, log *logmem.Log) *node {
	c.t.Helper()
	o := c.options
	if len(o.Core.Voters) == 0 || id > o.Core.Voters[len(o.Core.Voters)-1] {
		o.Core.Voters = nil // it joins
	}
	n, err := c.boot(id, log, o)
	if err != nil {
		c.t.Fatalf("start node %d: %v", id, err)
	}
	return n
}

func (c *cluster) boot(id raft.NodeID, log *logmem.Log, o replica.Options) (*node, error) {
	c.t.Helper()
	c.starts++
	link, err := c.network.Transport(transport.Options{
		Self: id, Cluster: "test", Incarnation: c.starts, Peers: c.peers,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	n := &node{log: log, ledger: c.diskOf(id).open(), events: &events{}}
	o.Core.ID, o.Core.Incarnation = id, c.starts
	o.Transport, o.Observe = link, n.events.observe
	if o.Log == nil {
		o.Log = log
	}
	if machine, ok := o.Machine.(*ledger); ok {
		n.ledger = machine
	}
	o.Machine = n.ledger
	if o.Snapshots == nil {
		o.Snapshots = openFiles(c.t, c.dirs[id])
	}
	if n.Replica, err = replica.Start(o); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.nodes[id] = n
	c.mu.Unlock()
	return n, nil
}

func (c *cluster) diskOf(id raft.NodeID) *ledgerDisk {
	if c.disks[id] == nil {
		c.disks[id] = &ledgerDisk{}
	}
	return c.disks[id]
}

// crash ends a node as a power loss does, and returns its log as that leaves it.
func (c *cluster) crash(id raft.NodeID) *logmem.Log {
	c.t.Helper()
	n := c.nodes[id]
	c.remove(id)
	n.log.Fail(errPower) // from now on it promises nothing
	_ = n.Halt()
	return n.log.Crash(0, c.starts)
}

func (c *cluster) remove(id raft.NodeID) {
	c.mu.Lock()
	delete(c.nodes, id)
	c.mu.Unlock()
}

// leads returns a node that says that it leads, or nil.
func (c *cluster) leads() *node {
	c.mu.Lock()
	nodes := slices.Collect(maps.Values(c.nodes))
	c.mu.Unlock()
	for _, n := range nodes {
		if n.Status().Role == raft.Leader {
			return n
		}
	}
	return nil
}

// leader waits, in virtual time, for a node that leads and has committed in its term.
func (c *cluster) leader() (raft.NodeID, *node) {
	c.t.Helper()
	for range 1000 {
		var best raft.NodeID
		var bestTerm raft.Term
		for id, n := range c.nodes {
			if s := n.Status(); s.TermCommitted && s.Term > bestTerm {
				best, bestTerm = id, s.Term
			}
		}
		if best != raft.None {
			return best, c.nodes[best]
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatal("no leader within 10 s")
	return raft.None, nil
}

// follower returns a running node that does not lead.
func (c *cluster) follower() (raft.NodeID, *node) {
	c.t.Helper()
	leader, _ := c.leader()
	for id := raft.NodeID(1); id <= idMax; id++ {
		if n := c.nodes[id]; n != nil && id != leader {
			return id, n
		}
	}
	c.t.Fatal("no follower")
	return raft.None, nil
}

func (c *cluster) mustPropose(n *node, command string) {
	c.t.Helper()
	got, err := n.ProposeWait(context.Background(), []byte(command))
	if err != nil {
		c.t.Fatalf("propose %q: %v", command, err)
	}
	if string(got) != command {
		c.t.Fatalf("result of %q is %q", command, got)
	}
}

// write proposes to whoever leads, until it is acknowledged. Commands that were acknowledged late may be there twice.
func (c *cluster) write(command string) error {
	for range 1000 {
		if n := c.leads(); n != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := n.ProposeWait(ctx, []byte(command))
			cancel()
			if err == nil {
				return nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("not acknowledged within 5 s")
}

// await polls in virtual time.
func (c *cluster) await(what string, holds func() bool) {
	c.t.Helper()
	for range 3000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("not within 30 s: %s", what)
}

// awaitLedgers waits until all running nodes have applied the same n commands, and returns them.
func (c *cluster) awaitLedgers(n int) [][]byte {
	c.t.Helper()
	var first [][]byte
	c.await(fmt.Sprintf("ledgers meet at %d commands", n), func() bool {
		equal := true
		first = nil
		for _, node := range c.nodes {
			list := node.ledger.list()
			if first == nil {
				first = list
			}
			equal = equal && len(list) >= n && slices.EqualFunc(list, first, bytes.Equal)
		}
		return equal
	})
	return first
}

// cut cuts or mends all links of a node.
func (c *cluster) cut(id raft.NodeID, up bool) {
	for other := range c.nodes {
		c.network.SetLink(id, other, up)
		c.network.SetLink(other, id, up)
	}
}

// writeUnderLoad has n writers write until the returned function is called, which returns all that was acknowledged.
func (c *cluster) writeUnderLoad(n int) (stop func() []string) {
	var mu sync.Mutex
	var acked []string
	quit := make(chan struct{})
	var writers sync.WaitGroup
	for i := range n {
		writers.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-quit:
					return
				default:
				}
				command := fmt.Sprintf("<%d.%d>", i, j)
				if err := c.write(command); err != nil {
					c.t.Error(err)
					return
				}
				mu.Lock()
				acked = append(acked, command)
				mu.Unlock()
				time.Sleep(time.Millisecond)
			}
		})
	}
	return func() []string {
		close(quit)
		writers.Wait()
		return acked
	}
}

// checkNoneLost checks that every acknowledged command is in the ledgers of all running nodes, which are equal.
func (c *cluster) checkNoneLost(acked []string) {
	c.t.Helper()
	there := map[string]bool{}
	for _, command := range c.awaitLedgers(len(acked)) {
		there[string(command)] = true
	}
	for _, command := range acked {
		if !there[command] {
			c.t.Errorf("%q was acknowledged and is lost", command)
		}
	}
}
