package server

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// Writes to /dev/full fail as on a full disk.
func TestEventFileThatIsFullEndsTheNode(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, EventsFile)); err != nil {
		t.Fatal(err)
	}
	network := listen(t)
	n, err := Start(Config{
		Node: 1, DataDir: dir, Peers: map[raft.NodeID]Peer{1: {Peer: network.Addr().String()}}, PeerListen: "127.0.0.1:0",
	})
	_ = network.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Abort() })
	wantEnded(t, n, PartEvents, syscall.ENOSPC)
}
