package sweep

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeAndSync writes data to a new file and syncs it and the folder, and returns the first error.
func writeAndSync(fs vfs.FS, name, data string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(data)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := fs.OpenDir("/")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func contents(t *testing.T, fs vfs.FS, name string) string {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestEveryOperationFails fails each of the five operations: the error is the fault's, and nothing is skipped.
func TestEveryOperationFails(t *testing.T) {
	var kinds []Kind
	fs := NewFS(vfs.NewCrashableMem(), func(op Op) *Fault { kinds = append(kinds, op.Kind); return nil })
	if err := writeAndSync(fs, "/a", "text"); err != nil {
		t.Fatal(err)
	}
	if want := []Kind{Create, Write, Sync, Open, Sync}; !slices.Equal(kinds, want) {
		t.Fatalf("operations %v, want %v", kinds, want)
	}
	for at := 1; at <= len(kinds); at++ {
		fs := NewFS(vfs.NewCrashableMem(), func(op Op) *Fault {
			if op.Number == at {
				return &Fault{Err: syscall.ENOSPC}
			}
			return nil
		})
		if err := writeAndSync(fs, "/a", "text"); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("fault at %v: %v, want ENOSPC", kinds[at-1], err)
		}
	}
}

// TestShortWrite shows that half of a short write is there.
func TestShortWrite(t *testing.T) {
	fs := NewFS(vfs.NewCrashableMem(), func(op Op) *Fault {
		if op.Kind == Write {
			return &Fault{Err: syscall.ENOSPC, Short: true}
		}
		return nil
	})
	if err := writeAndSync(fs, "/a", "text"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("short write: %v, want ENOSPC", err)
	}
	if got := contents(t, fs, "/a"); got != "te" {
		t.Errorf("after a short write of text: %q, want te", got)
	}
}

// TestFailedSyncLosesData shows that a sync after a failed one says that it succeeded, syncs nothing, and is counted.
func TestFailedSyncLosesData(t *testing.T) {
	disk, failed := vfs.NewCrashableMem(), false
	fs := NewFS(disk, func(op Op) *Fault {
		if op.Kind == Sync && !failed {
			failed = true
			return &Fault{Err: syscall.EIO}
		}
		return nil
	})
	f, err := fs.Create("/a", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("first sync: %v, want EIO", err)
	}
	if err := errors.Join(f.Sync(), writeAndSync(fs, "/b", "more")); err != nil {
		t.Fatalf("second sync: %v", err)
	}
	if fs.Resyncs() != 1 {
		t.Errorf("%d syncs again, want 1", fs.Resyncs())
	}
	after := disk.CrashClone(vfs.CrashCloneCfg{RNG: rand.New(rand.NewPCG(0, 0))})
	if a, b := contents(t, after, "/a"), contents(t, after, "/b"); a != "" || b != "more" {
		t.Errorf("after a crash: %q and %q, want nothing and more", a, b)
	}
}

// TestLedger follows states from their beginning to their acknowledgement.
func TestLedger(t *testing.T) {
	l := NewLedger("a")
	b, c := l.Begin("b"), l.Begin("c")
	want := func(states string) {
		t.Helper()
		if got := strings.Join(l.Possible(), ""); got != states {
			t.Errorf("possible: %s, want %s", got, states)
		}
	}
	want("abc")
	l.Done(b)
	want("bc")
	l.Done(b)
	want("bc")
	l.Fail()
	d := l.Begin("d")
	l.Done(c)
	if !l.Failed() || l.Late() != 0 {
		t.Errorf("failed %v, %d late, want none", l.Failed(), l.Late())
	}
	l.Done(d)
	want("d")
	if l.Late() != 1 {
		t.Errorf("%d late, want 1", l.Late())
	}
	l.Settle("x")
	want("x")
	l.Done(l.Begin("y"))
	want("y")
}
