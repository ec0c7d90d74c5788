package replica_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	logmem "github.com/raftmark/raftmark/storage/mem"
	"github.com/raftmark/raftmark/transport"
	netmem "github.com/raftmark/raftmark/transport/mem"
)

// forgetful is a machine that keeps nothing.
type forgetful struct{ ledger }

func (f *forgetful) Apply(span raft.Span, _ [][]byte) error {
	f.applied = span.LastIndex()
	return nil
}

// BenchmarkPropose commits commands of 100 bytes on three nodes in memory, with so many proposers.
func BenchmarkPropose(b *testing.B) {
	for _, proposers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("proposers=%d", proposers), func(b *testing.B) {
			leader := startInMemory(b)
			data := make([]byte, 100)
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error, proposers)
			b.ReportAllocs()
			b.ResetTimer()
			for range proposers {
				p := &replica.Proposal{Data: data}
				p.Done = func(p *replica.Proposal) {
					if p.Err != nil || left.Add(-1) < 0 {
						done <- p.Err
						return
					}
					leader.Propose(p)
				}
				leader.Propose(p)
			}
			for range proposers {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
		})
	}
}

// BenchmarkRead reads at a leader of three nodes in memory, with so many readers.
func BenchmarkRead(b *testing.B) {
	for _, readers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			leader := startInMemory(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error, readers)
			b.ReportAllocs()
			b.ResetTimer()
			for range readers {
				q := &replica.Read{}
				q.Done = func(q *replica.Read) {
					if q.Err != nil || left.Add(-1) < 0 {
						done <- q.Err
						return
					}
					leader.Read(q)
				}
				leader.Read(q)
			}
			for range readers {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
		})
	}
}

// startInMemory starts three nodes, in real time, and returns the leader.
func startInMemory(b *testing.B) *replica.Replica {
	b.Helper()
	network := netmem.NewNetwork()
	elected := make(chan raft.NodeID, 64)
	nodes := map[raft.NodeID]*replica.Replica{}
	for id := raft.NodeID(1); id <= 3; id++ {
		log, err := logmem.New(logmem.Options{})
		if err != nil {
			b.Fatal(err)
		}
		link, err := network.Transport(transport.Options{
			Self: id, Cluster: "bench", Peers: map[raft.NodeID]string{1: "1", 2: "2", 3: "3"},
		})
		if err != nil {
			b.Fatal(err)
		}
		r, err := replica.Start(replica.Options{
			Core: raft.Config{ID: id, Voters: []raft.NodeID{1, 2, 3}, ElectionTicksMin: 200}, Log: log, Transport: link,
			Machine: &forgetful{ledger{disk: &ledgerDisk{}}}, Snapshots: openFiles(b, b.TempDir()),
			Observe: func(e replica.Event) {
				if e.Kind == replica.EventTermCommitted {
					elected <- id
				}
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = r.Halt() })
		nodes[id] = r
	}
	return nodes[<-elected]
}
