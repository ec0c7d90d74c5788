package wholetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage/sweep"
)

// livesOfCourse is how often the power of one cluster fails.
const livesOfCourse = 5

// startOperations is about how many operations the start of a node takes.
const startOperations = 80

// shape is what a course is like, drawn from its seed.
type shape struct {
	voters, clients int
	members         bool // the membership changes
	snapshots       bool // the log is compacted early, so that followers need snapshots
	large           bool // some values are large, so that memtables are flushed and logs rotate
	calm            bool // nobody disturbs
	operations      int  // of the disk, up to which the power fails
}

func newShape(rng *rand.Rand) shape {
	s := shape{
		voters: 3, clients: 2 + rng.IntN(6), members: rng.IntN(3) == 0, snapshots: rng.IntN(2) == 0,
		large: rng.IntN(4) == 0, calm: rng.IntN(4) == 0, operations: 1 << (6 + rng.IntN(7)),
	}
	if rng.IntN(4) == 0 {
		s.voters = 5
	}
	return s
}

func (s shape) options() replica.Options {
	o := replica.Options{DiskStallMax: replica.DiskStallIgnored, TraceOneIn: replica.TraceOff}
	o.Core.PromoteLagMax = 64
	if s.snapshots {
		o.SnapshotLogEntries, o.SnapshotKeepEntries = 40, 8
		o.Core.SnapshotChunkBytes, o.Core.SnapshotInflightBytes = 4<<10, 16<<10
		o.Core.TailEntriesMax = 64
	}
	return o
}

// TestSweepPowerLoss runs clusters through several power losses each.
func TestSweepPowerLoss(t *testing.T) {
	s := sweep.Start(t, "cluster: power loss of all nodes at one instant")
	s.Each(s.Pick(8, 400), func(i int) error { return runCourse(t, s, uint64(i)) })
}

func runCourse(t *testing.T, s *sweep.Sweep, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 0x50))
	c := &course{shape: newShape(rng), rng: rng, sweep: s}
	c.cluster = newCluster(c.shape.voters, c.shape.options(), nil)
	c.operator = &operator{c: c.cluster, rng: rand.New(rand.NewPCG(seed, 0x0b)), members: c.shape.members}
	if err := inBubble(t, c.run); err != nil {
		return fmt.Errorf("%+v: %w", c.shape, err)
	}
	history := c.history.snapshot()
	lost := check.LostWrites(history)
	linearizable := check.Linearizable(history, time.Minute)
	if lost.Verdict() != check.VerdictOK || linearizable.Verdict != check.VerdictOK {
		return fmt.Errorf("%+v: %s: %+v; %s: %+v", c.shape, lost.Verdict(), lost, linearizable.Verdict, linearizable)
	}
	c.count()
	return nil
}

// course is one cluster through its lives.
type course struct {
	*cluster
	shape    shape
	rng      *rand.Rand
	operator *operator
	sweep    *sweep.Sweep
}

func (c *course) run() error {
	mem := vfs.NewCrashableMem()
	for range livesOfCourse {
		mem = c.life(mem)
		if err := c.faults.err(); err != nil {
			return err
		}
	}
	c.end(mem)
	return c.faults.err()
}

// life runs the cluster on mem until the power fails, and returns what that leaves.
func (c *course) life(mem *vfs.MemFS) *vfs.MemFS {
	percent := []int{0, 10, 50, 100}[c.rng.IntN(4)]
	d := newDisk(mem, percent, c.rng.Uint64())
	d.syncMax = []time.Duration{0, time.Millisecond, 8 * time.Millisecond}[c.rng.IntN(3)]
	c.disk = d
	if c.rng.IntN(5) == 0 {
		d.cutAfter(1 + c.rng.IntN(startOperations*c.shape.voters))
	}
	if err := c.startAll(); err != nil {
		c.faults.addf("start: %w", err)
		d.powerLoss()
	}
	if d.dark.Load() {
		c.sweep.Fault("while nodes started")
	}
	d.cutAfter(1 + c.rng.IntN(c.shape.operations))
	for _, n := range c.running() {
		if lost := n.loaded.HardState.Recover; lost != (raft.EntryID{}) {
			c.faults.addf("node %d says that its disk lost %v: nothing is damaged", n.id, lost)
		}
	}
	if c.rng.IntN(2) == 0 && c.faults.err() == nil {
		c.check(false)
	}
	stop := make(chan struct{})
	var working sync.WaitGroup
	for range c.shape.clients {
		cl := &client{c: c.cluster, rng: rand.New(rand.NewPCG(c.rng.Uint64(), 1)), large: c.shape.large}
		working.Go(func() { cl.run(stop) })
	}
	if !c.shape.calm {
		working.Go(func() { c.operator.run(stop) })
	}
	select {
	case <-d.cut:
	case <-time.After(5 * time.Second):
		d.powerLoss()
	}
	close(stop)
	working.Wait()
	c.mend()
	if err := c.haltAll(); err != nil {
		c.faults.addf("end of a life: %v", err)
	}
	c.sweep.Clone()
	c.sweep.Fault(fmt.Sprintf("unsynced data kept %d %%", percent))
	return d.clone
}

