package storage

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// copyFolder copies a data folder as cp -a does, into to, which may exist.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// needMarks skips a test on a file system where a copy cannot be told.
func needMarks(t *testing.T, dir string) {
	t.Helper()
	if now, err := originOfName(dir, identityName); err != nil {
		t.Fatal(err)
	} else if now.file.inode == 0 || now.folder.inode == 0 {
		t.Skipf("no lasting inode numbers on %s", now.system)
	}
}

// Each way to make a folder of another: those that are refused, and those that only move it.
func TestCopiedFolderIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, from, to string)
		says string // "" when it is claimed
	}{
		{"rename", func(t *testing.T, from, to string) {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"symbolic link", func(t *testing.T, from, to string) {
			if err := os.Symlink(from, to); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"copy", copyFolder, "the folder is inode"},
		{"hard links", func(t *testing.T, from, to string) { // cp -al: the files are the same
			if err := os.Mkdir(to, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{identityName, incarnationName} {
				if err := os.Link(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, "the folder is inode"},
		{"restored in its place", func(t *testing.T, from, to string) {
			copyFolder(t, from, to)
			if err := errors.Join(os.RemoveAll(from), os.Rename(to, from), os.Symlink(from, to)); err != nil {
				t.Fatal(err)
			}
		}, "IDENTITY is inode"},
		{"a file replaced", func(t *testing.T, from, to string) {
			copyFolder(t, from, from+".copy")
			if err := errors.Join(os.Rename(filepath.Join(from+".copy", identityName), filepath.Join(from, identityName)),
				os.Symlink(from, to)); err != nil {
				t.Fatal(err)
			}
		}, "IDENTITY is inode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := t.TempDir()
			from, to := filepath.Join(parent, "from"), filepath.Join(parent, "to")
			first := mustClaim(t, testOptions(from))
			needMarks(t, from)
			first.Close()
			c.make(t, from, to)
			before := readAll(t, to)
			claim, err := NewClaim(testOptions(to))
			if c.says == "" {
				if err != nil {
					t.Fatalf("NewClaim() = %v, want nil", err)
				}
				claim.Close()
				return
			}
			if !errors.Is(err, ErrCopied) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("NewClaim() = %v, want ErrCopied in one line saying %q", err, c.says)
			}
			if after := readAll(t, to); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("a refused folder changed: %v, was %v", after, before)
			}
		})
	}
}

// TestFolderRestoredInPlaceIsRefused writes older contents over the files, as cp does: the folder and IDENTITY are what
// they were, but the incarnation was written to another file.
func TestFolderRestoredInPlaceIsRefused(t *testing.T) {
	dir, backup := t.TempDir(), t.TempDir()
	mustClaim(t, testOptions(dir)).Close()
	needMarks(t, dir)
	copyFolder(t, dir, backup)
	mustClaim(t, testOptions(dir)).Close()
	copyFolder(t, backup, dir)
	_, err := NewClaim(testOptions(dir))
	if !errors.Is(err, ErrCopied) || !strings.Contains(err.Error(), "INCARNATION is inode") ||
		strings.Contains(err.Error(), "the folder is") {
		t.Errorf("NewClaim() = %v, want ErrCopied for INCARNATION only", err)
	}
}

func TestAdoptedFolderIsClaimedFromThenOn(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	original := mustClaim(t, testOptions(from))
	needMarks(t, from)
	original.Close()
	copyFolder(t, from, to)

	var log bytes.Buffer
	o := testOptions(to)
	o.AdoptCopied, o.Logger = true, slog.New(slog.NewTextHandler(&log, nil))
	adopted := mustClaim(t, o)
	if l := adopted.Life(); adopted.Adoptions() != 1 || l.Disk != original.Disk() ||
		!slices.Equal(l.Previous, []uint64{original.Life().Nonce}) {
		t.Errorf("Adoptions() = %d, Life() = %+v, want 1 and the life after %+v", adopted.Adoptions(), l, original.Life())
	}
	if !strings.Contains(log.String(), "copied data folder adopted") || !strings.Contains(log.String(), "adoptions=1") {
		t.Errorf("the log says nothing of it: %s", &log)
	}
	adopted.Close()
	log.Reset()
	again := mustClaim(t, o) // the permission alone changes nothing
	if again.Adoptions() != 1 || log.Len() > 0 {
		t.Errorf("Adoptions() = %d, want 1; the log says %s", again.Adoptions(), &log)
	}
	again.Close()
	mustClaim(t, testOptions(to)).Close()
	mustClaim(t, testOptions(from)).Close() // nothing here knows that there are two now: peers find out
}

// TestUnknownMarksDoNotDiffer is why a reboot, or a file system without births, is no alarm.
func TestUnknownMarksDoNotDiffer(t *testing.T) {
	known := mark{inode: 5, born: 7}
	for _, same := range []mark{known, {}, {inode: 5}, {born: 7}} {
		if same.differs(known) || known.differs(same) {
			t.Errorf("%v differs from %v", same, known)
		}
	}
	for _, other := range []mark{{inode: 6, born: 7}, {inode: 5, born: 8}, {inode: 6}, {born: 8}} {
		if !other.differs(known) || !known.differs(other) {
			t.Errorf("%v does not differ from %v", other, known)
		}
	}
	for _, m := range []mark{{}, known, {inode: 1<<64 - 1, born: 1763912345123456789}, {born: -1}} {
		if got, err := parseMark(m.String()); err != nil || got != m {
			t.Errorf("%v parsed as %v, %v", m, got, err)
		}
	}
	for _, text := range []string{"", "inode 5", "inode 0 born unknown", "inode x born unknown", "inode 5 born x"} {
		if _, err := parseMark(text); !errors.Is(err, ErrCorrupt) {
			t.Errorf("parseMark(%q) = %v, want ErrCorrupt", text, err)
		}
	}
}

// TestInodesAreComparedWhereTheyLast checks the rule for file systems that tests do not have.
func TestInodesAreComparedWhereTheyLast(t *testing.T) {
	for system, want := range map[string][2]bool{
		"ext4": {true, true}, "xfs": {true, true}, "btrfs": {true, true}, "apfs": {true, true}, "nfs": {true, true},
		"overlay": {false, true}, "0x65735546": {false, false}, "": {false, false},
	} {
		if folders, files := lasting(system); folders != want[0] || files != want[1] {
			t.Errorf("lasting(%q) = %v, %v, want %v", system, folders, files, want)
		}
	}
	if (origin{system: "x"}).tells() || !(origin{file: mark{born: 1}}).tells() {
		t.Error("tells() is wrong")
	}
}
