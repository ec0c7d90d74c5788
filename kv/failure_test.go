package kv

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
)

func mustAdd(t *testing.T, fs *faultfs.FS, rules ...faultfs.Rule) {
	t.Helper()
	if err := fs.Add(rules...); err != nil {
		t.Fatal(err)
	}
}

func persisted(m machine) error {
	view, err := m.Snapshot()
	if err != nil {
		return err
	}
	return errors.Join(view.Persist(), view.Close())
}

// wantFailed waits until f says that the disk failed.
func wantFailed(t *testing.T, what string, f *storage.Failure, want error) {
	t.Helper()
	select {
	case <-f.Failed():
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: no failure", what)
	}
	if err := f.Get(); !errors.Is(err, want) {
		t.Errorf("%s: failure %v, want %v", what, err, want)
	}
}

// Every error of the disk stops the machine, of a read, too.
func TestReadErrorsAreSticky(t *testing.T) {
	for what, read := range map[string]func(*Pebble) error{
		"Read": func(m *Pebble) error { _, err := m.Read(AppendGet(nil, []byte("key-1"))); return err },
		"Hash": func(m *Pebble) error { _, _, err := m.Hash(); return err },
		"Stream": func(m *Pebble) error {
			view, err := m.Snapshot()
			if err != nil {
				return err
			}
			return errors.Join(view.Stream(func([]byte) error { return nil }), view.Close())
		},
	} {
		fs := faultfs.New(vfs.NewMem())
		m := openMem(t, fs)
		for i := range 100 {
			mustApply(t, m, AppendSet(nil, fmt.Appendf(nil, "key-%d", i), make([]byte, 1000), 0))
		}
		if err := persisted(m); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, fs, faultfs.Rule{Op: faultfs.Read, Action: faultfs.Error, Count: 1})
		if err := read(m); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: got %v, want EIO", what, err)
		}
		wantFailed(t, what, m.Failure(), syscall.EIO)
		if err := read(m); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s after the error: got %v, want the same", what, err)
		}
		if err := m.Apply(spanOf(100, AppendSet(nil, []byte("k"), nil, 0)), nil); !errors.Is(err, syscall.EIO) {
			t.Errorf("Apply after %s: got %v, want EIO", what, err)
		}
	}
}

// Whoever takes a stream or a dump may end it: that says nothing about the disk.
func TestEndedStreamsAreNoFailure(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	mustApply(t, m, AppendSet(nil, []byte("key"), make([]byte, 1<<20), 0))
	enough := errors.New("enough")
	view, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Stream(func([]byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Stream = %v, want %v", err, enough)
	}
	_ = view.Close()
	if _, err := m.Dump(func(_, _ []byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Dump = %v, want %v", err, enough)
	}
	if err := m.Failure().Get(); err != nil {
		t.Errorf("failure %v, want none", err)
	}
}

// A write that fails while nobody calls is known at once, and nothing reaches the disk after it.
func TestWriteErrorsAreSticky(t *testing.T) {
	type failing interface {
		machine
		Failure() *storage.Failure
	}
	for kind, open := range durableMachines(t) {
		for _, rule := range []faultfs.Rule{
			{Op: faultfs.Sync, Path: "kv/", Action: faultfs.Error, Count: 1},
			{Op: faultfs.Write, Path: "kv/", Action: faultfs.Error, Error: faultfs.ENOSPC, Count: 1},
			{Op: faultfs.Write, Path: "kv/", Action: faultfs.Short, Count: 1},
		} {
			fs := faultfs.New(vfs.NewMem())
			m := open(fs).(failing)
			mustApply(t, m, AppendSet(nil, []byte("key"), []byte("value"), 0))
			writes := faultfs.Rule{Op: rule.Op, Path: "kv/", Action: faultfs.Delay, Delay: 1}
			mustAdd(t, fs, rule, writes)
			what := fmt.Sprintf("%s: %s %s", kind, rule.Action, rule.Op)
			if err := persisted(m); err == nil {
				t.Errorf("%s: persisted", what)
			}
			want := error(syscall.ENOSPC)
			if rule.Op == faultfs.Sync {
				want = syscall.EIO
			}
			wantFailed(t, what, m.Failure(), want)
			if err := persisted(m); !errors.Is(err, want) {
				t.Errorf("%s: again: got %v, want %v", what, err, want)
			}
			_ = m.Close()
			if after := fs.Rules()[1].Matched; after != 0 {
				t.Errorf("%s: %d more after the error, want none", what, after)
			}
			if applied, err := m.Applied(); kind == "pebble" && !errors.Is(err, raft.ErrClosed) {
				t.Errorf("%s: closed: %d, %v", what, applied, err)
			}
		}
	}
}
