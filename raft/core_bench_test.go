package raft_test

import (
	"fmt"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// trio is three cores whose messages, writes and applies are done at once, in the cheapest way: what is
// measured is the cores.
type trio struct {
	cores [3]*raft.Core
	ready raft.Ready
	inbox [3][]raft.Message
}

func newTrio(tb testing.TB, cfg raft.Config) *trio {
	tb.Helper()
	n := &trio{}
	cfg.Voters, cfg.ElectionTicksMin = []raft.NodeID{1, 2, 3}, electionTicks
	for i := range n.cores {
		cfg.ID = raft.NodeID(i + 1)
		core, err := raft.New(cfg, raft.Boot{})
		if err != nil {
			tb.Fatal(err)
		}
		n.cores[i] = core
	}
	for n.cores[0].Role() != raft.Leader {
		n.cores[0].Tick()
		n.settle(tb)
	}
	return n
}

// settle pays all debts until there are none.
func (n *trio) settle(tb testing.TB) {
	for busy := true; busy; {
		busy = false
		for i, core := range n.cores {
			for j := range n.inbox[i] {
				if err := core.Step(n.inbox[i][j]); err != nil {
					tb.Fatal(err)
				}
			}
			n.inbox[i] = n.inbox[i][:0]
			for core.Ready(&n.ready) {
				busy = true
				n.pay(core)
			}
		}
	}
}

func (n *trio) pay(core *raft.Core) {
	r := &n.ready
	for _, sends := range [2][]raft.Message{r.SendNow, r.SendAfterSync} {
		for i := range sends {
			to := int(sends[i].To) - 1
			n.inbox[to] = append(n.inbox[to], sends[i])
		}
	}
	if r.Write != 0 {
		core.Synced(r.Write)
	}
	if len(r.Apply) > 0 {
		core.Applied(r.Apply[len(r.Apply)-1].Upto)
	}
}

// BenchmarkCoreReplicate is the whole life of an entry in three cores: proposed, sent, written,
// acknowledged, committed, applied. The tail is bounded, so that memory does not grow with the run.
func BenchmarkCoreReplicate(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			n := newTrio(b, raft.Config{TailEntriesMax: 1024})
			data := make([]byte, 128)
			entries := make([]raft.Entry, batch)
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += batch {
				for i := range entries {
					entries[i] = raft.Entry{Data: data}
				}
				if got := n.cores[0].Propose(entries); got != batch {
					b.Fatalf("took %d of %d", got, batch)
				}
				n.settle(b)
			}
			b.StopTimer()
			if got := n.cores[0].CommitIndex(); got < raft.Index(b.N) {
				b.Fatalf("committed %d of %d", got, b.N)
			}
		})
	}
}
