package peers_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers"
)

// holder is a system that can be asked what a node has applied.
type holder interface {
	bench.System
	Holds(ctx context.Context, node uint64, data []byte) (bool, error)
}

func start(ctx context.Context, t *testing.T, candidate bench.Candidate) holder {
	t.Helper()
	system, err := candidate.Start(ctx, bench.SystemOptions{
		Dir: t.TempDir(), Nodes: 3, Heartbeat: 50 * time.Millisecond, ElectionMin: 150 * time.Millisecond,
		ElectionMax: 300 * time.Millisecond, Keep: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	kept, ok := system.(holder)
	if !ok {
		t.Fatalf("%T has no Holds", system)
	}
	return kept
}

func command(i int) []byte {
	return append(fmt.Appendf(nil, "command %016d ", i), bytes.Repeat([]byte{'x'}, 100)...)
}

// propose returns which commands were acknowledged; an error is allowed where some may end unknown.
func propose(ctx context.Context, system bench.System, from, to int) (acknowledged [][]byte, last error) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	for i := from; i < to; i++ {
		workers.Go(func() {
			err := system.Propose(ctx, command(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				last = err
				return
			}
			acknowledged = append(acknowledged, command(i))
		})
	}
	workers.Wait()
	return acknowledged, last
}

// missing returns how many of the commands the node does not have.
func missing(ctx context.Context, t *testing.T, system holder, node uint64, commands [][]byte) (n int) {
	t.Helper()
	for _, data := range commands {
		has, err := system.Holds(ctx, node, data)
		if err != nil || !has {
			n++
		}
	}
	return n
}

// eventually waits for done until ctx ends.
func eventually(ctx context.Context, done func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

func eachSystem(t *testing.T, test func(ctx context.Context, t *testing.T, candidate bench.Candidate)) {
	for _, candidate := range peers.Systems() {
		t.Run(candidate.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
			defer cancel()
			test(ctx, t, candidate)
		})
	}
}

// What was acknowledged is on the disks of a majority: all nodes are killed, and each pair of them brings it back. A
// command that one node alone has is missing from the pair of the others.
func TestAcknowledgedSurvivesTheStopOfAllNodes(t *testing.T) {
	eachSystem(t, func(ctx context.Context, t *testing.T, candidate bench.Candidate) {
		system := start(ctx, t, candidate)
		const commands = 200
		acknowledged, err := propose(ctx, system, 0, commands)
		if err != nil || len(acknowledged) != commands {
			t.Fatalf("%d of %d acknowledged, %v", len(acknowledged), commands, err)
		}
		for node := uint64(1); node <= 3; node++ {
			if err := system.Kill(node); err != nil {
				t.Fatal(err)
			}
		}
		for _, pair := range [][2]uint64{{1, 2}, {2, 3}, {1, 3}} {
			var both sync.WaitGroup
			for _, node := range pair { // some wait for a majority
				both.Go(func() {
					if err := system.Restart(ctx, node); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			if t.Failed() {
				return
			}
			if _, err := system.Leader(ctx); err != nil {
				t.Fatal(err)
			}
			for _, node := range pair {
				if !eventually(ctx, func() bool { return missing(ctx, t, system, node, acknowledged) == 0 }) {
					t.Errorf("nodes %v: node %d lacks %d of %d acknowledged commands", pair, node,
						missing(t.Context(), t, system, node, acknowledged), len(acknowledged))
				}
			}
			for _, node := range pair { // not before both were asked: one alone applies nothing
				if err := system.Kill(node); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// The leader is killed under load: another one answers, and the one that comes back catches up.
func TestAnotherLeaderAnswers(t *testing.T) {
	eachSystem(t, func(ctx context.Context, t *testing.T, candidate bench.Candidate) {
		system := start(ctx, t, candidate)
		before, err := propose(ctx, system, 0, 50)
		if err != nil {
			t.Fatal(err)
		}
		old, err := system.Leader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var during [][]byte
		under := make(chan struct{})
		go func() {
			defer close(under)
			during, _ = propose(ctx, system, 50, 100) // some end unknown
		}()
		if err := system.Kill(old); err != nil {
			t.Fatal(err)
		}
		<-under
		leader, err := system.Leader(ctx)
		if err != nil || leader == old {
			t.Fatalf("leader %d, %v; want another than %d", leader, err, old)
		}
		var after [][]byte
		if !eventually(ctx, func() bool { // a client of the old one may still fail
			after, err = propose(ctx, system, 100, 150)
			return err == nil
		}) {
			t.Fatalf("no answer of node %d: %v", leader, err)
		}
		if err := system.Restart(ctx, old); err != nil {
			t.Fatal(err)
		}
		all := append(append(before, during...), after...)
		if !eventually(ctx, func() bool { return missing(ctx, t, system, old, all) == 0 }) {
			t.Errorf("node %d came back and lacks %d of %d acknowledged commands", old,
				missing(t.Context(), t, system, old, all), len(all))
		}
	})
}

// A system that was closed leaves nothing behind that would take time from the next one.
func TestCloseEndsEverything(t *testing.T) {
	eachSystem(t, func(ctx context.Context, t *testing.T, candidate bench.Candidate) {
		options := bench.SystemOptions{
			Nodes: 3, Heartbeat: 50 * time.Millisecond, ElectionMin: 150 * time.Millisecond, ElectionMax: 300 * time.Millisecond,
		}
		once := func() {
			options.Dir = t.TempDir()
			system, err := candidate.Start(ctx, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := system.Propose(ctx, command(1)); err != nil {
				t.Error(err)
			}
			if err := system.Close(); err != nil {
				t.Error(err)
			}
		}
		once() // what a library starts once for all its life
		before := runtime.NumGoroutine()
		for range 2 {
			once()
		}
		ends, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if !eventually(ends, func() bool { return runtime.NumGoroutine() <= before+2 }) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks)
		}
	})
}
