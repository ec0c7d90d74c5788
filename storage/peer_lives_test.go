package storage

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func mustOpenPeers(t *testing.T, dir string) *PeerLives {
	t.Helper()
	if err := needPeers(dir, true); err != nil { // a claim has done that
		t.Fatal(err)
	}
	p, err := OpenPeerLives(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// born returns the first life of a disk.
func born(disk uint64) Life {
	if disk == 0 {
		return Life{}
	}
	return Life{Disk: disk, Incarnation: 1, Nonce: disk + 1000}
}

func readPeersFile(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, peersName))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestPeerIsAdmittedWithOneDisk(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	admit := func(node raft.NodeID, disk uint64, want error) {
		t.Helper()
		if err := p.Admit(node, born(disk), true); !errors.Is(err, want) {
			t.Errorf("Admit(%d, %d) = %v, want %v", node, disk, err, want)
		}
	}
	for range 2 {
		admit(2, 200, nil)
		admit(3, 1<<64-2000, nil)
		admit(2, 201, ErrOtherDisk)
		admit(2, 0, ErrOtherDisk)
		admit(2, 200, nil)
		p = mustOpenPeers(t, dir)
	}
	admit(4, 0, nil) // a node in memory
	admit(4, 7, nil)
	admit(4, 0, ErrOtherDisk)
	for _, bad := range []Life{{Disk: 5, Incarnation: 1}, {Disk: 5, Nonce: 1}} {
		if err := p.Admit(5, bad, true); err == nil || errors.Is(err, ErrOtherDisk) || errors.Is(err, ErrRolledBack) {
			t.Errorf("Admit(5, %+v) = %v, want another error", bad, err)
		}
	}
	if err := p.Admit(raft.None, born(5), true); err == nil || errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit(0, 5) = %v, want another error", err)
	}
}

// line makes n lives, one after the other.
func line(first Life, n int) []Life {
	lives := []Life{first}
	for range n - 1 {
		lives = append(lives, lives[len(lives)-1].next())
	}
	return lives
}

// The table of doc.go, what a peer finds: a disk that lived n lives is rolled back to an earlier one, and lives on.
func TestRolledBackPeerIsRefused(t *testing.T) {
	const lives = 6
	failure := NewFailure("peers", slog.New(slog.DiscardHandler))
	was := line(born(9), lives) // was[i] has incarnation i+1
	for seen := range was {     // the newest life that was seen
		for back := range was { // the life that it is rolled back to
			now := line(was[back], PreviousMax+lives+2)[1:] // each drew another nonce
			for i, life := range now {
				newest := peerLife{disk: 9, incarnation: was[seen].Incarnation, nonce: was[seen].Nonce}
				p := &PeerLives{failure: failure, seen: map[raft.NodeID]peerLife{2: newest}}
				var want error
				if back < seen && life.Incarnation-min(life.Incarnation, was[seen].Incarnation) <= PreviousMax {
					want = ErrRolledBack
				}
				if _, err := p.check(2, life, true); !errors.Is(err, want) {
					t.Fatalf("seen life %d, rolled back to %d, then %d lives: got %v, want %v", seen+1, back+1, i+1, err, want)
				}
			}
		}
	}
}

// TestUnseenLivesAreNoAlarm has a peer miss any number of lives, its own restarts in between.
func TestUnseenLivesAreNoAlarm(t *testing.T) {
	dir := t.TempDir()
	life := born(9)
	for missed := range PreviousMax + 4 {
		p := mustOpenPeers(t, dir)
		for range 2 {
			if err := p.Admit(2, life, true); err != nil {
				t.Fatalf("after %d lives that were missed: %v", missed, err)
			}
		}
		for range missed + 1 {
			life = life.next()
		}
	}
}

// TestForkedPeerCannotOutliveItsRefusal restarts a node that was rolled back until it has forgotten where it forked.
func TestForkedPeerCannotOutliveItsRefusal(t *testing.T) {
	dir := t.TempDir()
	was := line(born(9), 3)
	p := mustOpenPeers(t, dir)
	if err := p.Admit(2, was[2], true); err != nil {
		t.Fatal(err)
	}
	rolled := line(was[0], 3*PreviousMax)[1:]
	for i, life := range rolled {
		if err := p.Admit(2, life, true); !errors.Is(err, ErrRolledBack) {
			t.Fatalf("Admit in life %d after the rollback = %v, want ErrRolledBack", i+1, err)
		}
		if i%5 == 0 {
			p = mustOpenPeers(t, dir)
		}
	}
	for _, life := range line(was[2], 10) { // the one that it was is still known
		if err := p.Admit(2, life, true); err != nil {
			t.Fatalf("Admit of the true one: %v", err)
		}
	}
	if err := p.Admit(2, rolled[len(rolled)-1], true); !errors.Is(err, ErrRolledBack) {
		t.Fatalf("Admit of the other one, after the true one = %v, want ErrRolledBack", err)
	}
}

