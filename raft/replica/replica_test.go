package replica_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

func TestEveryNodeAppliesTheSameCommandsInOrder(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		for i := range 100 {
			c.mustPropose(leader, fmt.Sprintf("%03d", i))
		}
		for i, command := range c.awaitLedgers(100) {
			if want := fmt.Sprintf("%03d", i); string(command) != want {
				t.Fatalf("command %d is %q, want %q", i, command, want)
			}
		}
	})
}

func TestNoResultsAreMadeWhereNobodyWaits(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		for i := range 10 {
			c.mustPropose(leader, fmt.Sprint(i))
		}
		c.awaitLedgers(10)
		for id, n := range c.nodes {
			if answered := n.ledger.answered(); (answered > 0) != (n == leader) {
				t.Errorf("node %d made %d results; only the leader's callers wait", id, answered)
			}
		}
	})
}

func TestFollowerNamesTheLeader(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "a")
		time.Sleep(time.Second) // heartbeats reach everybody
		_, err := c.nodes[id%3+1].ProposeWait(context.Background(), []byte("b"))
		var notLeader replica.ErrNotLeader
		if !errors.As(err, &notLeader) || notLeader.Leader != id || !replica.Definite(err) {
			t.Errorf("got %v, want a definite refusal that names %d", err, id)
		}
	})
}

func TestNothingIsAcknowledgedBeforeAMajorityHasSynced(t *testing.T) {
	inCluster(t, 3, logmem.Options{ManualSync: true}, raft.Config{}, func(c *cluster) {
		stop := c.syncAll()
		id, leader := c.leader()
		stop()
		done := make(chan error, 1)
		go func() {
			_, err := leader.ProposeWait(context.Background(), []byte("x"))
			done <- err
		}()
		time.Sleep(100 * time.Millisecond)
		_ = leader.log.Sync()
		time.Sleep(100 * time.Millisecond)
		select {
		case err := <-done:
			t.Fatalf("acknowledged (%v) with the entry durable on 1 of 3 nodes", err)
		default:
		}
		_ = c.nodes[id%3+1].log.Sync()
		if err := <-done; err != nil {
			t.Errorf("durable on 2 of 3 nodes: %v", err)
		}
		stop = c.syncAll() // so that Stop does not wait for a disk
		for _, n := range c.nodes {
			if err := n.stop(); err != nil {
				t.Error(err)
			}
		}
		stop()
	})
}

// syncAll keeps syncing all logs until the returned function is called.
func (c *cluster) syncAll() (stop func()) {
	quit := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for range 10_000 {
			select {
			case <-quit:
				return
			default:
			}
			for _, n := range c.nodes {
				_ = n.log.Sync()
			}
			time.Sleep(time.Millisecond)
		}
	})
	return func() { close(quit); ended.Wait() }
}

func TestAcknowledgedWritesSurviveTheLeader(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		acked := map[string]bool{}
		for round := range 5 {
			id, leader := c.leader()
			for i := range 20 {
				command := fmt.Sprintf("%d-%02d;", round, i)
				c.mustPropose(leader, command)
				acked[command] = true
			}
			crashed := leader.log.Crash(50, uint64(round))
			_ = leader.Halt()
			delete(c.nodes, id)
			c.leader() // the others go on without it
			c.start(id, crashed)
		}
		c.leader()
		all := string(bytes.Join(c.awaitLedgers(len(acked)), nil))
		for command := range acked {
			if n := bytes.Count([]byte(all), []byte(command)); n != 1 {
				t.Errorf("%q was acknowledged and is there %d times", command, n)
			}
		}
	})
}

func TestGroupCommitMergesWhatWaits(t *testing.T) {
	const proposers = 64
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		before := leader.Metrics()
		var all sync.WaitGroup
		for i := range proposers {
			all.Go(func() {
				for j := range 10 {
					if _, err := leader.ProposeWait(context.Background(), fmt.Appendf(nil, "%d.%d;", i, j)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		m := leader.Metrics()
		if writes, entries := m.Writes-before.Writes, m.WrittenEntries-before.WrittenEntries; writes*4 > entries {
			t.Errorf("%d entries took %d synced writes", entries, writes)
		}
	})
}

func TestSlowFollowerIsFedFromStorage(t *testing.T) {
	core := raft.Config{TailEntriesMax: 4, MessageEntriesMax: 8}
	inCluster(t, 3, logmem.Options{}, core, func(c *cluster) {
		id, leader := c.leader()
		slow := id%3 + 1
		c.network.SetLink(id, slow, false)
		c.network.SetLink(slow, id, false)
		for i := range 200 {
			c.mustPropose(leader, fmt.Sprintf("%03d", i))
		}
		if s := leader.Status(); s.TailEntries > 50 {
			t.Errorf("%d entries kept in memory with a cap of 4", s.TailEntries)
		}
		c.network.SetLink(id, slow, true)
		c.network.SetLink(slow, id, true)
		c.awaitLedgers(200)
	})
}

func TestDiskErrorStopsTheNodeAndNotTheCluster(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "before")
		broken := errors.New("input/output error")
		leader.log.Fail(broken)
		if _, err := leader.ProposeWait(context.Background(), []byte("during")); err == nil {
			t.Error("acknowledged by a leader that cannot write")
		}
		<-leader.Done()
		if !errors.Is(leader.Err(), broken) {
			t.Errorf("the node stopped with %v, want %v", leader.Err(), broken)
		}
		delete(c.nodes, id)
		_, next := c.leader()
		c.mustPropose(next, "after")
	})
}

