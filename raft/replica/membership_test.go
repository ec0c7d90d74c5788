package replica_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// change asks whoever leads for a change, until it is made.
func (c *cluster) change(changes ...raft.Change) {
	c.t.Helper()
	var err error
	for range 500 {
		_, leader := c.leader()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = leader.ChangeConfig(ctx, changes)
		cancel()
		if err == nil {
			return
		}
		if !replica.Definite(err) {
			c.t.Fatalf("%v: %v", changes, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("%v is refused: %v", changes, err)
}

func (c *cluster) awaitMembers(want string) {
	c.t.Helper()
	c.await("members "+want, func() bool {
		for _, n := range c.nodes {
			if s := n.Status(); s.Configuration.String() != want || s.ConfigurationIndex > s.CommitIndex {
				return false
			}
		}
		return true
	})
}

func TestClusterGrowsAndMovesUnderLoad(t *testing.T) {
	o := compacting()
	inClusterOf(t, 3, logmem.Options{SyncDelay: time.Millisecond}, o, func(c *cluster) {
		c.leader()
		stop := c.writeUnderLoad(8)
		time.Sleep(200 * time.Millisecond)
		for id := raft.NodeID(4); id <= 5; id++ {
			c.change(raft.Change{Kind: raft.AddLearner, ID: id, Address: fmt.Sprintf("mem:%d", id)})
			c.start(id, c.newLog())
		}
		c.change(raft.Change{Kind: raft.Promote, ID: 4}, raft.Change{Kind: raft.Promote, ID: 5})
		c.awaitMembers("1 2 3 4 5")
		id, old := c.leader()
		gone := id%3 + 1
		c.change(raft.Change{Kind: raft.Remove, ID: id}, raft.Change{Kind: raft.Remove, ID: gone}) // the leader, too
		c.await("the removed leader is none any more", func() bool { return old.Status().Role != raft.Leader })
		for _, removed := range []raft.NodeID{id, gone} {
			n := c.nodes[removed]
			c.remove(removed)
			if err := n.Halt(); err != nil {
				t.Error(err)
			}
		}
		_, leader := c.leader()
		if s := leader.Status(); len(s.Configuration.Members) != 3 || s.Configuration.Joint() {
			t.Errorf("the members are %v, want 3", s.Configuration)
		}
		time.Sleep(200 * time.Millisecond)
		c.checkNoneLost(stop())
		if n := c.nodes[5]; n.Metrics().SnapshotsInstalled == 0 {
			t.Errorf("node 5 joined without a snapshot: %+v", n.Status())
		}
	})
}

func TestConfigurationsAreReported(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		c.leader()
		c.change(raft.Change{Kind: raft.AddLearner, ID: 4, Address: "mem:4"})
		c.start(4, c.newLog())
		c.awaitMembers("1 2 3 +4")
		for id, n := range c.nodes {
			list := n.events.of(replica.EventConfig)
			if len(list) == 0 {
				t.Fatalf("node %d reported no configuration", id)
			}
			m, ok := list[len(list)-1].Configuration.Member(4)
			if !ok || m.Address != "mem:4" {
				t.Errorf("node %d reported %v", id, list)
			}
			if first := list[0].Configuration.String(); id != 4 && first != "1 2 3" {
				t.Errorf("node %d reported %v at its start", id, first)
			}
		}
	})
}

func TestImpossibleChangesAreRefused(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		_, follower := c.follower()
		ctx := context.Background()
		for _, k := range []struct {
			n       *node
			changes []raft.Change
			want    error
		}{
			{leader, nil, raft.ErrBadChange},
			{leader, []raft.Change{{Kind: raft.Promote, ID: 7}}, raft.ErrNotMember},
			{leader, []raft.Change{{Kind: raft.AddLearner, ID: 2}}, raft.ErrMember},
			{follower, []raft.Change{{Kind: raft.Remove, ID: 2}}, replica.ErrNotLeader{Leader: id}},
		} {
			if err := k.n.ChangeConfig(ctx, k.changes); !errors.Is(err, k.want) || !replica.Definite(err) {
				t.Errorf("%v: got %v, want %v, which is definite", k.changes, err, k.want)
			}
		}
		if err := leader.Transfer(ctx, 7); !errors.Is(err, raft.ErrNotMember) {
			t.Errorf("transfer to 7: %v", err)
		}
		if err := follower.Transfer(ctx, raft.None); !errors.Is(err, raft.ErrNotLeader) {
			t.Errorf("transfer by a follower: %v", err)
		}
	})
}