// TestLateGreetingIsRefusedOnly lets a greeting arrive when its process has long ended: that is no fork.
func TestLateGreetingIsRefusedOnly(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	lives := line(born(9), PreviousMax+9)
	if err := errors.Join(p.Admit(2, lives[0], true), p.Admit(2, lives[1], true)); err != nil {
		t.Fatal(err)
	}
	if err := p.Admit(2, lives[0], true); !errors.Is(err, ErrRolledBack) {
		t.Errorf("Admit of the life before = %v, want ErrRolledBack", err)
	}
	if err := mustOpenPeers(t, dir).Admit(2, lives[len(lives)-1], true); err != nil {
		t.Errorf("Admit of one much later = %v", err)
	}
}

// TestEachLifeIsSyncedOnce counts how often the file is replaced.
func TestEachLifeIsSyncedOnce(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	var last mark
	changed := func() bool {
		t.Helper()
		file, err := os.Open(filepath.Join(dir, peersName))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		now, err := markOf(file)
		if err != nil {
			t.Fatal(err)
		}
		if now.born == 0 {
			t.Skip("the file system does not say when files were born")
		}
		before := last
		last = now
		return now != before
	}
	lives := line(born(9), 4)
	for i, life := range lives {
		for try := range 3 {
			if err := p.Admit(2, life, true); err != nil {
				t.Fatal(err)
			}
			if got, want := changed(), try == 0; got != want {
				t.Errorf("life %d, greeting %d: PEERS written: %v, want %v", i+1, try+1, got, want)
			}
		}
	}
	forks := line(lives[0], 8)[3:]
	for i, life := range forks {
		if err := p.Admit(2, life, true); !errors.Is(err, ErrRolledBack) {
			t.Fatal(err)
		}
		if got, want := changed(), i == 0; got != want {
			t.Errorf("refused life %d: PEERS written: %v, want %v", i+1, got, want)
		}
	}
}

// TestOlderPeersFileIsRead admits any life of the disk that it has.
func TestOlderPeersFileIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := writeRecordFile(dir, peersName, peersHeader1, []field{{"2", "9"}, {"3", "8"}}); err != nil {
		t.Fatal(err)
	}
	p := mustOpenPeers(t, dir)
	lives := line(born(9), 3)
	if err := p.Admit(2, born(7), true); !errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit with another disk = %v, want ErrOtherDisk", err)
	}
	if err := p.Admit(2, lives[1], true); err != nil {
		t.Errorf("Admit = %v", err)
	}
	p = mustOpenPeers(t, dir)
	if err := p.Admit(2, lives[0], true); !errors.Is(err, ErrRolledBack) {
		t.Errorf("Admit of the life before = %v, want ErrRolledBack", err)
	}
	if err := p.Admit(3, born(8), false); err != nil {
		t.Errorf("Admit of a peer that was not seen since = %v", err)
	}
}

// TestStrangerIsComparedOnly greets before it is a member.
func TestStrangerIsComparedOnly(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	none := readPeersFile(t, dir)
	for disk := range uint64(3) {
		if err := p.Admit(2, born(disk), false); err != nil {
			t.Errorf("Admit(2, %d) of a stranger = %v", disk, err)
		}
	}
	if now := readPeersFile(t, dir); now != none {
		t.Errorf("a stranger is recorded:\n%s", now)
	}
	lives := line(born(20), 3)
	if err := p.Admit(2, lives[1], true); err != nil {
		t.Fatal(err)
	}
	before := readPeersFile(t, dir)
	if err := p.Admit(2, born(21), false); !errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit of one that was removed, with another disk = %v, want ErrOtherDisk", err)
	}
	if err := p.Admit(2, lives[0].next(), false); !errors.Is(err, ErrRolledBack) {
		t.Errorf("Admit of one that was removed, rolled back = %v, want ErrRolledBack", err)
	}
	if err := p.Admit(2, lives[2], false); err != nil {
		t.Errorf("Admit of one that was removed, in its next life = %v", err)
	}
	if after := readPeersFile(t, dir); after != before {
		t.Errorf("the record changed to\n%swas\n%s", after, before)
	}
}

// TestKnownPeerNeedsNoDisk takes the folder away.
func TestKnownPeerNeedsNoDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := mustOpenPeers(t, dir)
	life := born(20)
	if err := p.Admit(2, life, true); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.Admit(2, life, true); err != nil {
		t.Errorf("Admit of a known peer = %v", err)
	}
	if err := p.Failure().Get(); err != nil {
		t.Errorf("Failure() = %v before anything was written", err)
	}
}

