package wholetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
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

// powerCounts are what the courses of a sweep exercised.
type powerCounts struct {
	mu                                                       sync.Mutex
	courses, cuts, acked, ops, elections, installed, changes int
	kills, compacted, inStart                                int
	percent                                                  map[int]int
}

func (p *powerCounts) String() string {
	return fmt.Sprintf("%d courses, %d power losses of whole clusters (%v by percent of unsynced data kept, %d while nodes "+
		"started), %d writes acknowledged, %d operations checked, %d elections, %d compactions, %d snapshots installed, "+
		"%d membership changes, %d kills",
		p.courses, p.cuts, p.percent, p.inStart, p.acked, p.ops, p.elections, p.compacted, p.installed, p.changes, p.kills)
}

// TestSweepPowerLoss runs clusters through several power losses each.
func TestSweepPowerLoss(t *testing.T) {
	courses := 8
	if long() {
		courses = 400
	}
	counts := &powerCounts{percent: map[int]int{}}
	began := time.Now()
	t.Run("seeds", func(t *testing.T) {
		for seed := range courses {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				runCourse(t, uint64(seed), counts)
			})
		}
	})
	t.Logf("%v; %v", counts, time.Since(began).Round(time.Second/10))
}

func runCourse(t *testing.T, seed uint64, counts *powerCounts) {
	rng := rand.New(rand.NewPCG(seed, 0x50))
	var history *check.History
	synctest.Test(t, func(t *testing.T) {
		c := &course{shape: newShape(rng), rng: rng, counts: counts}
		c.cluster = newCluster(t, c.shape.voters, c.shape.options(), nil)
		c.operator = &operator{c: c.cluster, rng: rand.New(rand.NewPCG(seed, 0x0b)), members: c.shape.members}
		mem := vfs.NewCrashableMem()
		for range livesOfCourse {
			if mem = c.life(mem); t.Failed() {
				t.Logf("%+v", c.shape)
				return
			}
		}
		c.end(mem)
		history = c.cluster.history.snapshot()
		c.count()
	})
	if history == nil {
		return
	}
	if lost := check.LostWrites(history); lost.Verdict() != check.VerdictOK {
		t.Errorf("%s: %+v", lost.Verdict(), lost)
	}
	if result := check.Linearizable(history, time.Minute); result.Verdict != check.VerdictOK {
		t.Errorf("%s: %+v", result.Verdict, result)
	}
}

// course is one cluster through its lives.
type course struct {
	*cluster
	shape    shape
	rng      *rand.Rand
	operator *operator
	counts   *powerCounts
}

// life runs the cluster on mem until the power fails, and returns what that leaves.
func (c *course) life(mem *vfs.MemFS) *vfs.MemFS {
	percent := []int{0, 10, 50, 100}[c.rng.IntN(4)]
	d := newDisk(mem, percent, c.rng.Uint64())
	c.disk = d
	if c.rng.IntN(5) == 0 {
		d.cutAfter(1 + c.rng.IntN(startOperations*c.shape.voters))
	}
	if err := c.startAll(); err != nil {
		c.t.Errorf("start: %v", err)
		d.powerLoss()
	}
	inStart := d.dark.Load()
	d.cutAfter(1 + c.rng.IntN(c.shape.operations))
	for _, n := range c.running() {
		if lost := n.loaded.HardState.Recover; lost != (raft.EntryID{}) {
			c.t.Errorf("node %d says that its disk lost %v: nothing is damaged", n.id, lost)
		}
	}
	if c.rng.IntN(2) == 0 && !c.t.Failed() {
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
		c.t.Errorf("end of a life: %v", err)
	}
	c.counts.mu.Lock()
	c.counts.cuts++
	c.counts.percent[percent]++
	if inStart {
		c.counts.inStart++
	}
	c.counts.mu.Unlock()
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
		c.t.Error(err)
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
		c.t.Errorf("at the end: %v", err)
	} else {
		c.check(true)
	}
	if err := c.haltAll(); err != nil {
		c.t.Errorf("at the end: %v", err)
	}
	for _, twice := range c.seen.twice {
		c.t.Errorf("two elections won in %s", twice)
	}
}

func (c *course) count() {
	p := c.counts
	p.mu.Lock()
	defer p.mu.Unlock()
	p.courses++
	p.acked += c.history.acked
	p.ops += len(c.history.ops)
	p.elections += c.seen.elections
	p.installed += c.seen.installed
	p.compacted += c.seen.compacted
	p.changes += c.operator.changes
	p.kills += c.operator.kills
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
