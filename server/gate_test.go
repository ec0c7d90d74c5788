package server

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/transport"
)

// claimedDir returns a data folder of node 1 as a node finds it when its gate opens.
func claimedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	claim, err := storage.NewClaim(storage.Options{Dir: dir, Cluster: "test", Node: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = claim.Close() })
	return dir
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is remembered of peers is on the disk like all else: its first error ends the node.
func TestErrorOfWritingPeersEndsTheNode(t *testing.T) {
	n := alone(t, nil)
	obstacle := filepath.Join(n.config.DataDir, "PEERS.tmp")
	if err := os.MkdirAll(filepath.Join(obstacle, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	by := transport.Greeting{Node: 1, Disk: 9, Incarnation: 1, Nonce: 5}
	if err := n.gate.greeted(by); err == nil {
		t.Error("a peer that cannot be remembered is admitted")
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	if err := n.gate.greeted(by); err == nil {
		t.Error("it is tried again")
	}
	wantEnded(t, n, PartPeers, syscall.ENOTEMPTY)
	if list := n.gate.list(); len(list) > 0 {
		t.Errorf("the peer is called refused: %+v", list)
	}
	if failed := eventsOf(t, n.config.DataDir, EventStorageFailed); len(failed) != 1 || failed[0].Part != PartPeers {
		t.Errorf("events %+v, want one with the part", failed)
	}
}

// Without PEERS a node would take a member that was rolled back for who it was.
func TestNodeWithoutItsPeersDoesNotStart(t *testing.T) {
	n := alone(t, nil)
	config := n.Config()
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(config.DataDir, "PEERS")); err != nil {
		t.Fatal(err)
	}
	config.ClientListener, config.AdminListener = nil, nil
	if _, err := Start(config); !IsStorage(err) || !errors.Is(err, storage.ErrCorrupt) ||
		!strings.Contains(err.Error(), "no PEERS") {
		t.Errorf("Start = %v, want ErrCorrupt for PEERS", err)
	}
}

// stalledRecord is a record on a disk that hangs whenever it is to be written.
type stalledRecord struct {
	record

	entered, resume chan struct{}
}

func (r stalledRecord) Admit(node raft.NodeID, life storage.Life, member bool) error {
	if member {
		r.entered <- struct{}{}
		<-r.resume
	}
	return r.record.Admit(node, life, member)
}

// A disk that hangs under PEERS keeps nobody from what the gate says: /status and /metrics ask it.
func TestGateAnswersWhileItsDiskHangs(t *testing.T) {
	members := func(ids ...raft.NodeID) (c raft.Configuration) {
		for _, id := range ids {
			c.Members = append(c.Members, raft.Member{ID: id, Voter: true})
		}
		return c
	}
	life := storage.Life{Disk: 3, Incarnation: 1, Nonce: 4}
	for name, do := range map[string]func(*gate) error{
		"a member greets":             func(g *gate) error { return g.admit(2, life) },
		"a stranger becomes a member": func(g *gate) error { return g.follow(members(1, 2, 3)) },
	} {
		t.Run(name, func(t *testing.T) {
			g, err := openGate(Config{
				Node: 1, DataDir: claimedDir(t), Peers: map[raft.NodeID]Peer{1: {}, 2: {}}, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := g.admit(3, life); err != nil {
				t.Fatal(err)
			}
			stalled := stalledRecord{record: g.lives, entered: make(chan struct{}), resume: make(chan struct{})}
			g.lives = stalled
			done := make(chan error, 1)
			go func() { done <- do(g) }()
			<-stalled.entered
			answered := make(chan struct{})
			go func() {
				_ = g.list()
				_ = g.admit(4, life) // a stranger, of whom nothing is written
				close(answered)
			}()
			select {
			case <-answered:
			case <-time.After(patience):
				t.Error("the gate does not answer")
			}
			close(stalled.resume)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// One that becomes a member while it is admitted as a stranger is recorded.
func TestStrangerThatBecomesAMemberMeanwhileIsRecorded(t *testing.T) {
	c := Config{Node: 1, DataDir: claimedDir(t), Peers: map[raft.NodeID]Peer{1: {}}, Logger: slog.New(slog.DiscardHandler)}
	g, err := openGate(c)
	if err != nil {
		t.Fatal(err)
	}
	joins := joiningRecord{record: g.lives, join: func() {
		if err := g.follow(raft.Configuration{Members: []raft.Member{{ID: 1}, {ID: 3}}}); err != nil {
			t.Error(err)
		}
	}}
	g.lives = joins
	if err := g.admit(3, storage.Life{Disk: 3, Incarnation: 1, Nonce: 4}); err != nil {
		t.Fatal(err)
	}
	if text := readFile(t, filepath.Join(c.DataDir, "PEERS")); !strings.Contains(text, "\n3: 3 1 4\n") {
		t.Errorf("it is not recorded:\n%s", text)
	}
	if len(g.strangers) > 0 {
		t.Errorf("strangers %+v, want none", g.strangers)
	}
}

// joiningRecord makes a stranger a member when it has admitted it.
type joiningRecord struct {
	record

	join func()
}

func (r joiningRecord) Admit(node raft.NodeID, life storage.Life, member bool) error {
	err := r.record.Admit(node, life, member)
	if !member {
		r.join()
	}
	return err
}