func TestChangeThatIsReplacedWasRolledBack(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, old := c.leader()
		c.mustPropose(old, "x")
		c.cut(id, false)
		outcome := make(chan error, 1)
		go func() {
			outcome <- old.ChangeConfig(context.Background(), []raft.Change{{Kind: raft.AddLearner, ID: 4, Address: "mem:4"}})
		}()
		c.await("another leader", func() bool { now, _ := c.leader(); return now != id })
		_, next := c.leader()
		for range 5 {
			c.mustPropose(next, "y")
		}
		c.cut(id, true)
		if err := <-outcome; !errors.Is(err, replica.ErrRolledBack) || !replica.Definite(err) {
			t.Errorf("got %v, want ErrRolledBack", err)
		}
		c.awaitMembers("1 2 3")
	})
}

func TestWipedNodeIsNotTakenForWhoItWas(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, _ := c.follower()
		_, leader := c.leader()
		for range 20 {
			c.mustPropose(leader, "x")
		}
		c.awaitLedgers(20)
		c.crash(id)
		delete(c.disks, id)
		c.start(id, c.newLog())    // with an empty disk
		c.mustPropose(leader, "y") // the other two are a majority
		c.await("the leader sees that it lost what it had", func() bool {
			for _, p := range leader.Status().Peers {
				if p.ID == id {
					return p.Lost
				}
			}
			return false
		})
		c.change(raft.Change{Kind: raft.Remove, ID: id}, raft.Change{Kind: raft.AddLearner, ID: 4, Address: "mem:4"})
		wiped := c.nodes[id]
		c.remove(id)
		_ = wiped.Halt()
		c.start(4, c.newLog())
		c.change(raft.Change{Kind: raft.Promote, ID: 4})
		c.awaitLedgers(21)
	})
}

// proposeUnderLoad has n writers propose at one node until it refuses, and returns with what errors they ended.
func (c *cluster) proposeUnderLoad(at *node, n int) (outcomes <-chan error) {
	ended := make(chan error, n)
	for i := range n {
		go func() {
			for j := 0; ; j++ {
				if _, err := at.ProposeWait(context.Background(), fmt.Appendf(nil, "<%d.%d>", i, j)); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	return ended
}

// removeLeaderUnderLoad has the leader remove itself while writers propose, and returns it and how each of them ended.
func (c *cluster) removeLeaderUnderLoad(writers int) (raft.NodeID, <-chan error) {
	c.t.Helper()
	id, leader := c.leader()
	outcomes := c.proposeUnderLoad(leader, writers)
	time.Sleep(100 * time.Millisecond)
	if err := leader.ChangeConfig(context.Background(), []raft.Change{{Kind: raft.Remove, ID: id}}); err != nil {
		c.t.Fatal(err)
	}
	return id, outcomes
}

func TestLeaderThatRemovesItselfAnswersAllProposals(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		const writers = 32
		_, outcomes := c.removeLeaderUnderLoad(writers)
		for range writers {
			if err := <-outcomes; !replica.Definite(err) {
				t.Errorf("got %v from a healthy cluster, want it definite", err)
			}
		}
	})
}

func TestRemovedLeaderThatIsCutOffGivesItsProposalsUp(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		const writers = 32
		id, outcomes := c.removeLeaderUnderLoad(writers)
		leader := c.nodes[id]
		c.cut(id, false) // its own removal is committed, and what it proposed after that is not
		c.await("the removed leader steps down", func() bool { return leader.Status().Role != raft.Leader })
		unknown := 0
		for range writers {
			select {
			case err := <-outcomes:
				if errors.Is(err, replica.ErrUnknown) {
					unknown++
				}
			case <-time.After(10 * time.Millisecond):
				t.Fatal("a proposal is left without an answer")
			}
		}
		if unknown == 0 {
			t.Error("nothing was under way")
		}
	})
}
