package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// nodeProcess is one node in a process of its own.
type nodeProcess struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	mu     sync.Mutex
	stderr bytes.Buffer
}

func (p *nodeProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

func (p *nodeProcess) said(words string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Contains(p.stderr.Bytes(), []byte(words))
}

// startNode runs the program as the node of c, whose configuration is put beside the data folder.
func startNode(t *testing.T, c server.Config) *nodeProcess {
	t.Helper()
	own := c.Peers[c.Node]
	c.PeerListen, c.ClientListen, c.AdminListen = own.Peer, own.Client, own.Admin
	c.Sync, c.Machine = storage.SyncNone, server.MachineMem // the processes are killed, the machine is not
	return startProcess(t, c)
}

// startProcess runs the program as a node.
func startProcess(t *testing.T, c server.Config) *nodeProcess {
	t.Helper()
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := c.DataDir + ".yaml"
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	p := &nodeProcess{cmd: exec.Command(os.Args[0], "node", "--config", file), exited: make(chan struct{})}
	p.cmd.Stderr = p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is asked for by whoever needs it
		close(p.exited)
	}()
	t.Cleanup(func() { p.end(t, syscall.SIGKILL) })
	return p
}

// end sends the process a signal and waits for its end.
func (p *nodeProcess) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-p.exited
}

// soon polls until ok holds.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20s: %s", what)
		}
	}
}

// freeNodes returns addresses for n nodes, below the ports that systems hand out, which were free a moment ago.
func freeNodes(t *testing.T, n int) map[raft.NodeID]server.Peer {
	t.Helper()
	var addresses []string
	for len(addresses) < 3*n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		addresses = append(addresses, l.Addr().String())
	}
	peers := map[raft.NodeID]server.Peer{}
	for i := range n {
		peers[raft.NodeID(i+1)] = server.Peer{Peer: addresses[3*i], Client: addresses[3*i+1], Admin: addresses[3*i+2]}
	}
	return peers
}

func readiness(peer server.Peer) string {
	r, err := http.Get("http://" + peer.Admin + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	return fmt.Sprint(string(text), err)
}

// wrote reports whether one of the nodes acknowledged a write.
func wrote(peers map[raft.NodeID]server.Peer, value string) bool {
	for _, peer := range peers {
		c, err := net.Dial("tcp", peer.Client)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprintf(c, "SET key %s\r\n", value)
		line, _ := bufio.NewReader(c).ReadString('\n')
		_ = c.Close()
		if line == "+OK\r\n" {
			return true
		}
	}
	return false
}

// What an operator may do to a data folder by mistake, to a cluster of processes: a copy does not start, an older state
// that is put back does not start either, and when it is insisted on, the others refuse it and go on.
func TestCopiedAndRestoredFoldersOfProcesses(t *testing.T) {
	dir, peers := t.TempDir(), freeNodes(t, 3)
	config := func(id raft.NodeID) server.Config {
		return server.Config{
			Node: id, DataDir: filepath.Join(dir, fmt.Sprint("node-", id)), Peers: peers,
			Heartbeat: 30 * time.Millisecond, ElectionMin: 300 * time.Millisecond, // a busy machine
		}
	}
	nodes := map[raft.NodeID]*nodeProcess{}
	for id := range peers {
		nodes[id] = startNode(t, config(id))
	}
	ready := func() {
		t.Helper()
		for id, peer := range peers {
			soon(t, fmt.Sprintf("node %d is ready", id), func() bool { return strings.HasPrefix(readiness(peer), "ok") })
		}
		soon(t, "a write is acknowledged", func() bool { return wrote(peers, "before") })
	}
	ready()

	// A copy of a node that was stopped.
	victim := config(3)
	nodes[3].end(t, syscall.SIGTERM)
	copied := victim
	copied.DataDir = filepath.Join(dir, "copy")
	if err := os.CopyFS(copied.DataDir, os.DirFS(victim.DataDir)); err != nil {
		t.Fatal(err)
	}
	refusedToStart(t, copied, "the folder is inode")

	// The original goes on living, twice, and is then put back to what it was.
	for range 2 {
		nodes[3] = startNode(t, victim)
		ready()
		nodes[3].end(t, syscall.SIGTERM)
	}
	overwrite(t, victim.DataDir, copied.DataDir)
	refusedToStart(t, victim, "INCARNATION is inode")

	// Somebody insists.
	victim.AdoptCopiedFolder = true
	rolled := startNode(t, victim)
	soon(t, "it says that it is refused", func() bool {
		return strings.Contains(readiness(peers[3]), "was rolled back or copied")
	})
	soon(t, "the logs say so", func() bool {
		return rolled.said("copied data folder adopted") && rolled.said("node takes part no more") &&
			(nodes[1].said("peer refused") || nodes[2].said("peer refused"))
	})
	delete(peers, 3)
	soon(t, "the others go on", func() bool { return wrote(peers, "after") })
	for id, peer := range peers {
		soon(t, fmt.Sprintf("node %d stays ready", id), func() bool { return strings.HasPrefix(readiness(peer), "ok") })
	}
}

// refusedToStart starts the node of c and wants it to end with the exit code of a wrong configuration, saying why.
func refusedToStart(t *testing.T, c server.Config, found string) {
	t.Helper()
	p := startNode(t, c)
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		t.Fatal("a node on a copied folder runs")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != int(exit.UsageError) {
		t.Errorf("got exit code %d, want %d", code, exit.UsageError)
	}
	for _, words := range []string{
		"data folder is a copy", found, "two nodes with one set of votes", "raftmark ctl members add",
		"--adopt-copied-folder",
	} {
		if !p.said(words) {
			t.Errorf("want %q in\n%s", words, p.stderr.String())
		}
	}
}

// overwrite makes the files of dir those of backup, as cp does: those that are in both keep their inodes.
func overwrite(t *testing.T, dir, backup string) {
	t.Helper()
	for name := range filesOf(t, dir) {
		if _, err := os.Stat(filepath.Join(backup, name)); errors.Is(err, os.ErrNotExist) {
			err = os.Remove(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range filesOf(t, backup) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// filesOf returns all files below dir.
func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, tree := map[string][]byte{}, os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[name], err = fs.ReadFile(tree, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
