package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/transport"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) count(words string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), words)
}

// newestLife waits until all nodes remember life incarnation of node id.
func newestLife(t *testing.T, nodes map[raft.NodeID]*Node, id raft.NodeID, incarnation int) {
	t.Helper()
	eventually(t, fmt.Sprintf("all nodes remember life %d of node %d", incarnation, id), func() bool {
		for other, n := range nodes {
			text, err := os.ReadFile(filepath.Join(n.Config().DataDir, "PEERS"))
			if other == id || err != nil {
				continue
			}
			remembered := false
			for line := range strings.Lines(string(text)) {
				words := strings.Fields(line)
				remembered = remembered || len(words) == 4 && words[0] == fmt.Sprintf("%d:", id) &&
					words[2] == fmt.Sprint(incarnation)
			}
			if !remembered {
				return false
			}
		}
		return true
	})
}

// A node that comes back as it was before its last life has forgotten what it promised in that: it is refused, says so
// and is silent, and the others go on.
func TestRolledBackNodeIsRefused(t *testing.T) {
	nodes, peers := startTCP(t, 3)
	_, follower := leaderOf(nodes)
	id, config := follower.config.Node, follower.Config()
	newestLife(t, nodes, id, 1)
	stop := func(n *Node) {
		t.Helper()
		if err := n.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		delete(nodes, id)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	stop(follower)
	if err := os.CopyFS(backup, os.DirFS(config.DataDir)); err != nil {
		t.Fatal(err)
	}
	nodes[id] = onTCP(t, Config{Node: id, DataDir: config.DataDir, Peers: peers})
	newestLife(t, nodes, id, 2)
	stop(nodes[id])
	if err := errors.Join(os.RemoveAll(config.DataDir), os.CopyFS(config.DataDir, os.DirFS(backup))); err != nil {
		t.Fatal(err)
	}

	restored := config
	restored.ClientListener, restored.AdminListener = nil, nil
	if _, err := Start(restored); !IsConfig(err) || !errors.Is(err, storage.ErrCopied) ||
		!strings.Contains(err.Error(), "--adopt-copied-folder") || !strings.Contains(err.Error(), "under a new id") {
		t.Fatalf("start on a restored folder: %v, want ErrCopied and the ways out", err)
	}
	var log lockedBuffer
	rolled := onTCP(t, Config{
		Node: id, DataDir: config.DataDir, Peers: peers, AdoptCopiedFolder: true,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	eventually(t, "it says why it is not ready", func() bool {
		code, text := fetch(t, rolled, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "was rolled back or copied")
	})
	eventually(t, "it is silent", func() bool { return log.count("node takes part no more") == 1 })
	eventually(t, "nobody can connect to it", func() bool {
		c, err := net.Dial("tcp", peers[id].Peer)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	s := rolled.Status()
	if s.Adoptions != 1 || s.Transport.RefusedBy["life"] == 0 || s.Raft.Role == raft.Leader.String() {
		t.Errorf("status of the one that was rolled back: %d adoptions, refused %v, %s",
			s.Adoptions, s.Transport.RefusedBy, s.Raft.Role)
	}
	if log.count("copied data folder adopted") != 1 {
		t.Error("the log does not say that the folder was adopted")
	}
	eventually(t, "one of the others says whom it refuses", func() bool {
		for _, n := range nodes {
			for _, refused := range n.Status().Refused {
				if refused.Node == id && strings.Contains(refused.Err, "does not come after 2") {
					_, metrics := fetch(t, n, "/metrics")
					return strings.Contains(metrics, "raftmark_refused_peers 1\n") &&
						strings.Contains(metrics, `raftmark_transport_refusals_total{reason="life"}`)
				}
			}
		}
		return false
	})
	_, metrics := fetch(t, rolled, "/metrics")
	for _, want := range []string{`raftmark_transport_refused_by_total{reason="life"}`, "raftmark_adoptions 1\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics of the one that is refused", want)
		}
	}
	w := startWriter(t, peers, 1)
	before := w.count()
	eventually(t, "the others go on", func() bool { return w.count() > before+10 })
	w.end(t, awaitLeader(t, nodes))
}

// TestGateLogsChangesOnly refuses a peer again and again.
func TestGateLogsChangesOnly(t *testing.T) {
	var log lockedBuffer
	g, err := openGate(Config{
		Node: 1, DataDir: claimedDir(t), Peers: map[raft.NodeID]Peer{1: {}, 2: {}},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	greet := func(incarnation, nonce uint64, want transport.Refusal) {
		t.Helper()
		err := g.greeted(transport.Greeting{Node: 2, Disk: 20, Incarnation: incarnation, Nonce: nonce})
		if got := transport.ReasonOf(err); got != want {
			t.Errorf("greeted by incarnation %d with nonce %d: %v, want %v", incarnation, nonce, err, want)
		}
	}
	greet(7, 70, transport.RefusedNone)
	for range 3 {
		greet(7, 71, transport.RefusedLife)
	}
	greet(6, 60, transport.RefusedLife)
	if list := g.list(); len(list) != 1 || list[0].Count != 4 || list[0].Incarnation != 6 || list[0].Disk != 20 {
		t.Errorf("refused: %+v, want one in incarnation 6, four times", list)
	}
	if n := log.count("peer refused"); n != 2 {
		t.Errorf("%d lines about refusals, want one for each incarnation", n)
	}
	greet(7, 70, transport.RefusedNone)
	if n := log.count("peer admitted again"); n != 1 || len(g.list()) != 0 {
		t.Errorf("%d lines about its admission, want 1; refused: %+v", n, g.list())
	}
	greet(7, 0, transport.RefusedUndecided)
	if err := g.greeted(transport.Greeting{Node: 2, Disk: 21, Incarnation: 8, Nonce: 1}); transport.ReasonOf(err) !=
		transport.RefusedDisk {
		t.Errorf("another disk: %v, want %v", err, transport.RefusedDisk)
	}
}

// TestGateRecordsTheLastLifeOfAStranger that becomes a member.
func TestGateRecordsTheLastLifeOfAStranger(t *testing.T) {
	c := Config{Node: 1, DataDir: claimedDir(t), Peers: map[raft.NodeID]Peer{1: {}}, Logger: slog.New(slog.DiscardHandler)}
	g, err := openGate(c)
	if err != nil {
		t.Fatal(err)
	}
	first := storage.Life{Disk: 30, Incarnation: 1, Nonce: 11}
	second := storage.Life{Disk: 30, Incarnation: 2, Nonce: 12, Previous: []uint64{11}}
	for _, life := range []storage.Life{first, second} {
		if err := g.admit(3, life); err != nil {
			t.Fatal(err)
		}
	}
	members := raft.Configuration{Members: []raft.Member{{ID: 1, Voter: true}, {ID: 3, Voter: true}}}
	if err := g.follow(members); err != nil {
		t.Fatal(err)
	}
	if g, err = openGate(c); err != nil {
		t.Fatal(err)
	}
	if err := g.admit(3, first); !errors.Is(err, storage.ErrRolledBack) {
		t.Errorf("its first life: %v, want ErrRolledBack", err)
	}
	if err := g.admit(3, second); err != nil {
		t.Errorf("its second life: %v", err)
	}
}
