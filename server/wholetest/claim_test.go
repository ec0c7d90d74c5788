package wholetest

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/sweep"
)

// claimed is a folder with everything that a claim keeps in it: these files are on the real file system, always.
type claimed struct {
	dir  string
	life storage.Life // the last one
	peer storage.Life // of node 1, as it was seen
}

func claimOptions(dir string) storage.Options {
	return storage.Options{Dir: dir, Cluster: "whole", Node: victim}
}

// newClaimed returns a folder after three lives.
func newClaimed(dir string) (c claimed, err error) {
	c = claimed{dir: dir, peer: storage.Life{Disk: 77, Incarnation: 5, Nonce: 99, Previous: []uint64{98, 97}}}
	for range 3 {
		claim, err := storage.NewClaim(claimOptions(dir))
		if err != nil {
			return c, err
		}
		c.life = claim.Life()
		if err := claim.Close(); err != nil {
			return c, err
		}
	}
	for _, part := range []string{storage.LogDir(dir), storage.MachineDir(dir), storage.SnapshotDir(dir)} {
		if err := os.MkdirAll(part, 0o755); err != nil {
			return c, err
		}
	}
	lives, err := storage.OpenPeerLives(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return c, err
	}
	other := storage.Life{Disk: 78, Incarnation: 1, Nonce: 55}
	return c, errors.Join(lives.Admit(1, c.peer, true), lives.Admit(3, other, true))
}

// claimNamed is what an error must have in it, to say which of these files is damaged.
var claimNamed = regexp.MustCompile(`identity|incarnation|lives of peers|IDENTITY|INCARNATION|PEERS`)

// reclaim claims the folder again, and says what came of it.
func (c *claimed) reclaim() (outcome string, err error) {
	refusal := func(err error) (string, error) {
		if !claimNamed.MatchString(err.Error()) {
			return "", fmt.Errorf("an error that does not say what is damaged: %w", err)
		}
		return refused, nil
	}
	claim, err := storage.NewClaim(claimOptions(c.dir))
	if err != nil {
		return refusal(err)
	}
	defer func() { err = errors.Join(err, claim.Close()) }()
	now := claim.Life()
	if now.Disk != c.life.Disk || now.Incarnation != c.life.Incarnation+1 || len(now.Previous) == 0 ||
		now.Previous[0] != c.life.Nonce {
		return "", fmt.Errorf("silent: life %+v follows %+v", now, c.life)
	}
	lives, err := storage.OpenPeerLives(c.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return refusal(err)
	}
	for _, stranger := range []storage.Life{
		{Disk: 79, Incarnation: 9, Nonce: 1}, {Disk: c.peer.Disk, Incarnation: 4, Nonce: 98},
	} {
		if lives.Admit(1, stranger, true) == nil {
			return "", errors.New("silent: another life of a peer is admitted")
		}
	}
	if err := lives.Admit(1, c.peer, true); err != nil {
		return "", fmt.Errorf("silent: a peer is not the one that it was: %w", err)
	}
	return equal, nil
}

// damageClaim does number i of what is done to a file of a claim in place: a copy would be refused for that alone. It
// returns false when there is no such number.
func damageClaim(name string, i int) (what string, ok bool, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", false, err
	}
	list := damagesOf(name, data)
	if i >= len(list) {
		return "", false, nil
	}
	d := list[i]
	all := files{name: data}
	d.do(all)
	if after, there := all[name]; there {
		return d.what, true, writeInPlace(name, after)
	}
	return d.what, true, os.Remove(name)
}

func writeInPlace(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// TestSweepClaimCorruption damages what says whose folder it is, and whom the node has met.
func TestSweepClaimCorruption(t *testing.T) {
	s := sweep.Start(t, "node: damaged identity, incarnation, peers, lock")
	table := &table{counts: map[string]map[string]int{}}
	first, err := newClaimed(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	type one struct {
		kind   string
		number int
	}
	var all []one
	for _, kind := range []string{"IDENTITY", "INCARNATION", "PEERS", "LOCK"} {
		data, err := os.ReadFile(filepath.Join(first.dir, kind))
		if err != nil {
			t.Fatal(err)
		}
		for number := range damagesOf(kind, data) {
			all = append(all, one{kind, number})
		}
	}
	stride := s.Pick(5, 1)
	s.Each((len(all)+stride-1)/stride, func(i int) error {
		kind, number := all[i*stride].kind, all[i*stride].number
		c, err := newClaimed(filepath.Join(t.TempDir(), "data"))
		if err != nil {
			return err
		}
		what, ok, err := damageClaim(filepath.Join(c.dir, kind), number)
		if err != nil || !ok {
			return err
		}
		outcome, err := c.reclaim()
		if err != nil {
			return fmt.Errorf("%s %d of %s: %w", what, number, kind, err)
		}
		s.Fault(what)
		s.Outcome(outcome)
		table.add(kind, outcome)
		return nil
	})
	table.publish(t, s.Long(), "corruption-claim.md")
}

// TestSwappedIdentity puts the identity of another node in place.
func TestSwappedIdentity(t *testing.T) {
	c, err := newClaimed(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	other := storage.Options{Dir: filepath.Join(t.TempDir(), "data"), Cluster: "whole", Node: 3}
	claim, err := storage.NewClaim(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other.Dir, "IDENTITY"), filepath.Join(c.dir, "IDENTITY")); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.NewClaim(claimOptions(c.dir)); !errors.Is(err, storage.ErrWrongNode) {
		t.Errorf("got %v, want %v", err, storage.ErrWrongNode)
	}
}
