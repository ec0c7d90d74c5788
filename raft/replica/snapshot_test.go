package replica_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// compacting are options of nodes that compact their logs often, and send snapshots in many parts.
func compacting() replica.Options {
	return replica.Options{
		Core: raft.Config{
			TailEntriesMax: 16, MessageEntriesMax: 32, SnapshotChunkBytes: 64, SnapshotInflightBytes: 256,
		},
		SnapshotLogEntries: 100, SnapshotKeepEntries: 20,
	}
}

func TestLogIsCompacted(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{SyncDelay: time.Millisecond}, compacting(), func(c *cluster) {
		_, leader := c.leader()
		for i := range 1000 {
			c.mustPropose(leader, fmt.Sprintf("%04d", i))
		}
		c.awaitLedgers(1000)
		for id, n := range c.nodes {
			s, m := n.Status(), n.Metrics()
			kept, told := s.LastIndex-s.FirstIndex, len(n.events.of(replica.EventCompacted))
			if kept > 250 || m.Compactions < 5 || told < 5 {
				t.Errorf("node %d keeps %d entries after %d compactions, with a compaction each 100", id, kept, m.Compactions)
			}
			if m.SnapshotsSent+m.CompactionsFailed > 0 {
				t.Errorf("node %d sent %d snapshots to followers that kept pace; %d compactions failed",
					id, m.SnapshotsSent, m.CompactionsFailed)
			}
		}
		id, n := c.follower()
		before := n.ledger.list()
		left := c.crash(id)
		if again := c.start(id, left); len(again.ledger.list()) < 700 || len(before) != 1000 {
			t.Errorf("after a crash the machine holds %d of %d commands", len(again.ledger.list()), len(before))
		}
		c.awaitLedgers(1000)
	})
}

func TestCompactOnDemand(t *testing.T) {
	o := compacting()
	o.SnapshotLogBytes = replica.SnapshotOff
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		_, leader := c.leader()
		for i := range 300 {
			c.mustPropose(leader, fmt.Sprintf("%04d", i))
		}
		if first := leader.Status().FirstIndex; first != 0 {
			t.Fatalf("compacted to %d with SnapshotOff", first)
		}
		for range 2 {
			if err := leader.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		s := leader.Status()
		if kept := s.LastIndex - s.FirstIndex; kept != 20 {
			t.Errorf("%d entries are kept, want 20", kept)
		}
		if _, err := leader.log.Read(0, 1, 1); !errors.Is(err, raft.ErrCompacted) {
			t.Errorf("the stored log: got %v, want ErrCompacted", err)
		}
	})
}

func TestStoppedFollowerComesBackBySnapshot(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{SyncDelay: time.Millisecond}, compacting(), func(c *cluster) {
		term := func() raft.Term { _, l := c.leader(); return l.Status().Term }
		id, _ := c.follower()
		left := c.crash(id)
		before := term()
		stop := c.writeUnderLoad(8)
		_, leader := c.leader()
		c.await("the log is compacted", func() bool { return leader.Status().FirstIndex > 500 })
		back := c.start(id, left)
		c.await("the snapshot is installed", func() bool { return back.Metrics().SnapshotsInstalled > 0 })
		time.Sleep(100 * time.Millisecond)
		acked := stop()
		c.checkNoneLost(acked)
		if after := term(); after != before {
			t.Errorf("term %d became %d: the leader did not keep its followers", before, after)
		}
		m := back.Metrics()
		if m.SnapshotBytesReceived < 1000 || len(back.events.of(replica.EventSnapshotInstalled)) == 0 ||
			len(leader.events.of(replica.EventSnapshotSent)) == 0 {
			t.Errorf("the way of the snapshot shows in %+v and %v", m, back.events.list)
		}
		c.checkDiscarded(id)
	})
}

func TestNothingWaitsForSlowSnapshots(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{SyncDelay: time.Millisecond}, compacting(), func(c *cluster) {
		id, _ := c.follower()
		left := c.crash(id)
		leaderID, leader := c.leader()
		for _, n := range []raft.NodeID{1, 2, 3} {
			c.diskOf(n).slow = time.Second
		}
		back := (*node)(nil)
		slowest := time.Duration(0)
		for i := range 6_000 {
			begin := time.Now()
			c.mustPropose(leader, fmt.Sprintf("%04d", i))
			slowest = max(slowest, time.Since(begin))
			if back == nil && i%100 == 0 && leader.Status().FirstIndex > 500 {
				back = c.start(id, left)
			}
		}
		if back == nil {
			t.Fatal("the log was not compacted")
		}
		if m := leader.Metrics(); slowest > 10*time.Millisecond || m.Compactions < 2 || m.SnapshotsSent == 0 {
			t.Errorf("a commit took %v during %d compactions and %d snapshots", slowest, m.Compactions, m.SnapshotsSent)
		}
		c.await("the snapshot is installed", func() bool { return back.Metrics().SnapshotsInstalled > 0 })
		c.awaitLedgers(6_000)
		if now, _ := c.leader(); now != leaderID || len(back.events.of(replica.EventCampaign)) > 0 {
			t.Errorf("node %d leads after node %d, or the follower campaigned: %v", now, leaderID, back.events.list)
		}
	})
}

