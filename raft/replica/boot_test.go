package replica_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// receive makes a folder hold a received snapshot of a ledger with the given commands.
func (c *cluster) receive(id raft.NodeID, s raft.Snapshot, commands ...string) {
	c.t.Helper()
	view := &ledgerView{disk: &ledgerDisk{}, applied: s.Last.Index}
	for _, command := range commands {
		view.commands = append(view.commands, []byte(command))
	}
	from, to := openFiles(c.t, c.t.TempDir()), openFiles(c.t, c.dirs[id])
	if err := from.Create(s, view.Stream); err != nil {
		c.t.Fatal(err)
	}
	for offset, done := uint64(0), false; !done; {
		chunk, err := from.Read(s.Last, offset, 10)
		if err == nil {
			err = to.Store(chunk)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		offset, done = offset+uint64(len(chunk.Data)), chunk.Done
	}
	for _, files := range []replica.Snapshots{from, to} {
		if err := files.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// The leader's term came with the snapshot, and the power went before it was written anywhere else.
func TestStartFinishesAnInstallOfALaterTerm(t *testing.T) {
	inCluster(t, 0, logmem.Options{}, raft.Config{}, func(c *cluster) {
		s := raft.Snapshot{
			Last: raft.EntryID{Term: 5, Index: 100}, Configuration: raft.NewConfiguration(1, 2, 3), ConfigurationIndex: 7,
		}
		c.receive(9, s, "a", "b")
		n := c.start(9, c.newLog())
		got := n.Status()
		if got.Term != 5 || got.FirstIndex != 100 || got.LastIndex != 100 || got.LastApplied != 100 ||
			got.Configuration.String() != "1 2 3" || got.ConfigurationIndex != 7 || len(n.ledger.list()) != 2 {
			t.Errorf("started as %+v with %d commands", got, len(n.ledger.list()))
		}
		if len(n.events.of(replica.EventSnapshotInstalled)) != 1 || n.Metrics().SnapshotsInstalled != 1 {
			t.Errorf("reported %v", n.events.list)
		}
		c.checkDiscarded(9)
	})
}

func TestStartRefusesAMachineThatLacksWhatTheLogForgot(t *testing.T) {
	inClusterOf(t, 1, logmem.Options{}, compacting(), func(c *cluster) {
		_, leader := c.leader()
		for range 300 {
			c.mustPropose(leader, "x")
		}
		c.await("the log is compacted", func() bool { return leader.Status().FirstIndex > 0 })
		left := c.crash(1)
		delete(c.disks, 1) // another machine
		_, err := c.boot(1, left, c.options)
		if err == nil || !strings.Contains(err.Error(), "the state machine applied up to 0, but the log holds (1.") {
			t.Errorf("got %v, want it to say what is missing", err)
		}
	})
}

// damageReceived flips a bit near the end of the snapshot that a node received.
func (c *cluster) damageReceived(id raft.NodeID) {
	c.t.Helper()
	path := filepath.Join(c.dirs[id], "received.snap")
	b, err := os.ReadFile(path)
	if err == nil {
		b[len(b)-1] ^= 1
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestStartWithADamagedReceivedSnapshot(t *testing.T) {
	for _, step := range []string{"before the log", "after the log"} {
		t.Run(step, func(t *testing.T) {
			inClusterOf(t, 3, logmem.Options{}, compacting(), func(c *cluster) {
				id, _ := c.follower()
				left := c.crash(id)
				_, leader := c.leader()
				for range 500 {
					c.mustPropose(leader, "x")
				}
				left = c.failInstall(id, left, &failure{step: step})
				c.damageReceived(id)
				n, err := c.boot(id, left, c.options)
				if step == "after the log" {
					if err == nil {
						t.Error("started with nothing to start from")
					}
					return
				}
				if err != nil {
					t.Fatalf("the old log is whole, and was not started from: %v", err)
				}
				if m := n.Metrics(); m.SnapshotsInstalled != 0 {
					t.Errorf("installed %d snapshots at the start", m.SnapshotsInstalled)
				}
				c.awaitLedgers(500)
				c.checkDiscarded(id)
			})
		})
	}
}
