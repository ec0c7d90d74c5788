package identity

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestRotationMayEndAnywhere does the first steps of a rotation, as a crash leaves them, and goes on with the folder.
func TestRotationMayEndAnywhere(t *testing.T) {
	one, two := PeerName("c", 1), PeerName("c", 2)
	for steps := range 5 {
		f := folderOf(t, one, two)
		node1, _ := opened(t, f, time.Hour)
		next, err := NewAuthority("c")
		if err != nil {
			t.Fatal(err)
		}
		next.trusted = append(next.trusted, f.authority.trusted...)
		changes, err := f.rotation(next)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) != 4 {
			t.Fatalf("%d steps, want 4", len(changes))
		}
		for _, c := range changes[:steps] {
			if err := c.apply(); err != nil {
				t.Fatal(err)
			}
		}
		after, err := OpenFolder(f.dir)
		if err != nil {
			t.Errorf("after %d steps: %v", steps, err)
			continue
		}
		want := f.authority.cert
		if steps >= 3 {
			want = next.cert
		}
		if !after.authority.cert.Equal(want) {
			t.Errorf("after %d steps: another authority issues", steps)
		}
		_, err = node1.Reread()
		if _, issueErr := after.Issue(two, time.Hour); err != nil || issueErr != nil {
			t.Fatalf("after %d steps: %v, %v", steps, err, issueErr)
		}
		node2, err := LoadFiles(FilesIn(f.dir, 2))
		if err != nil || !meets(t, node1, node2) {
			t.Errorf("after %d steps: the nodes refuse each other: %v", steps, err)
		}
		if err := after.Rotate(AuthorityLifetime); err != nil {
			t.Errorf("after %d steps: %v", steps, err)
		}
		for _, name := range []Name{one, two} {
			if _, err := after.Issue(name, time.Hour); err != nil {
				t.Errorf("after %d steps: %v", steps, err)
			}
		}
		if err := after.DropOld(); err != nil {
			t.Errorf("after %d steps: %v", steps, err)
		}
		if node1, err := LoadFiles(FilesIn(f.dir, 1)); err != nil || len(node1.current.Load().authorities) != 1 {
			t.Errorf("after %d steps: %v, want one authority in the end", steps, err)
		}
	}
}

// TestHolderIsRevokedWithoutItsCertificate loses a node's files, which is when one wants to revoke what it had.
func TestHolderIsRevokedWithoutItsCertificate(t *testing.T) {
	one := PeerName("c", 1)
	for what, spoil := range map[string]func(file string) error{
		"gone":    os.Remove,
		"damaged": func(file string) error { return os.WriteFile(file, []byte("-----BEGIN"), 0o600) },
	} {
		f := folderOf(t, one, one, PeerName("c", 12))
		if err := spoil(filepath.Join(f.dir, "node-1.crt")); err != nil {
			t.Fatal(err)
		}
		serials, err := f.RevokeHolder(one)
		if err != nil || len(serials) != 2 {
			t.Fatalf("%s: revoked %v, %v, want two certificates", what, serials, err)
		}
		if n, err := f.Revoked(); err != nil || n != 2 {
			t.Errorf("%s: %d are on the list, %v, want 2", what, n, err)
		}
		if again, err := f.RevokeHolder(one); err != nil || len(again) != 0 {
			t.Errorf("%s: revoked %v again, %v", what, again, err)
		}
		if known, err := f.Knows(one); err != nil || !known {
			t.Errorf("%s: the folder does not know whom it issued to: %v", what, err)
		}
		if known, err := f.KnowsSerial(serials[1]); err != nil || !known {
			t.Errorf("%s: the folder does not know what it issued: %v", what, err)
		}
	}
	if _, err := folderOf(t).RevokeHolder(one); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who was issued nothing: %v, want %v", err, fs.ErrNotExist)
	}
}
