package snapshot

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/faultfs"
)

// Every error of the disk is sticky, and nothing reaches the disk after it: a sync is never tried again.
func TestErrorsOfTheDiskAreSticky(t *testing.T) {
	s, state := nameAt(1, 10), stateOf(200_000)
	chunks := chunksOf(s, fileOf(t, s, state), 64<<10)
	store := func(f *Folder) error { return storeAll(f, chunks) }
	create := func(f *Folder) error { return f.Create(s, streamOf(state)) }
	read := func(f *Folder) error {
		_, err := f.Read(s.Last, 0, 1<<20)
		return err
	}
	receive := func(f *Folder) error {
		_, r, _, err := f.Received()
		if err == nil {
			err = r.Close()
		}
		return err
	}
	nothing := func(*Folder) error { return nil }
	for what, c := range map[string]struct {
		before, op func(*Folder) error
		rule       faultfs.Rule
	}{
		"sync of incoming":  {nothing, store, faultfs.Rule{Op: faultfs.Sync, Path: "incoming.tmp"}},
		"sync of a folder":  {nothing, store, faultfs.Rule{Op: faultfs.Sync, Path: "snapshot/", After: 1}},
		"write of incoming": {nothing, store, faultfs.Rule{Op: faultfs.Write, After: 1}},
		"rename":            {nothing, store, faultfs.Rule{Op: faultfs.Create, Path: "received.snap"}},
		"write of created":  {nothing, create, faultfs.Rule{Op: faultfs.Write, After: 1}},
		"read of created":   {create, read, faultfs.Rule{Op: faultfs.Read}},
		"read of received":  {store, receive, faultfs.Rule{Op: faultfs.Read}},
		"remove":            {store, (*Folder).Discard, faultfs.Rule{Op: faultfs.Remove}},
	} {
		t.Run(what, func(t *testing.T) {
			fs := faultfs.New(vfs.NewMem())
			f, err := Open(Options{Dir: "snapshot", FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.before(f); err != nil {
				t.Fatal(err)
			}
			c.rule.Action, c.rule.Count = faultfs.Error, 1
			rest := faultfs.Rule{Op: faultfs.Any, Action: faultfs.Delay, Delay: 1}
			if err := fs.Add(c.rule); err != nil {
				t.Fatal(err)
			}
			if err := c.op(f); !errors.Is(err, syscall.EIO) {
				t.Fatalf("got %v, want EIO", err)
			}
			select {
			case <-f.Failure().Failed():
			default:
				t.Error("no failure")
			}
			if err := fs.Add(rest); err != nil {
				t.Fatal(err)
			}
			for again, op := range map[string]func(*Folder) error{"the same": c.op, "Store": store, "Create": create} {
				if err := op(f); !errors.Is(err, syscall.EIO) {
					t.Errorf("%s after the error: got %v, want EIO", again, err)
				}
			}
			if err := f.Close(); errors.Is(err, raft.ErrClosed) {
				t.Error(err)
			}
			if n := fs.Rules()[1].Matched; n != 0 {
				t.Errorf("%d operations after the error, want none", n)
			}
		})
	}
}
