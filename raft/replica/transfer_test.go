package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// electionMin is the minimum election timeout with the default options.
const electionMin = 150 * time.Millisecond

func TestLeadershipIsTransferredUnderLoad(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		c.leader()
		stop := c.writeUnderLoad(8)
		for range 6 {
			time.Sleep(50 * time.Millisecond)
			id, leader := c.leader()
			to := id%3 + 1
			begin := time.Now()
			if err := leader.Transfer(context.Background(), to); err != nil {
				t.Fatal(err)
			}
			if now := c.leads(); now == nil || now != c.nodes[to] || time.Since(begin) > electionMin {
				t.Errorf("transfer from %d to %d took %v", id, to, time.Since(begin))
			}
			if list := leader.events.of(replica.EventTransfer); len(list) == 0 || list[len(list)-1].Peer != to {
				t.Errorf("node %d reported the transfers %v", id, list)
			}
		}
		c.checkNoneLost(stop())
	})
}

func TestTransferThatFailsIsSaid(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		to := id%3 + 1
		c.network.SetLink(id, to, false)
		outcome := make(chan error, 1)
		go func() { outcome <- leader.Transfer(context.Background(), to) }()
		time.Sleep(20 * time.Millisecond)
		_, err := leader.ProposeWait(context.Background(), []byte("during"))
		if !errors.Is(err, raft.ErrTransferring) || !replica.Definite(err) {
			t.Errorf("a proposal during the transfer: got %v, want ErrTransferring", err)
		}
		if err := <-outcome; !errors.Is(err, replica.ErrNotTransferred) || !replica.Definite(err) {
			t.Errorf("got %v, want ErrNotTransferred", err)
		}
		c.mustPropose(leader, "after") // it goes on leading
		if m := leader.Metrics(); m.Transfers != 1 || m.TransfersFailed != 1 {
			t.Errorf("%d transfers, %d failed; want 1 of 1", m.Transfers, m.TransfersFailed)
		}
	})
}

func TestStopOfALeaderHandsOver(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "x")
		begin := time.Now()
		c.remove(id)
		if err := leader.stop(); err != nil {
			t.Error(err)
		}
		_, next := c.leader()
		c.mustPropose(next, "y")
		if took := time.Since(begin); took >= electionMin/2 {
			t.Errorf("another leader committed after %v", took)
		}
	})
}

func TestHandOver(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		ctx := context.Background()
		id, leader := c.leader()
		_, follower := c.follower()
		if err := follower.HandOver(ctx); err != nil {
			t.Errorf("a follower: %v", err)
		}
		if now := c.leads(); now != leader {
			t.Error("the leader changed")
		}
		asked := make(chan error, 1)
		go func() { asked <- leader.Transfer(ctx, id%3+1) }()
		synctest.Wait() // it has begun, and takes a sync
		if err := errors.Join(leader.HandOver(ctx), <-asked); err != nil {
			t.Errorf("the leader, during a transfer: %v", err)
		}
		if now := c.leads(); now != c.nodes[id%3+1] {
			t.Error("nobody leads, or not whom it was transferred to")
		}
		id, leader = c.leader()
		c.cut(id, false)
		if err := leader.HandOver(ctx); err == nil {
			t.Error("a leader that is cut off handed over")
		}
	})
	inCluster(t, 1, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, alone := c.leader()
		c.change(raft.Change{Kind: raft.AddLearner, ID: 2, Address: "mem:2"})
		if err := alone.HandOver(context.Background()); err != nil {
			t.Errorf("nobody else has a vote: %v", err)
		}
		c.mustPropose(alone, "x")
	})
}

func TestStopDoesNotWaitForSuccessorsThatAreGone(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.cut(id, false)
		c.remove(id)
		begin := time.Now()
		if err := leader.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 4*electionMin {
			t.Errorf("stop took %v", took)
		}
	})
}

func TestStalledLeaderHandsOver(t *testing.T) {
	o := replica.Options{DiskStallMax: 100 * time.Millisecond}
	inClusterOf(t, 3, logmem.Options{ManualSync: true}, o, func(c *cluster) {
		stop := c.syncAll()
		id, leader := c.leader()
		stop()
		outcome := make(chan error, 1)
		go func() {
			_, err := leader.ProposeWait(context.Background(), []byte("during"))
			outcome <- err
		}()
		c.remove(id)
		stop = c.syncAll() // of the other two
		time.Sleep(100*time.Millisecond + electionMin/2)
		next := c.leads()
		if next == nil || len(leader.events.of(replica.EventTransfer)) != 1 {
			t.Errorf("no leader half an election timeout after the stall; %v", leader.events.list)
		}
		stop()
		c.nodes[id] = leader
		stop = c.syncAll()
		if err := <-outcome; err != nil {
			t.Errorf("a write that the next leader committed: %v", err)
		}
		for _, n := range c.nodes {
			if err := n.Halt(); err != nil {
				t.Error(err)
			}
		}
		stop()
	})
}
