package bench_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/bench/floor"
	"github.com/raftmark/raftmark/kv"
)

// BenchmarkClosedLoop is the closed loop of `raftmark bench closed-floor` for benchstat and the profiler: three nodes
// in this process, loopback TCP, one sync for each batch on each node's disk, commands of 128 bytes. One operation is
// one command that a majority has. The floor is the same without Raft: run both, and compare their ratio.
func BenchmarkClosedLoop(b *testing.B) {
	for _, system := range []string{"floor", "raftmark"} {
		for _, proposers := range []int{1, 8, 64, 256, 1024} {
			b.Run(fmt.Sprintf("system=%s/proposers=%d", system, proposers), func(b *testing.B) {
				nodes := startSystem(b, system)
				proposeAll(b, nodes, proposers, 20*proposers) // connections, buffers and files are warm
				b.ReportAllocs()
				before := cpuUsed(b)
				b.ResetTimer()
				proposeAll(b, nodes, proposers, b.N)
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
				b.ReportMetric(float64((cpuUsed(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// cpuUsed is what the process has used, all nodes and the loop itself, user and system.
func cpuUsed(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

type proposer interface {
	Propose(ctx context.Context, data []byte) error
	Close() error
}

func startSystem(b *testing.B, system string) proposer {
	b.Helper()
	var nodes proposer
	var err error
	if system == "floor" {
		nodes, err = floor.Start(floor.Options{Dir: b.TempDir()})
	} else {
		nodes, err = cluster.StartInproc(b.Context(), cluster.InprocOptions{
			Dir: b.TempDir(), Transport: "tcp", LogStorage: "pebble", Machine: "null",
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := nodes.Close(); err != nil {
			b.Error(err)
		}
	})
	return nodes
}

// proposeAll proposes n commands, each proposer the next one when its last one is done.
func proposeAll(b *testing.B, nodes proposer, proposers, n int) {
	b.Helper()
	var begun atomic.Int64
	var workers sync.WaitGroup
	for worker := range proposers {
		workers.Go(func() {
			key, value := binary.BigEndian.AppendUint64(nil, uint64(worker)), make([]byte, 128)
			for begun.Add(1) <= int64(n) {
				// A fresh buffer for each: the log keeps what it is given.
				if err := nodes.Propose(b.Context(), kv.AppendSet(nil, key, value, 0)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
}
