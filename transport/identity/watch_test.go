package identity

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
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

func folderOf(t *testing.T, nodes ...Name) *Folder {
	t.Helper()
	f, err := CreateFolder(filepath.Join(t.TempDir(), "tls"), "c", AuthorityLifetime)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range nodes {
		if _, err := f.Issue(name, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// opened opens node 1 of the folder. It is reread only when the test says so, unless it gives an interval.
func opened(t *testing.T, f *Folder, interval time.Duration) (*Identity, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	id, err := Open(Options{
		Files: FilesIn(f.dir, 1), RereadInterval: interval, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = id.Close() })
	return id, log
}

func reread(t *testing.T, id *Identity, want bool) {
	t.Helper()
	if changed, err := id.Reread(); err != nil || changed != want {
		t.Fatalf("reread: %v, %v, want %v", changed, err, want)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10s: %s", what)
		}
	}
}

// meets reports whether a and b accept each other in both directions.
func meets(t *testing.T, a, b *Identity) bool {
	t.Helper()
	for _, pair := range [][2]*Identity{{a, b}, {b, a}} {
		peer, serverErr, clientErr := handshake(t, pair[0].ServerTLS(plain), pair[1].ClientTLS(plain, pair[0].Node()))
		if serverErr != nil || clientErr != nil || peer != pair[1].Node() {
			return false
		}
	}
	return true
}

// TestAuthorityIsReplacedWithoutRestart rotates the authority while two nodes run, of which one is always ahead.
func TestAuthorityIsReplacedWithoutRestart(t *testing.T) {
	one, two := PeerName("c", 1), PeerName("c", 2)
	f := folderOf(t, one, two)
	a, _ := opened(t, f, time.Hour)
	b, err := Open(Options{Files: FilesIn(f.dir, 2), RereadInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	step := func(what string, change func() error) {
		t.Helper()
		if err := change(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, id := range []*Identity{a, b} {
			if !meets(t, a, b) {
				t.Errorf("%s: the nodes refuse each other before node %d has noticed", what, id.Node())
			}
			if _, err := id.Reread(); err != nil {
				t.Fatalf("%s: node %d: %v", what, id.Node(), err)
			}
		}
		if !meets(t, a, b) {
			t.Errorf("%s: the nodes refuse each other", what)
		}
	}
	before := a.Status()
	step("rotate", func() error { return f.Rotate(AuthorityLifetime) })
	if n := len(a.Status().Authorities); n != 2 {
		t.Errorf("%d authorities are trusted, want 2", n)
	}
	step("renew node 2", func() error { _, err := f.Issue(two, time.Hour); return err })
	step("renew node 1", func() error { _, err := f.Issue(one, 2*time.Hour); return err })
	step("drop the old one", f.DropOld)
	after := a.Status()
	if len(after.Authorities) != 1 || after.Authorities[0] == before.Authorities[0] || after.Serial == before.Serial {
		t.Errorf("was %+v, is %+v, want another authority and certificate", before, after)
	}
	if !after.NotAfter.After(before.NotAfter) || after.Rereads != 3 || after.RereadsFailed != 0 {
		t.Errorf("is %+v, want a later end than %v and three changes", after, before.NotAfter)
	}
}

func TestFilesThatCannotBeUsedChangeNothing(t *testing.T) {
	f := folderOf(t, PeerName("c", 1), PeerName("c", 2))
	id, log := opened(t, f, time.Hour)
	peer, err := LoadFiles(FilesIn(f.dir, 2))
	if err != nil {
		t.Fatal(err)
	}
	files, other := FilesIn(f.dir, 1), FilesIn(f.dir, 2)
	past, err := f.authority.Sign(PeerName("c", 1), Validity{time.Now().Add(-2 * time.Hour), time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	copyFile := func(from, to string) error {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	}
	failed := uint64(0)
	for _, c := range []struct {
		name   string
		spoil  func() error
		reason string
	}{
		{"no certificate", func() error { return os.Remove(files.Certificate) }, "no such file"},
		{"torn", func() error { return os.WriteFile(files.Certificate, []byte("-----BEGIN"), 0o600) }, "PEM"},
		{"key of another", func() error { return copyFile(other.Key, files.Key) }, "private key does not match"},
		{"another node", func() error {
			return errors.Join(copyFile(other.Key, files.Key), copyFile(other.Certificate, files.Certificate))
		}, "is of node 2"},
		{"expired", func() error { return writePair(files.Certificate, files.Key, past) }, "expired"},
		{"no authority", func() error { return os.WriteFile(files.Authority, nil, 0o600) }, "holds no certificate"},
		{"bad list", func() error { return os.WriteFile(files.Revoked, []byte("# none\nwhat\n"), 0o600) }, "line 2"},
	} {
		saved, err := files.read()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		for range 3 { // it is the same fault each time
			if _, err := id.Reread(); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s: %v, want %q", c.name, err, c.reason)
			}
		}
		failed++
		if s := id.Status(); s.RereadsFailed != failed || !strings.Contains(s.Broken, c.reason) || s.Rereads != 0 {
			t.Errorf("%s: status %+v, want %d failures and the reason", c.name, s, failed)
		}
		if !meets(t, id, peer) {
			t.Errorf("%s: the node is not what it was", c.name)
		}
		for name, text := range map[string][]byte{
			files.Authority: saved.authority, files.Certificate: saved.certificate, files.Key: saved.key,
			files.Revoked: saved.revoked,
		} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		reread(t, id, false)
		if s := id.Status(); s.Broken != "" {
			t.Errorf("%s: still broken once it is as it was: %s", c.name, s.Broken)
		}
	}
	if n := log.count("the old ones stay"); n != int(failed) {
		t.Errorf("said %d times that the old ones stay, want %d", n, failed)
	}
}

// TestRereadingByItself replaces a certificate and its key one after the other, which no node must complain about.
func TestRereadingByItself(t *testing.T) {
	f := folderOf(t, PeerName("c", 1))
	id, log := opened(t, f, RereadIntervalMin)
	slow := 0 // swaps within which there was time to find files that do not fit twice, as on a busy disk
	for range 20 {
		before, begun := id.Status().Serial, time.Now()
		if _, err := f.Issue(PeerName("c", 1), time.Hour); err != nil {
			t.Fatal(err)
		}
		if time.Since(begun) >= RereadIntervalMin {
			slow++
		}
		eventually(t, "the new certificate is used", func() bool { return id.Status().Serial != before })
	}
	said := log.count("the old ones stay")
	if said > slow {
		t.Errorf("said %d times that files cannot be used, and %d swaps took longer than two looks", said, slow)
	}
	if err := os.WriteFile(FilesIn(f.dir, 1).Key, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a broken key is noticed", func() bool { return id.Status().Broken != "" })
	if err := id.Close(); err != nil {
		t.Fatal(err)
	}
	if n := log.count("the old ones stay") - said; n != 1 {
		t.Errorf("said %d times that files cannot be used, want once", n)
	}
}

func TestNodeIsToldThatItsCertificateEnds(t *testing.T) {
	f := folderOf(t)
	pair, err := f.authority.Sign(PeerName("c", 1), Validity{time.Now().Add(-time.Hour), time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	files := FilesIn(f.dir, 1)
	if err := writePair(files.Certificate, files.Key, pair); err != nil {
		t.Fatal(err)
	}
	id, log := opened(t, f, RereadIntervalMin)
	if n := log.count("ends soon"); n != 1 {
		t.Errorf("said %d times that the certificate ends, want once", n)
	}
	if err := f.Revoke(Serial(pair.Leaf), "lost"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told that it is revoked", func() bool { return log.count("certificate is revoked") == 1 })
	if got := id.Status().Revoked; got != 1 {
		t.Errorf("%d are revoked, want 1: who is revoked must know of the others that are", got)
	}
}

// TestRevocationDoesNotEndByAccident has the list of revoked certificates vanish, be read half copied, and lose an
// entry.
func TestRevocationDoesNotEndByAccident(t *testing.T) {
	f := folderOf(t, PeerName("c", 1))
	for _, serial := range []string{"abcd01", "abcd02"} {
		if err := f.Revoke(serial, "lost"); err != nil {
			t.Fatal(err)
		}
	}
	id, log := opened(t, f, time.Hour)
	list := FilesIn(f.dir, 1).Revoked
	full, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	revoked := func(what string, want int) {
		t.Helper()
		if got := id.Status().Revoked; got != want {
			t.Errorf("%s: %d are revoked, want %d", what, got, want)
		}
	}
	later := func(what string) {
		t.Helper()
		if changed, err := id.Reread(); changed || !errors.Is(err, errShorter) {
			t.Errorf("%s: %v, %v, want %v", what, changed, err, errShorter)
		}
		revoked(what, 2)
	}

	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if changed, err := id.Reread(); changed || !errors.Is(err, errVanished) {
			t.Errorf("vanished: %v, %v, want %v", changed, err, errVanished)
		}
	}
	revoked("vanished", 2)
	if s := id.Status(); s.Broken == "" || s.RereadsFailed != 1 {
		t.Errorf("vanished: status %+v, want it to be broken, once", s)
	}
	for _, half := range []string{"", "abcd01\n", "abcd01\nabcd"} { // each another one: never the second sight
		write(half)
		later("half copied")
	}
	write(string(full))
	reread(t, id, false)
	write("abcd01\nabcd")
	later("half copied after it was whole")
	write(string(full) + "abcd03\n")
	reread(t, id, true)
	revoked("longer", 3)
	if n := log.count("has lost entries"); n != 0 {
		t.Errorf("said %d times that the list has lost entries, want none so far", n)
	}
	write("abcd03\n")
	if changed, err := id.Reread(); changed || !errors.Is(err, errShorter) {
		t.Errorf("shorter: %v, %v, want %v", changed, err, errShorter)
	}
	revoked("shorter, first sight", 3)
	reread(t, id, true)
	revoked("shorter, second sight", 1)
	if n := log.count("level=WARN msg=\"the list of revoked certificates has lost entries"); n != 1 {
		t.Errorf("warned %d times that the list has lost entries, want once", n)
	}
}
