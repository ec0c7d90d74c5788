package replica_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// flood proposes payload without waiting for answers until the returned function is called, which waits for all of
// them, and returns how many were taken.
func (c *cluster) flood(payload string) (stop func() uint64) {
	var taken atomic.Uint64
	var unanswered sync.WaitGroup
	quit := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
			n := c.leads()
			if n == nil {
				continue
			}
			for range 50 {
				unanswered.Add(1)
				n.Propose(&replica.Proposal{Data: []byte(payload), Done: func(p *replica.Proposal) {
					if p.Err == nil {
						taken.Add(1)
					}
					unanswered.Done()
				}})
			}
		}
	})
	return func() uint64 {
		close(quit)
		writer.Wait()
		unanswered.Wait()
		return taken.Load()
	}
}

// capped has small caps, each of another size.
func capped() replica.Options {
	return replica.Options{
		Core: raft.Config{
			MessageBytesMax: 4 << 10, InflightBytesMax: 16 << 10, UncommittedBytesMax: 48 << 10, TailBytesMax: 24 << 10,
			ApplyBytesMax: 20 << 10, SnapshotChunkBytes: 2 << 10, SnapshotInflightBytes: 8 << 10,
		},
		QueueBytesMax: 40 << 10, SnapshotLogBytes: 64 << 10, LogBytesMax: 256 << 10, SnapshotKeepEntries: 16,
		DiskStallMax: replica.DiskStallIgnored,
	}
}

// checkCaps checks that no queue of a node holds more than its cap and one item.
func (c *cluster) checkCaps(n *node) {
	c.t.Helper()
	o := c.options
	const item = 4 << 10 // the largest of one item: a message
	h, s, m := n.Held(), n.Status(), n.Metrics()
	for _, row := range []struct {
		name      string
		held, cap int
	}{
		{"proposals", h.ProposalBytes, o.QueueBytesMax + item},
		{"messages", h.MessageBytes, o.QueueBytesMax + item},
		{"writes", h.WriteBytes, o.Core.UncommittedBytesMax + o.Core.InflightBytesMax + item},
		{"applies", h.ApplyBytes, o.Core.ApplyBytesMax + item},
		{"chunks to store", h.StoreBytes, o.Core.SnapshotInflightBytes + item},
		{"chunks to read", h.ChunkReads, len(o.Core.Voters)},
		{"fetches", h.Fetches, len(o.Core.Voters)},
		{"compactions", h.Compactions, 1},
		{"tail", s.TailBytes, o.Core.TailBytesMax + o.Core.UncommittedBytesMax + item},
		{"log", int(m.LogBytes), o.LogBytesMax + o.Core.UncommittedBytesMax + item},
	} {
		if row.held > row.cap {
			c.t.Errorf("node %d: %s: %d, at most %d", s.ID, row.name, row.held, row.cap)
		}
	}
	for _, p := range s.Peers {
		if p.InflightBytes > o.Core.InflightBytesMax+item {
			c.t.Errorf("node %d: %d bytes on their way to %d, at most %d", s.ID, p.InflightBytes, p.ID, o.Core.InflightBytesMax)
		}
	}
}

// Whatever is slow or gone, every queue of every node stays within its cap, and the cluster takes what it can.
func TestQueuesStayWithinTheirCaps(t *testing.T) {
	for _, trouble := range []struct {
		name  string
		begin func(c *cluster, leader, follower raft.NodeID) (end func())
	}{
		{"a follower is cut off", func(c *cluster, _, follower raft.NodeID) func() {
			c.cut(follower, false)
			return func() { c.cut(follower, true) }
		}},
		{"the machine of a follower hangs", func(c *cluster, _, follower raft.NodeID) func() {
			return c.holdMachine(follower)
		}},
		{"the machine of the leader hangs", func(c *cluster, leader, _ raft.NodeID) func() {
			return c.holdMachine(leader)
		}},
		{"the machines persist slowly", func(c *cluster, _, _ raft.NodeID) func() {
			for _, disk := range c.disks {
				disk.takes(3 * time.Second)
			}
			return func() {
				for _, disk := range c.disks {
					disk.takes(0)
				}
			}
		}},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			inClusterOf(t, 3, logmem.Options{SyncDelay: 2 * time.Millisecond}, capped(), func(c *cluster) {
				leader, _ := c.leader()
				follower, _ := c.follower()
				stop := c.flood(strings.Repeat("x", 1000))
				end := trouble.begin(c, leader, follower)
				for range 120 {
					time.Sleep(7 * time.Millisecond)
					for _, n := range c.nodes {
						c.checkCaps(n)
					}
				}
				end()
				if taken := stop(); taken < 50 {
					t.Errorf("%d commands were taken", taken)
				}
				c.awaitLedgers(50)
			})
		})
	}
}

// holdMachine makes a node's machine wait until the returned function is called.
func (c *cluster) holdMachine(id raft.NodeID) func() {
	goOn := make(chan struct{})
	c.nodes[id].ledger.hold(goOn)
	return func() { close(goOn) }
}