// TestFirstErrorOfAWriteIsTheLast makes one write of PEERS fail, and would let the next one succeed.
func TestFirstErrorOfAWriteIsTheLast(t *testing.T) {
	first, next := born(20), born(20).next()
	forked := Life{Disk: 20, Incarnation: 1, Nonce: 5}
	for name, life := range map[string]Life{"a life to remember": next, "a refusal to remember": forked} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p := mustOpenPeers(t, dir)
			if err := p.Admit(2, first, true); err != nil {
				t.Fatal(err)
			}
			before := readPeersFile(t, dir)
			obstacle := filepath.Join(dir, peersName+".tmp")
			if err := os.MkdirAll(filepath.Join(obstacle, "full"), 0o755); err != nil {
				t.Fatal(err)
			}
			err := p.Admit(2, life, true)
			if err == nil || errors.Is(err, ErrRolledBack) {
				t.Fatalf("Admit that cannot write = %v, want another error", err)
			}
			select {
			case <-p.Failure().Failed():
			default:
				t.Error("Failed() is not closed")
			}
			if err := os.RemoveAll(obstacle); err != nil {
				t.Fatal(err)
			}
			for _, again := range []Life{life, first, born(3)} { // also what needs no write
				if got := p.Admit(2, again, true); got != err { //nolint:errorlint // the very same
					t.Errorf("Admit(%+v) after that = %v, want %v", again, got, err)
				}
			}
			if after := readPeersFile(t, dir); after != before {
				t.Errorf("written again:\n%s", after)
			}
		})
	}
}

func TestPeersAreBounded(t *testing.T) {
	dir := t.TempDir()
	mustOpenPeers(t, dir) // which creates the file's folder
	full := map[raft.NodeID]peerLife{}
	for i := range PeersMax {
		full[^raft.NodeID(i)] = peerLife{disk: ^uint64(i), incarnation: ^uint64(0), nonce: ^uint64(0), forked: true}
	}
	if err := writePeers(dir, full); err != nil {
		t.Fatal(err)
	}
	p := mustOpenPeers(t, dir)
	if err := p.Admit(1, born(1), true); err == nil || errors.Is(err, ErrOtherDisk) {
		t.Errorf("Admit at the bound = %v, want another error", err)
	}
	known := Life{Disk: ^uint64(5), Incarnation: ^uint64(0), Nonce: ^uint64(0)}
	if err := p.Admit(^raft.NodeID(5), known, true); err != nil {
		t.Errorf("Admit of a known peer at the bound = %v", err)
	}
}

func TestDamagedPeersAreFound(t *testing.T) {
	dir := t.TempDir()
	p := mustOpenPeers(t, dir)
	lives := line(born(22), 3)
	if err := errors.Join(p.Admit(2, lives[1], true), p.Admit(11, born(33), true)); err != nil {
		t.Fatal(err)
	}
	if err := p.Admit(2, lives[0].next(), true); !errors.Is(err, ErrRolledBack) {
		t.Fatal(err)
	}
	path := filepath.Join(dir, peersName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(good, []byte(forkedWord)) {
		t.Fatalf("nothing is marked in\n%s", good)
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPeerLives(dir, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d flipped: %v, want ErrCorrupt", bit, err)
		}
	}
	for _, fields := range [][]field{
		{{"3", "1"}, {"2", "1"}}, {{"2", "1"}, {"2", "1"}}, {{"x", "1"}}, {{"2", "-1"}}, {{"0", "1"}}, {{"2", "0"}},
		{{"2", "1 2"}}, {{"2", "1 0 3"}}, {{"2", "1 2 0"}}, {{"2", "1 2 3 4"}},
		{{"2", "1 2 3 forked x"}}, {{"2", "1 forked"}},
	} {
		if err := writeRecordFile(dir, peersName, peersHeader, fields); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPeerLives(dir, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("fields %v: %v, want ErrCorrupt", fields, err)
		}
	}
}

// TestPeersAtTheSameTime lets several connections of many peers ask: of two disks of one peer, one is admitted, and of
// two lives that both come next, too.
func TestPeersAtTheSameTime(t *testing.T) {
	const nodes, lives = 4, 3
	for _, c := range []struct {
		name string
		life func(i int) Life
		want error
	}{
		{"disks", func(i int) Life { return born(uint64(i + 1)) }, ErrOtherDisk},
		{"lives", func(i int) Life { return Life{Disk: 1, Incarnation: 7, Nonce: uint64(i + 1)} }, ErrRolledBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := mustOpenPeers(t, dir)
			var admitted [nodes][lives]error
			var group sync.WaitGroup
			for node := range nodes {
				for i := range lives {
					group.Go(func() { admitted[node][i] = p.Admit(raft.NodeID(node+1), c.life(i), true) })
				}
			}
			group.Wait()
			again := mustOpenPeers(t, dir)
			for node := range nodes {
				in := 0
				for i, err := range admitted[node] {
					if err == nil {
						in++
					} else if !errors.Is(err, c.want) {
						t.Errorf("Admit(%d, %d) = %v", node+1, i, err)
					}
					if later := again.Admit(raft.NodeID(node+1), c.life(i), true); (later == nil) != (err == nil) {
						t.Errorf("Admit(%d, %d) = %v after a restart, was %v", node+1, i, later, err)
					}
				}
				if in != 1 {
					t.Errorf("node %d admitted in %d lives, want 1", node+1, in)
				}
			}
		})
	}
}
