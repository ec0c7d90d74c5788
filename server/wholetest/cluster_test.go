package wholetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/pebble"
	"github.com/raftmark/raftmark/storage/snapshot"
	"github.com/raftmark/raftmark/transport"
	netmem "github.com/raftmark/raftmark/transport/mem"
)

// idMax is the largest node id of a test.
const idMax = 16

// node is one server of one life.
type node struct {
	*replica.Replica
	id      raft.NodeID
	log     *pebble.Log
	machine *kv.Pebble
	loaded  raft.LogState // as the life found it
}

// inBubble runs f in a bubble of virtual time, from any goroutine.
func inBubble(t *testing.T, f func() error) error {
	err := errors.New("the bubble ended early")
	done := make(chan struct{})
	go func() { // not here: what fails in a bubble ends the goroutine that made it
		defer close(done)
		synctest.Test(t, func(*testing.T) { err = f() })
	}()
	<-done
	return err
}

// faults are what was wrong, from any goroutine.
type faults struct {
	mu   sync.Mutex
	list []error
}

func (f *faults) addf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Errorf(format, args...))
}

// err returns all of them as one.
func (f *faults) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.list...)
}

// cluster runs nodes on one disk. It lives in a bubble of virtual time, through all lives.
type cluster struct {
	faults  faults
	network *netmem.Network
	peers   map[raft.NodeID]string
	voters  int // that it begins with: 1 to voters
	options replica.Options
	history *history
	disk    *disk
	seen    sightings

	mu     sync.Mutex
	nodes  map[raft.NodeID]*node
	starts uint64               // the incarnation of the last start, of any node
	known  map[raft.NodeID]bool // nodes that are to run; the others were removed, or never were
}

func newCluster(voters int, options replica.Options, d *disk) *cluster {
	c := &cluster{
		network: netmem.NewNetwork(), peers: map[raft.NodeID]string{}, voters: voters, options: options,
		history: &history{}, disk: d, nodes: map[raft.NodeID]*node{}, known: map[raft.NodeID]bool{},
		seen: sightings{leaders: map[raft.Term]raft.NodeID{}},
	}
	for id := raft.NodeID(1); id <= idMax; id++ {
		c.peers[id] = fmt.Sprintf("mem:%d", id)
	}
	for id := raft.NodeID(1); id <= raft.NodeID(voters); id++ {
		c.known[id] = true
	}
	return c
}

// sightings are what observers of the nodes saw, of all lives.
type sightings struct {
	mu        sync.Mutex
	leaders   map[raft.Term]raft.NodeID
	installed int
	compacted int
	elections int
	twice     []string // two leaders in a term
}

func (s *sightings) observe(id raft.NodeID, e replica.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case replica.EventLeader:
		s.elections++
		if other, ok := s.leaders[e.Term]; ok {
			s.twice = append(s.twice, fmt.Sprintf("term %d: nodes %d and %d", e.Term, other, id))
		}
		s.leaders[e.Term] = id
	case replica.EventSnapshotInstalled:
		s.installed++
	case replica.EventCompacted:
		s.compacted++
	default:
	}
}

// folder is a node's data folder.
func folder(id raft.NodeID) string { return fmt.Sprintf("/node%d", id) }

// storageOptions are small, so that a cluster costs little.
func storageOptions(id raft.NodeID) storage.Options {
	return storage.Options{
		Dir: folder(id), Cluster: "whole", Node: id, MemTableBytes: storage.MemTableBytesMin,
		CacheBytes: storage.CacheBytesMin, WALPrimeBytes: storage.WALPrimeOff,
	}
}

// parts are the stored ones of a node.
type parts struct {
	log       *pebble.Log
	machine   *kv.Pebble
	snapshots *snapshot.Folder
	loaded    raft.LogState
}

// openParts opens what a node has on fs.
func openParts(id raft.NodeID, fs vfs.FS) (p parts, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := pebble.MakeDir(fs, folder(id)); err != nil { // as the claim does
		return p, err
	}
	if p.log, err = pebble.OpenFS(storageOptions(id), fs); err != nil {
		return p, err
	}
	if p.loaded, err = p.log.Load(); err != nil {
		return p, err
	}
	if p.machine, err = kv.OpenPebble(kv.Options{
		Dir: storage.MachineDir(folder(id)), MemTableBytes: kv.MemTableBytesMin, CacheBytes: kv.CacheBytesMin, FS: fs,
	}); err != nil {
		return p, err
	}
	p.snapshots, err = snapshot.Open(snapshot.Options{Dir: storage.SnapshotDir(folder(id)), FS: fs})
	return p, err
}

