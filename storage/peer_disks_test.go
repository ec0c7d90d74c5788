package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func mustOpenPeers(t *testing.T, dir string) *PeerDisks {
	t.Helper()
	p, err := OpenPeerDisks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPeerIsAdmittedWithOneDisk(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	admit := func(node raft.NodeID, disk uint64, want error) {
		t.Helper()
		if err := p.Admit(node, disk, true); !errors.Is(err, want) {
			t.Errorf("Admit(%d, %d) = %v, want %v", node, disk, err, want)
		}
	}
	for range 2 {
		admit(2, 200, nil)
		admit(3, 1<<64-1, nil)
		admit(2, 201, ErrOtherDisk)
		admit(2, 0, ErrOtherDisk)
		admit(2, 200, nil)
		p = mustOpenPeers(t, dir)
	}
	admit(4, 0, nil) // a node in memory
	admit(4, 7, nil)
	admit(4, 0, ErrOtherDisk)
	if err := p.Admit(raft.None, 5, true); err == nil || errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit(0, 5) = %v, want another error", err)
	}
}

// TestStrangerIsComparedOnly greets before it is a member.
func TestStrangerIsComparedOnly(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	for disk := range uint64(3) {
		if err := p.Admit(2, disk, false); err != nil {
			t.Errorf("Admit(2, %d) of a stranger = %v", disk, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, peersName)); !os.IsNotExist(err) {
		t.Errorf("a stranger is recorded: %v", err)
	}
	if err := p.Admit(2, 20, true); err != nil {
		t.Fatal(err)
	}
	if err := p.Admit(2, 21, false); !errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit of one that was removed, with another disk = %v, want ErrOtherDisk", err)
	}
}

// TestKnownPeerNeedsNoDisk takes the folder away.
func TestKnownPeerNeedsNoDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := mustOpenPeers(t, dir)
	if err := p.Admit(2, 20, true); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.Admit(2, 20, true); err != nil {
		t.Errorf("Admit of a known peer = %v", err)
	}
	// What cannot be remembered is not admitted, not even the second time.
	for range 2 {
		if err := p.Admit(3, 30, true); err == nil || errors.Is(err, ErrOtherDisk) {
			t.Errorf("Admit without a folder = %v, want another error", err)
		}
	}
}

func TestPeersAreBounded(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	full := map[raft.NodeID]uint64{}
	for i := range PeerDisksMax {
		full[^raft.NodeID(i)] = ^uint64(i)
	}
	if err := p.write(full); err != nil {
		t.Fatal(err)
	}
	p = mustOpenPeers(t, dir)
	if err := p.Admit(1, 1, true); err == nil || errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit at the bound = %v, want another error", err)
	}
	if err := p.Admit(^raft.NodeID(5), ^uint64(5), true); err != nil {
		t.Errorf("Admit of a known peer at the bound = %v", err)
	}
}

func TestDamagedPeersAreFound(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	if err := errors.Join(p.Admit(2, 22, true), p.Admit(11, 33, true)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, peersName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPeerDisks(dir); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d flipped: %v, want ErrCorrupt", bit, err)
		}
	}
	for _, fields := range [][]field{
		{{"3", "1"}, {"2", "1"}}, {{"2", "1"}, {"2", "1"}}, {{"x", "1"}}, {{"2", "-1"}}, {{"0", "1"}}, {{"2", "0"}},
	} {
		if err := writeRecordFile(dir, peersName, peersHeader, fields); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPeerDisks(dir); !errors.Is(err, ErrCorrupt) {
			t.Errorf("fields %v: %v, want ErrCorrupt", fields, err)
		}
	}
}

// TestPeersAtTheSameTime lets several connections of many peers ask: of two disks of one peer, one is admitted.
func TestPeersAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	const nodes, disks = 4, 3
	var admitted [nodes][disks]error
	var group sync.WaitGroup
	for node := range nodes {
		for disk := range disks {
			group.Go(func() { admitted[node][disk] = p.Admit(raft.NodeID(node+1), uint64(disk+1), true) })
		}
	}
	group.Wait()
	again := mustOpenPeers(t, dir)
	for node := range nodes {
		in := 0
		for disk, err := range admitted[node] {
			if err == nil {
				in++
			} else if !errors.Is(err, ErrOtherDisk) {
				t.Errorf("Admit(%d, %d) = %v", node+1, disk+1, err)
			}
			if later := again.Admit(raft.NodeID(node+1), uint64(disk+1), true); (later == nil) != (err == nil) {
				t.Errorf("Admit(%d, %d) = %v after a restart, was %v", node+1, disk+1, later, err)
			}
		}
		if in != 1 {
			t.Errorf("node %d admitted with %d disks, want 1", node+1, in)
		}
	}
}