func TestFailedSyncIsNeverAcknowledged(t *testing.T) {
	inCluster(t, 1, logmem.Options{ManualSync: true}, raft.Config{}, func(c *cluster) {
		stop := c.syncAll()
		_, leader := c.leader()
		stop()
		outcome := make(chan error, 1)
		go func() {
			_, err := leader.ProposeWait(context.Background(), []byte("x"))
			outcome <- err
		}()
		synctest.Wait() // appended, and not synced
		leader.log.Fail(errors.New("sync failed"))
		if err := <-outcome; !errors.Is(err, replica.ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown: nobody knows what the disk kept", err)
		}
		<-leader.Done()
	})
}

func TestStalledDiskEndsLeadership(t *testing.T) {
	inCluster(t, 3, logmem.Options{ManualSync: true}, raft.Config{}, func(c *cluster) {
		stop := c.syncAll()
		id, leader := c.leader()
		stop()
		outcome := make(chan error, 1)
		go func() {
			_, err := leader.ProposeWait(context.Background(), []byte("during"))
			outcome <- err
		}()
		delete(c.nodes, id)
		stop = c.syncAll() // of the other two
		_, next := c.leader()
		c.mustPropose(next, "after")
		if s := leader.Status(); s.Role == raft.Leader || s.Term > next.Status().Term {
			t.Errorf("the node with the stalled disk is %v in term %d", s.Role, s.Term)
		}
		if age := leader.Metrics().OldestWriteAge; age < time.Second {
			t.Errorf("the oldest write is %v old after a stall of more than a second", age)
		}
		stop()
		c.nodes[id] = leader
		stop = c.syncAll() // the disk is back
		if err := <-outcome; err != nil {
			t.Errorf("a write that the next leader committed: %v", err)
		}
		c.awaitLedgers(2)
		for _, n := range c.nodes {
			if err := n.stop(); err != nil {
				t.Error(err)
			}
		}
		stop()
	})
}

func TestMachineErrorStopsTheNode(t *testing.T) {
	inCluster(t, 1, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		leader.ledger.mu.Lock()
		leader.ledger.fail = errors.New("machine broken")
		leader.ledger.mu.Unlock()
		_, err := leader.ProposeWait(context.Background(), []byte("x"))
		if !errors.Is(err, replica.ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown: the entry is committed and not applied", err)
		}
		<-leader.Done()
		if leader.Err() == nil {
			t.Error("stopped without a reason")
		}
	})
}

func TestStopCompletesEveryProposalOnce(t *testing.T) {
	inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		const n = 500
		var mu sync.Mutex
		times := map[*replica.Proposal]int{}
		var all sync.WaitGroup
		all.Add(n)
		for range n {
			leader.Propose(&replica.Proposal{Data: []byte("x"), Done: func(p *replica.Proposal) {
				mu.Lock()
				times[p]++
				mu.Unlock()
				all.Done()
			}})
		}
		if err := leader.stop(); err != nil {
			t.Error(err)
		}
		all.Wait()
		for p, k := range times {
			if k != 1 {
				t.Errorf("%v was completed %d times", p.ID, k)
			}
		}
		_, err := leader.ProposeWait(context.Background(), []byte("late"))
		if !errors.Is(err, raft.ErrClosed) || !replica.Definite(err) {
			t.Errorf("after Stop: got %v, want ErrClosed", err)
		}
	})
}

func TestDeposedLeaderDoesNotAnswerForWhatWasReplaced(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, old := c.leader()
		for other := range c.nodes {
			c.network.SetLink(id, other, false)
			c.network.SetLink(other, id, false)
		}
		outcome := make(chan error, 1)
		go func() {
			_, err := old.ProposeWait(context.Background(), []byte("lost"))
			outcome <- err
		}()
		time.Sleep(time.Second)
		_, next := c.leader()
		if next == old {
			t.Fatal("a leader without a majority still leads after a second")
		}
		for i := range 5 {
			c.mustPropose(next, fmt.Sprint(i))
		}
		for other := range c.nodes {
			c.network.SetLink(id, other, true)
			c.network.SetLink(other, id, true)
		}
		if err := <-outcome; err == nil {
			t.Error("a replaced entry was acknowledged")
		}
		for _, command := range c.awaitLedgers(5) {
			if string(command) == "lost" {
				t.Error("a replaced entry was applied")
			}
		}
	})
}

func TestSingleNodeElectsItself(t *testing.T) {
	inCluster(t, 1, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		c.mustPropose(leader, "alone")
	})
}

func TestStartRefusesBadOptions(t *testing.T) {
	_, err := replica.Start(replica.Options{Core: raft.Config{ID: 1, Voters: []raft.NodeID{2}}, TickInterval: 1})
	for _, want := range []string{
		"ID: 1 is not one of the servers", "TickInterval: 1ns", "Log, Transport, Machine, Snapshots",
	} {
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("got %v, want it to name %q", err, want)
		}
	}
}
