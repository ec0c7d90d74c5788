package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	logpebble "github.com/raftmark/raftmark/storage/pebble"
)

// forge changes the data of the n-th entry from the end in the log of a node that is stopped: its name stays, so that
// nobody notices.
func forge(t *testing.T, p *processes, node uint64, n raft.Index) raft.Index {
	t.Helper()
	log, err := logpebble.Open(storage.Options{
		Dir: p.cluster.Node(raft.NodeID(node)).DataDir(), Cluster: "bench", Node: raft.NodeID(node),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}()
	state, err := log.Load()
	if err != nil {
		t.Fatal(err)
	}
	last := state.Last.Index
	span, err := log.Read(last-n, last, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	span.Encoded = nil
	data := append([]byte{}, span.Entries[0].Data...)
	data[len(data)-1]++
	span.Entries[0].Data = data
	wait, err := log.Append(nil, []raft.Span{span})
	if err == nil {
		err = wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	return last - n + 1
}

// forger is a cluster whose last node is given another log when the run has ended and the nodes are asked for their
// states.
type forger struct {
	*processes
	t      *testing.T
	forged raft.Index // 0: not yet
}

func (f *forger) status(ctx context.Context, hash bool) []nodeStatus {
	if hash && f.forged == 0 {
		statuses := f.processes.status(ctx, false)
		leader, _ := leaderOf(statuses)
		node := statuses[0].node
		if node == leader.node {
			node = statuses[1].node
		}
		if _, _, err := f.Stop(ctx, node); err != nil {
			f.t.Fatal(err)
		}
		f.forged = forge(f.t, f.processes, node, 5)
		if err := f.Restart(ctx, node); err != nil {
			f.t.Fatal(err)
		}
	}
	return f.processes.status(ctx, hash)
}

// A node whose log differs from the others' in one byte of one entry is found, and the entry is named, though its state
// machine has applied the right one; the clients saw nothing.
func TestDifferentLogsAreUnsafe(t *testing.T) {
	scenario := toy(t)
	scenario.Faults, scenario.Steady = nil, Duration(500*time.Millisecond)
	program, dir := executable(t), t.TempDir()
	var sys *forger
	clk := clock.New()
	progress := startProgress(nil, time.Minute, 1)
	defer progress.stop()
	r := newRun(scenario, 1, clk, progress)
	err := r.execute(t.Context(), func(ctx context.Context) (system, error) {
		started, err := startProcesses(ctx, program, dir, scenario, clk)
		if err != nil {
			return nil, err
		}
		nodes, _ := started.(*processes)
		sys = &forger{processes: nodes, t: t}
		return sys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("differ from entry %d on", sys.forged); r.safety.Logs != "violation" ||
		!strings.Contains(strings.Join(r.unsafe, "\n"), want) {
		t.Errorf("got %+v, unsafe %q; want one that says %q", r.safety, r.unsafe, want)
	}
	if r.safety.Lost != 0 || r.safety.Linearizable != "ok" || r.safety.LogEntries < 50 {
		t.Errorf("got %+v", r.safety)
	}
}