// check reads all keys that were ever written, unless the power fails meanwhile.
func (c *course) check(final bool) {
	err := c.await("all keys read", func() bool {
		if c.disk.dark.Load() {
			return true
		}
		n := c.leader()
		if n == nil {
			return false
		}
		ctx, cancel := context.WithTimeout(context.Background(), attempt)
		defer cancel()
		return c.readKeys(ctx, n, c.history.writtenKeys(), final) == nil
	})
	if err != nil {
		c.faults.addf("%w", err)
	}
}

// end starts the cluster on mem for a last time, and compares what is there with what must be.
func (c *course) end(mem *vfs.MemFS) {
	c.disk = newDisk(mem, 0, c.rng.Uint64())
	err := c.startAll()
	if err == nil {
		err = c.converge()
	}
	if err != nil {
		c.faults.addf("at the end: %v", err)
	} else {
		c.check(true)
	}
	if err := c.haltAll(); err != nil {
		c.faults.addf("at the end: %v", err)
	}
	for _, twice := range c.seen.twice {
		c.faults.addf("two elections won in %s", twice)
	}
}

// count adds what was exercised to the row of the table.
func (c *course) count() {
	for name, n := range map[string]int{
		"kill of a node": c.operator.kills, "membership change": c.operator.changes,
	} {
		for range n {
			c.sweep.Fault(name)
		}
	}
	for name, n := range map[string]int{
		"writes acknowledged": c.history.acked, "operations linearizable": len(c.history.ops),
		"elections won": c.seen.elections, "compactions": c.seen.compacted, "snapshots installed": c.seen.installed,
	} {
		for range n {
			c.sweep.Outcome(name)
		}
	}
}

// converge waits until all members have applied the same entries, one of them new, and compares their states.
func (c *cluster) converge() error {
	var last raft.Index
	err := c.await("one more entry", func() bool {
		n := c.leader()
		if n == nil {
			return false
		}
		ctx, cancel := context.WithTimeout(context.Background(), attempt)
		defer cancel()
		_, err := n.ProposeWait(ctx, kv.AppendGet(nil, []byte("end")))
		last = n.Status().LastIndex
		return err == nil
	})
	if err != nil {
		return err
	}
	var differ error
	err = c.await("equal states", func() bool {
		differ = c.sameStates(last)
		return differ == nil
	})
	return errors.Join(err, differ)
}

// sameStates returns nil when all members run, have applied last, and hold one state.
func (c *cluster) sameStates(last raft.Index) error {
	leader := c.leader()
	if leader == nil {
		return errors.New("no leader")
	}
	var first raft.Index
	var want kv.Hash
	for i, m := range leader.Status().Configuration.Members {
		n := c.node(m.ID)
		if n == nil {
			return fmt.Errorf("member %d does not run", m.ID)
		}
		index, hash, err := n.machine.Hash()
		if err != nil {
			return fmt.Errorf("node %d: %w", m.ID, err)
		}
		if i == 0 {
			first, want = index, hash
		}
		if index < last || index != first || hash != want {
			return fmt.Errorf("node %d: state %v of %d, another is %v of %d; want at least %d", m.ID, hash, index, want, first,
				last)
		}
	}
	return nil
}
