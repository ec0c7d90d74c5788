package replica_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// hangingLog is a log whose compactions hang until goOn is closed.
type hangingLog struct {
	*logmem.Log
	goOn chan struct{}
}

func (l hangingLog) Compact(s raft.Snapshot) error {
	<-l.goOn
	return l.Log.Compact(s)
}

// leaderWith starts a follower anew with some ports of its own, and makes it lead.
func (c *cluster) leaderWith(ports func(*replica.Options, raft.NodeID, *logmem.Log)) (raft.NodeID, *node) {
	c.t.Helper()
	id, _ := c.follower()
	left := c.crash(id)
	o := c.options
	ports(&o, id, left)
	n, err := c.boot(id, left, o)
	if err != nil {
		c.t.Fatal(err)
	}
	_, leader := c.leader()
	c.await("leadership moves", func() bool { return leader.Transfer(context.Background(), id) == nil })
	c.leader()
	return id, n
}

func TestLeaderWhoseCompactionHangsHandsOver(t *testing.T) {
	o := replica.Options{DiskStallMax: 100 * time.Millisecond, SnapshotKeepEntries: replica.SnapshotKeepNone}
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		goOn := make(chan struct{})
		release := sync.OnceFunc(func() { close(goOn) })
		defer release()
		id, leader := c.leaderWith(func(o *replica.Options, _ raft.NodeID, log *logmem.Log) {
			o.Log = hangingLog{Log: log, goOn: goOn}
		})
		c.mustPropose(leader, "before")
		compacted := make(chan error, 1)
		go func() { compacted <- leader.Compact(context.Background()) }()
		time.Sleep(100*time.Millisecond + electionMin/2)
		c.remove(id)
		next := c.leads()
		c.nodes[id] = leader
		if stalls := leader.events.of(replica.EventDiskStall); next == nil || len(stalls) != 1 {
			t.Errorf("no leader half an election timeout after the stall, or none is reported: %v", leader.events.list)
		}
		release()
		if err := <-compacted; err != nil {
			t.Error(err)
		}
		_, next = c.leader()
		c.mustPropose(next, "after")
		c.awaitLedgers(2)
	})
}

func TestFollowerWhoseInstallHangsIsStalled(t *testing.T) {
	o := compacting()
	o.DiskStallMax = 100 * time.Millisecond
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		id, _ := c.follower()
		left := c.crash(id)
		_, leader := c.leader()
		for i := range 500 {
			c.mustPropose(leader, fmt.Sprintf("%04d", i))
		}
		goOn := make(chan struct{})
		release := sync.OnceFunc(func() { close(goOn) })
		defer release()
		o := c.options
		o.Log = hangingLog{Log: left, goOn: goOn}
		back, err := c.boot(id, left, o)
		if err != nil {
			t.Fatal(err)
		}
		c.await("the stall is noticed", func() bool { return len(back.events.of(replica.EventDiskStall)) == 1 })
		release()
		c.awaitLedgers(500)
	})
}

func TestLeaderWhoseMachineHangsHandsOver(t *testing.T) {
	o := replica.Options{DiskStallMax: 100 * time.Millisecond}
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "before")
		goOn := make(chan struct{})
		leader.ledger.hold(goOn)
		leader.Propose(&replica.Proposal{Data: []byte("held"), Done: func(*replica.Proposal) {}})
		time.Sleep(100*time.Millisecond + electionMin/2)
		if age := leader.Metrics().ApplyAge; age < 100*time.Millisecond {
			t.Errorf("the machine has been at it for %v, want at least 100ms", age)
		}
		c.remove(id)
		next := c.leads()
		c.nodes[id] = leader
		if next == nil || leader.Metrics().DiskStalls != 1 {
			t.Errorf("no leader half an election timeout after the stall, or it is not counted: %v", leader.events.list)
		}
		close(goOn)
		c.awaitLedgers(2)
	})
}

// The second write waits for the first, and is older than its own sync.
func TestAgeOfAWriteBeginsWhenItIsHandedOver(t *testing.T) {
	o := replica.Options{DiskStallMax: replica.DiskStallIgnored}
	inClusterOf(t, 1, logmem.Options{ManualSync: true}, o, func(c *cluster) {
		stop := c.syncAll()
		_, leader := c.leader()
		c.mustPropose(leader, "before")
		stop()
		age := func() time.Duration { return leader.Metrics().OldestWriteAge.Round(time.Millisecond) }
		if got := age(); got != 0 {
			t.Errorf("nothing is written, and the oldest write is %v old", got)
		}
		propose := func(text string) {
			leader.Propose(&replica.Proposal{Data: []byte(text), Done: func(*replica.Proposal) {}})
		}
		propose("first")
		time.Sleep(300 * time.Millisecond)
		propose("second")
		time.Sleep(200 * time.Millisecond)
		if got := age(); got != 500*time.Millisecond {
			t.Errorf("the first write is %v old, want 500ms", got)
		}
		_ = leader.log.Sync()
		time.Sleep(100 * time.Millisecond)
		if got := age(); got != 300*time.Millisecond {
			t.Errorf("the second write is %v old, want 300ms", got)
		}
		stop = c.syncAll()
		c.awaitLedgers(3)
		_ = leader.stop()
		stop()
	})
}

// A write waits behind a compaction that began after it was handed over.
func TestAgeOfAWriteThatWaitsForACompaction(t *testing.T) {
	o := replica.Options{DiskStallMax: replica.DiskStallIgnored, SnapshotKeepEntries: replica.SnapshotKeepNone}
	inClusterOf(t, 1, logmem.Options{ManualSync: true}, o, func(c *cluster) {
		goOn := make(chan struct{})
		log := c.crash(1)
		o := c.options
		o.Log = hangingLog{Log: log, goOn: goOn}
		leader, err := c.boot(1, log, o)
		if err != nil {
			t.Fatal(err)
		}
		stop := c.syncAll()
		c.leader()
		c.mustPropose(leader, "before")
		stop()
		propose := func(text string) {
			leader.Propose(&replica.Proposal{Data: []byte(text), Done: func(*replica.Proposal) {}})
			time.Sleep(10 * time.Millisecond)
		}
		propose("first")
		compacted := make(chan error, 1)
		go func() { compacted <- leader.Compact(context.Background()) }()
		propose("second")
		_ = leader.log.Sync() // of the first; the second goes with the compaction
		time.Sleep(10 * time.Millisecond)
		propose("third")
		time.Sleep(300 * time.Millisecond)
		_ = leader.log.Sync() // the compaction hangs
		time.Sleep(100 * time.Millisecond)
		if age := leader.Metrics().OldestWriteAge; age < 400*time.Millisecond || age > 450*time.Millisecond {
			t.Errorf("the third write is %v old, want 410ms", age)
		}
		close(goOn)
		stop = c.syncAll()
		if err := <-compacted; err != nil {
			t.Error(err)
		}
		c.awaitLedgers(4)
		_ = leader.stop()
		stop()
	})
}
