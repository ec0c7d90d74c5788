package replica_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// life is what happens to a cluster at random, drawn from a seed, while it is written to and read.
type life struct {
	*cluster
	rng     *rand.Rand
	down    map[raft.NodeID]*logmem.Log // crashed members
	next    raft.NodeID                 // to be added
	blocked raft.NodeID                 // whose links are cut
}

// TestNothingIsLostWhateverHappens runs a cluster through crashes, partitions, compactions, transfers and changes of
// its members. Goroutines run as they like, so that a seed says what happens, and not when exactly.
func TestNothingIsLostWhateverHappens(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			o := compacting()
			if seed%2 == 0 {
				o.Core.LeaseNanos = int64(100 * time.Millisecond)
			}
			inClusterOf(t, 3, logmem.Options{SyncDelay: time.Millisecond}, o, func(c *cluster) {
				l := &life{
					cluster: c, rng: rand.New(rand.NewPCG(seed, 0)), next: 4, down: map[raft.NodeID]*logmem.Log{},
				}
				stop := c.writeUnderLoad(4)
				stopReads := c.readUnderLoad(2)
				for range 30 {
					l.happen()
					time.Sleep(time.Duration(l.rng.IntN(200)) * time.Millisecond)
				}
				l.mend()
				stopReads()
				c.checkNoneLost(stop())
			})
		})
	}
}

// happen does one thing. At most one member is down or cut off at a time.
func (l *life) happen() {
	whole := len(l.down) == 0 && l.blocked == raft.None
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	leader := l.leads()
	switch l.rng.IntN(8) {
	case 0, 1:
		if whole {
			id := l.member()
			l.down[id] = l.crash(id)
		} else {
			l.mend()
		}
	case 2:
		if whole {
			l.blocked = l.member()
			l.cut(l.blocked, false)
		} else {
			l.mend()
		}
	case 3:
		if leader != nil {
			_ = leader.Transfer(ctx, raft.None) // refused, or not, by the state of things
		}
	case 4, 5:
		if leader != nil {
			l.change(ctx, leader)
		}
	default:
		_ = l.nodes[l.member()].Compact(ctx)
	}
}

// member returns a running node.
func (l *life) member() raft.NodeID {
	var ids []raft.NodeID
	for id := range l.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[l.rng.IntN(len(ids))]
}

func (l *life) mend() {
	for id, log := range l.down {
		l.start(id, log)
	}
	clear(l.down)
	if l.blocked != raft.None {
		l.cut(l.blocked, true)
		l.blocked = raft.None
	}
}

// change adds, promotes or removes somebody, if that may be.
func (l *life) change(ctx context.Context, leader *node) {
	now := leader.Status().Configuration
	learner := slices.IndexFunc(now.Members, func(m raft.Member) bool { return m.Learner })
	switch {
	case learner >= 0:
		_ = leader.ChangeConfig(ctx, []raft.Change{{Kind: raft.Promote, ID: now.Members[learner].ID}})
	case len(now.Members) < 4 && l.next <= idMax && now.LastID < l.next:
		if leader.ChangeConfig(ctx, []raft.Change{{Kind: raft.AddLearner, ID: l.next}}) == nil {
			l.start(l.next, l.newLog())
		}
		l.next++
	case len(now.Members) > 3 && len(l.down) == 0 && l.blocked == raft.None:
		gone := now.Members[l.rng.IntN(len(now.Members))].ID
		if n := l.nodes[gone]; leader.ChangeConfig(ctx, []raft.Change{{Kind: raft.Remove, ID: gone}}) == nil {
			l.remove(gone)
			_ = n.Halt()
		}
	}
}

// readUnderLoad has readers write, and read what they wrote at any node, until the returned function is called.
func (c *cluster) readUnderLoad(n int) (stop func()) {
	quit := make(chan struct{})
	var readers sync.WaitGroup
	for i := range n {
		readers.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-quit:
					return
				default:
				}
				command := fmt.Sprintf("<r%d.%d>", i, j)
				if err := c.write(command); err != nil {
					c.t.Error(err)
					return
				}
				c.mu.Lock()
				var nodes []*node
				for _, n := range c.nodes {
					nodes = append(nodes, n)
				}
				c.mu.Unlock()
				for _, n := range nodes {
					c.checkSees(n, command)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return func() {
		close(quit)
		readers.Wait()
	}
}

// checkSees checks that a read that a node confirms sees a command that was acknowledged.
func (c *cluster) checkSees(n *node, command string) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := n.ReadIndex(ctx); err != nil {
		return
	}
	list := n.ledger.list()
	if !slices.ContainsFunc(list, func(there []byte) bool { return string(there) == command }) {
		c.t.Errorf("node %d confirmed a read that does not see %q", n.Status().ID, command)
	}
}
