package replica_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
)

// The chain is over index, term, kind and data of the stored entries: equal on all nodes, and another one for others.
func TestLogChain(t *testing.T) {
	options := replica.Options{SnapshotKeepEntries: replica.SnapshotKeepNone}
	inClusterOf(t, 3, logmem.Options{}, options, func(c *cluster) {
		_, leader := c.leader()
		for i := range 50 {
			c.mustPropose(leader, fmt.Sprintf("command %d", i))
		}
		upto := leader.Status().CommitIndex
		c.await("all hold what is committed", func() bool {
			for _, n := range c.nodes {
				if n.Status().CommitIndex < upto {
					return false
				}
			}
			return true
		})
		want, err := leader.LogChain(context.Background(), 0, upto)
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range c.nodes {
			if got, err := n.LogChain(context.Background(), 0, upto); err != nil || got != want {
				t.Errorf("node %d: %v, %v, want %v", id, got, err, want)
			}
		}
		for _, part := range [][2]raft.Index{{1, upto}, {0, upto - 1}, {0, 0}} {
			if got, err := leader.LogChain(context.Background(), part[0], part[1]); err != nil || got == want {
				t.Errorf("(%d, %d]: %v, %v: the same as of all", part[0], part[1], got, err)
			}
		}
		for _, part := range [][2]raft.Index{{0, upto + 1000}, {2, 1}} {
			if _, err := leader.LogChain(context.Background(), part[0], part[1]); !errors.Is(err, raft.ErrOutOfRange) {
				t.Errorf("(%d, %d]: %v, want %v", part[0], part[1], err, raft.ErrOutOfRange)
			}
		}
		if err := leader.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
		if first := leader.Status().FirstIndex; first == 0 {
			t.Error("nothing was compacted: the rest proves nothing")
		} else if _, err := leader.LogChain(context.Background(), 0, upto); !errors.Is(err, raft.ErrCompacted) {
			t.Errorf("below the compacted: %v, want %v", err, raft.ErrCompacted)
		}
	})
}