// checkDiscarded checks that nothing is left of the snapshot that a node installed. It stops the node.
func (c *cluster) checkDiscarded(id raft.NodeID) {
	c.t.Helper()
	synctest.Wait()
	c.crash(id)
	files := openFiles(c.t, c.dirs[id])
	if received, _, ok, err := files.Received(); ok || err != nil {
		c.t.Errorf("the snapshot of %v is left, err %v", received.Last, err)
	}
	if err := files.Close(); err != nil {
		c.t.Error(err)
	}
}

// failure fails the ports of one node at one step, as if the power went there.
type failure struct {
	step  string
	after int // parts, for the first step
}

var errPower = errors.New("power lost")

type failingLog struct {
	*logmem.Log
	f *failure
}

func (l failingLog) Compact(s raft.Snapshot) error {
	if l.f.step == "before the log" {
		return errPower
	}
	err := l.Log.Compact(s)
	if l.f.step == "after the log" {
		return errors.Join(err, errPower)
	}
	return err
}

type failingFiles struct {
	replica.Snapshots
	f *failure
}

func (s failingFiles) Create(snapshot raft.Snapshot, stream func(write func([]byte) error) error) error {
	if s.f.step == "creating" {
		return errors.New("no space left")
	}
	return s.Snapshots.Create(snapshot, stream)
}

func (s failingFiles) Store(c raft.Chunk) error {
	if s.f.step == "while parts arrive" {
		if s.f.after--; s.f.after < 0 {
			return errPower
		}
	}
	return s.Snapshots.Store(c)
}

func (s failingFiles) Discard() error {
	if s.f.step == "before it is discarded" {
		return errPower
	}
	return s.Snapshots.Discard()
}

func TestSnapshotThatCannotBeCreatedIsTriedMoreAndMoreSeldom(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, compacting(), func(c *cluster) {
		f := &failure{step: "creating"}
		_, leader := c.leaderWith(func(o *replica.Options, id raft.NodeID, _ *logmem.Log) {
			o.Snapshots = failingFiles{Snapshots: openFiles(t, c.dirs[id]), f: f}
		})
		id, _ := c.follower()
		left := c.crash(id)
		for range 500 {
			c.mustPropose(leader, "x")
		}
		c.start(id, left)
		time.Sleep(10 * time.Second)
		if failed := leader.Metrics().SnapshotsAborted; failed < 4 || failed > 10 {
			t.Errorf("it was tried, and a warning logged, %d times within 10 s", failed)
		}
	})
}

func TestCrashAtEachStepOfAnInstall(t *testing.T) {
	for _, step := range []string{
		"while parts arrive", "before the log", "after the log", "before the machine", "before it is discarded", "never",
	} {
		t.Run(step, func(t *testing.T) {
			inClusterOf(t, 3, logmem.Options{}, compacting(), func(c *cluster) {
				id, _ := c.follower()
				left := c.crash(id)
				_, leader := c.leader()
				for i := range 500 {
					c.mustPropose(leader, fmt.Sprintf("%04d", i))
				}
				f := &failure{step: step, after: 5}
				left = c.failInstall(id, left, f)
				back := c.start(id, left)
				c.mustPropose(leader, "last")
				c.awaitLedgers(501)
				if s := back.Status(); s.FirstIndex == 0 {
					t.Errorf("the log still begins at the first entry: %+v", s)
				}
				c.checkDiscarded(id)
			})
		})
	}
}

// failInstall starts a node that fails at a step of installing a snapshot, and returns its log as the crash leaves it.
func (c *cluster) failInstall(id raft.NodeID, log *logmem.Log, f *failure) *logmem.Log {
	c.t.Helper()
	o := c.options
	o.Log = failingLog{Log: log, f: f}
	machine := c.diskOf(id).open()
	if f.step == "before the machine" {
		machine.fail = errPower
	}
	o.Machine = machine
	o.Snapshots = failingFiles{Snapshots: openFiles(c.t, c.dirs[id]), f: f}
	n, err := c.boot(id, log, o)
	if err != nil {
		c.t.Fatal(err)
	}
	switch f.step {
	case "while parts arrive":
		c.await("parts arrived", func() bool { return n.Metrics().SnapshotsAborted > 0 })
	case "before it is discarded", "never":
		c.await("installed", func() bool { return n.Metrics().SnapshotsInstalled > 0 })
	default:
		<-n.Done()
		if !errors.Is(n.Err(), errPower) {
			c.t.Fatalf("stopped with %v", n.Err())
		}
	}
	return c.crash(id)
}