func (p *parts) close() error {
	var errs []error
	if p.snapshots != nil {
		errs = append(errs, p.snapshots.Close())
	}
	if p.machine != nil {
		errs = append(errs, p.machine.Close())
	}
	if p.log != nil {
		errs = append(errs, p.log.Close())
	}
	return errors.Join(errs...)
}

// start starts a node on the disk of this life.
func (c *cluster) start(id raft.NodeID) error {
	p, err := openParts(id, c.disk.fs)
	if err != nil {
		return fmt.Errorf("node %d: %w", id, err)
	}
	return c.run(id, p)
}

// run starts a replica on parts, which it owns from now on.
func (c *cluster) run(id raft.NodeID, p parts) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starts++
	link, err := c.network.Transport(transport.Options{
		Self: id, Cluster: "whole", Incarnation: c.starts, Peers: c.peers,
	})
	if err != nil {
		return errors.Join(err, p.close())
	}
	o := c.options
	o.Core.ID, o.Core.Incarnation, o.Core.Seed = id, c.starts, c.disk.seed
	if int(id) <= c.voters { // the others join
		for v := 1; v <= c.voters; v++ {
			o.Core.Voters = append(o.Core.Voters, raft.NodeID(v))
		}
	}
	o.Log, o.Machine, o.Snapshots, o.Transport = p.log, p.machine, p.snapshots, link
	dark := &c.disk.dark
	o.Observe = func(e replica.Event) {
		if !dark.Load() { // else the next life may not know of it
			c.seen.observe(id, e)
		}
	}
	r, err := replica.Start(o)
	if err != nil {
		return fmt.Errorf("node %d: %w", id, err)
	}
	c.nodes[id] = &node{Replica: r, id: id, log: p.log, machine: p.machine, loaded: p.loaded}
	c.known[id] = true
	return nil
}

// startAll starts all nodes that are to run.
func (c *cluster) startAll() error {
	c.mu.Lock()
	ids := slices.Sorted(maps.Keys(c.known))
	c.mu.Unlock()
	for _, id := range ids {
		if err := c.start(id); err != nil {
			return err
		}
	}
	return nil
}

// halt ends a node as a kill of its process does.
func (c *cluster) halt(id raft.NodeID) error {
	c.mu.Lock()
	n := c.nodes[id]
	delete(c.nodes, id)
	c.mu.Unlock()
	if n == nil {
		return nil
	}
	return n.Halt()
}

// haltAll ends all nodes.
func (c *cluster) haltAll() error {
	var errs []error
	for _, n := range c.running() {
		if err := c.halt(n.id); err != nil {
			errs = append(errs, fmt.Errorf("node %d: %w", n.id, err))
		}
	}
	return errors.Join(errs...)
}

// running returns the nodes that run, by id.
func (c *cluster) running() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.nodes), func(a, b *node) int { return int(a.id) - int(b.id) })
}

// node returns a running node, or nil.
func (c *cluster) node(id raft.NodeID) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[id]
}

// leader returns the node that leads and can answer, or nil.
func (c *cluster) leader() (best *node) {
	var bestTerm raft.Term
	for _, n := range c.running() {
		if s := n.Status(); s.TermCommitted && s.Term > bestTerm {
			best, bestTerm = n, s.Term
		}
	}
	return best
}

// link cuts or mends all links of a node.
func (c *cluster) link(id raft.NodeID, up bool) {
	for other := range c.peers {
		if other != id {
			c.network.SetLink(id, other, up)
			c.network.SetLink(other, id, up)
		}
	}
}

// mend mends all links.
func (c *cluster) mend() {
	for id := range c.peers {
		c.link(id, true)
	}
}

// awaitMax is how long, in virtual time, something that must happen may take.
const awaitMax = 30 * time.Second

// await polls in virtual time.
func (c *cluster) await(what string, holds func() bool) error {
	for end := time.Now().Add(awaitMax); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return nil
		}
		for _, n := range c.running() {
			if err := n.Err(); err != nil {
				return fmt.Errorf("%s: node %d stopped: %w", what, n.id, err)
			}
		}
	}
	return fmt.Errorf("%s: not within %v", what, awaitMax)
}
