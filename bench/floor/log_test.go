package floor_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/bench/floor"
)

func start(t *testing.T, nodes int) (*floor.Log, string) {
	t.Helper()
	dir := t.TempDir()
	l, err := floor.Start(floor.Options{Dir: dir, Nodes: nodes, FileBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

// What was acknowledged is in the files of a majority, whole, while the log is under way.
func TestAcknowledgedIsOnAMajority(t *testing.T) {
	for _, nodes := range []int{1, 2, 3, 4, 5} {
		l, dir := start(t, nodes)
		if err := l.Propose(t.Context(), []byte("what was acknowledged")); err != nil {
			t.Fatal(err)
		}
		has := 0
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != nodes {
			t.Fatalf("%d files, %v; want %d", len(entries), err, nodes)
		}
		for _, e := range entries {
			text, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "what was acknowledged") {
				has++
			}
		}
		if has <= nodes/2 {
			t.Errorf("%d of %d nodes have it", has, nodes)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Many propose more than the files hold, and each is answered; then the log ends, with an answer for everybody.
func TestManyProposeUntilItIsClosed(t *testing.T) {
	l, _ := start(t, 3)
	data := make([]byte, 1000)
	var workers sync.WaitGroup
	for range 64 {
		workers.Go(func() {
			for range 50 {
				if err := l.Propose(t.Context(), data); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	ended := make(chan error, 8)
	for range cap(ended) {
		go func() {
			for {
				if err := l.Propose(context.Background(), data); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	if err := l.Propose(t.Context(), data); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for range cap(ended) {
		select {
		case err := <-ended:
			if !errors.Is(err, floor.ErrClosed) {
				t.Errorf("%v, want %v", err, floor.ErrClosed)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a proposal is left without an answer")
		}
	}
}

// Who gives up leaves commands behind that are acknowledged when the log has ended.
func TestCloseWhileCommandsAreUnderWay(t *testing.T) {
	for range 20 {
		l, _ := start(t, 3)
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for l.Propose(ctx, make([]byte, 100)) == nil {
				}
			})
		}
		cancel()
		workers.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOptionsNameEveryFault(t *testing.T) {
	_, err := floor.Start(floor.Options{Nodes: 10, FileBytes: 1})
	for _, field := range []string{"Dir", "Nodes", "FileBytes"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}
