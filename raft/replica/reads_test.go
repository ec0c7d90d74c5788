package replica_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

func TestReadsSeeWhatWasAcknowledgedBefore(t *testing.T) {
	for name, core := range map[string]raft.Config{
		"read index": {},
		"lease":      {LeaseNanos: int64(100 * time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, 3, logmem.Options{SyncDelay: time.Millisecond}, core, func(c *cluster) {
				_, leader := c.leader()
				var acked atomic.Int64
				quit := make(chan struct{})
				var running sync.WaitGroup
				running.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-quit:
							return
						default:
						}
						if _, err := leader.ProposeWait(context.Background(), fmt.Append(nil, i)); err != nil {
							t.Error(err)
							return
						}
						acked.Add(1)
					}
				})
				for _, n := range c.nodes {
					running.Go(func() { c.readAlong(n, &acked, quit) })
				}
				time.Sleep(200 * time.Millisecond)
				close(quit)
				running.Wait()
				for id, n := range c.nodes {
					if m := n.Metrics(); m.Reads < 50 || m.ReadsFailed > 0 {
						t.Errorf("node %d: %d reads, %d failed", id, m.Reads, m.ReadsFailed)
					}
				}
			})
		})
	}
}

// readAlong reads a node again and again: each read sees at least what was acknowledged before it.
func (c *cluster) readAlong(n *node, acked *atomic.Int64, quit <-chan struct{}) {
	for {
		select {
		case <-quit:
			return
		default:
		}
		before := int(acked.Load())
		index, err := n.ReadIndex(context.Background())
		if err != nil {
			c.t.Errorf("read: %v", err)
			return
		}
		if applied, _ := n.ledger.Applied(); applied < index {
			c.t.Errorf("read at %d of a machine that applied %d", index, applied)
		}
		if got := len(n.ledger.list()); got < before {
			c.t.Errorf("a read saw %d commands, %d were acknowledged before it", got, before)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestReadsOfOneTurnShareARound(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		_, leader := c.leader()
		const n = 1000
		var all sync.WaitGroup
		all.Add(n)
		for range n {
			leader.Read(&replica.Read{Done: func(q *replica.Read) {
				if q.Err != nil || q.Index == 0 {
					t.Errorf("got %d, %v", q.Index, q.Err)
				}
				all.Done()
			}})
		}
		all.Wait()
		if m := leader.Metrics(); m.Reads != n || m.ReadBatches > n/4 {
			t.Errorf("%d reads in %d batches", m.Reads, m.ReadBatches)
		}
	})
}

func TestReadsFailCleanlyWithoutALeader(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "x")
		c.cut(id, false)
		begin := time.Now()
		outcome := make(chan error, 1)
		go func() {
			_, err := leader.ReadIndex(context.Background())
			outcome <- err
		}()
		err := <-outcome
		took := time.Since(begin)
		if !errors.Is(err, replica.ErrUnconfirmed) || !replica.Definite(err) || took > 2*time.Second {
			t.Errorf("a leader that is cut off answered a read with %v after %v", err, took)
		}
		// The others have a new leader by now, and read.
		for other, n := range c.nodes {
			if other != id {
				if _, err := n.ReadIndex(context.Background()); err != nil {
					t.Errorf("node %d: %v", other, err)
				}
			}
		}
		c.cut(id, true)
		if _, err := leader.ReadIndex(context.Background()); err != nil {
			t.Errorf("after the links are mended: %v", err)
		}
	})
}

func TestReadsRideOverAnElection(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.mustPropose(leader, "x")
		c.crash(id)
		for other, n := range c.nodes {
			if _, err := n.ReadIndex(context.Background()); err != nil {
				t.Errorf("node %d: %v", other, err)
			}
		}
	})
}

func TestReadsAreBounded(t *testing.T) {
	o := replica.Options{ReadsMax: 10}
	inClusterOf(t, 3, logmem.Options{}, o, func(c *cluster) {
		id, leader := c.leader()
		c.cut(id, false)
		outcomes := make(chan error, 20)
		for range 20 {
			leader.Read(&replica.Read{Done: func(q *replica.Read) { outcomes <- q.Err }})
		}
		busy := 0
		for range 20 {
			if err := <-outcomes; errors.Is(err, raft.ErrBusy) {
				busy++
			}
		}
		if busy != 10 || leader.Metrics().ReadsBusy != 10 {
			t.Errorf("%d of 20 reads were refused at a cap of 10", busy)
		}
	})
}

func TestStopEndsReads(t *testing.T) {
	inCluster(t, 3, logmem.Options{}, raft.Config{}, func(c *cluster) {
		id, leader := c.leader()
		c.cut(id, false)
		outcome := make(chan error, 2)
		leader.Read(&replica.Read{Done: func(q *replica.Read) { outcome <- q.Err }})
		_ = leader.Halt()
		leader.Read(&replica.Read{Done: func(q *replica.Read) { outcome <- q.Err }})
		for range 2 {
			if err := <-outcome; !errors.Is(err, raft.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
	})
}
