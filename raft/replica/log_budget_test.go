package replica_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// budgeted are options with a small budget of the log.
func budgeted() replica.Options {
	return replica.Options{
		Core:             raft.Config{UncommittedBytesMax: 16 << 10, MessageBytesMax: 4 << 10, TailBytesMax: 4 << 10},
		SnapshotLogBytes: 16 << 10, LogBytesMax: 64 << 10,
	}
}

func TestLogThatCannotBeCompactedStaysInItsBudget(t *testing.T) {
	o := budgeted()
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		for _, disk := range c.disks {
			disk.takes(20 * time.Second)
		}
		_, leader := c.leader()
		payload := strings.Repeat("x", 1000)
		var err error
		taken := 0
		for err == nil && taken < 500 {
			if _, err = leader.ProposeWait(context.Background(), []byte(payload)); err == nil {
				taken++
			}
			time.Sleep(5 * time.Millisecond)
		}
		if !errors.Is(err, replica.ErrDiskFull) || !replica.Definite(err) || taken < 32 {
			t.Fatalf("%d taken, then %v; want ErrDiskFull at the budget of %d bytes", taken, err, o.LogBytesMax)
		}
		for id, n := range c.nodes {
			if m := n.Metrics(); m.LogBytes > int64(o.LogBytesMax+o.LogBytesMax/4) || m.LogBytesMax != int64(o.LogBytesMax) {
				t.Errorf("node %d: the log has %d bytes of %d", id, m.LogBytes, m.LogBytesMax)
			}
		}
		for _, disk := range c.disks {
			disk.takes(0)
		}
		c.await("the machine persists, and the log is compacted", func() bool {
			_, n := c.leader()
			_, err := n.ProposeWait(context.Background(), []byte(payload))
			return err == nil
		})
		c.awaitLedgers(taken)
	})
}

// hangingSnapshots store nothing until goOn is closed.
type hangingSnapshots struct {
	replica.Snapshots
	goOn chan struct{}
}

func (s hangingSnapshots) Store(c raft.Chunk) error {
	<-s.goOn
	return s.Snapshots.Store(c)
}

func TestBudgetOfTheLogDoesNotWaitForASnapshotOnItsWay(t *testing.T) {
	o := budgeted()
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		id, _ := c.follower()
		left := c.crash(id)
		_, leader := c.leader()
		payload := strings.Repeat("x", 1000)
		for range 100 {
			c.mustPropose(leader, payload)
			time.Sleep(5 * time.Millisecond)
		}
		goOn := make(chan struct{})
		o := c.options
		o.Snapshots = hangingSnapshots{Snapshots: openFiles(t, c.dirs[id]), goOn: goOn}
		if _, err := c.boot(id, left, o); err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			if _, err := leader.ProposeWait(context.Background(), []byte(payload)); err != nil {
				close(goOn)
				t.Fatalf("proposal %d, while a snapshot is being sent: %v", i, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
		if m := leader.Metrics(); m.LogBytes > int64(o.LogBytesMax) || m.SnapshotsCreated == 0 {
			t.Errorf("the log has %d bytes of %d, %d snapshots created", m.LogBytes, o.LogBytesMax, m.SnapshotsCreated)
		}
		close(goOn)
		c.awaitLedgers(600)
	})
}

func TestSizeOfTheLogIsKnownAfterAStart(t *testing.T) {
	inClusterOf(t, 3, logmem.Options{}, compacting(), func(c *cluster) {
		_, leader := c.leader()
		for i := range 350 {
			c.mustPropose(leader, fmt.Sprintf("%04d", i))
		}
		c.awaitLedgers(350)
		settle()
		id, follower := c.follower()
		before, entries := follower.Metrics().LogBytes, follower.Status().LastIndex-follower.Status().FirstIndex
		after := c.start(id, c.crash(id))
		settle()
		got := after.Metrics().LogBytes
		if want := int64(entries) * 36; before < want-200 || before > want+200 || got < want-200 || got > want+200 {
			t.Errorf("%d entries: %d bytes, %d after a start, want about %d", entries, before, got, want)
		}
		log := c.crash(id)
		_, leader = c.leader()
		for i := range 500 {
			c.mustPropose(leader, fmt.Sprintf("%04d", i))
		}
		settle()
		installed := c.start(id, log)
		c.awaitLedgers(850)
		settle()
		status := installed.Status()
		got, want := installed.Metrics().LogBytes, 36*int64(status.LastIndex-status.FirstIndex)
		if installed.Metrics().SnapshotsInstalled == 0 || got < want-200 || got > want+200 {
			t.Errorf("%d bytes after a snapshot, want about %d", got, want)
		}
	})
}
