package pebble

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// TestFolderWithoutItsLogIsRefused takes the log away, with all that says how far it was durable, and leaves what says
// whose folder it is: a new log would vote again in a term in which the node has voted.
func TestFolderWithoutItsLogIsRefused(t *testing.T) {
	everything := []string{"log", storage.WatermarkName}
	for _, c := range []struct {
		name   string
		sync   storage.Sync
		voted  bool
		remove []string
	}{
		{"voted", storage.SyncFsync, true, everything},
		{"voted, without sync", storage.SyncNone, true, everything},
		{"only loaded", storage.SyncFsync, false, everything},
		{"the watermark is left", storage.SyncFsync, true, everything[:1]},
		{"the watermark of an empty log", storage.SyncFsync, false, everything[1:]},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			o.Sync = c.sync
			l, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			mustLoad(t, l)
			if c.voted {
				mustAppend(t, l, &raft.HardState{Term: 7, Vote: 2})
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.remove {
				if err := os.RemoveAll(filepath.Join(o.Dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				l, err := Open(o)
				if err == nil {
					var state raft.LogState
					state, err = l.Load()
					if err == nil {
						t.Errorf("the node votes again: %+v", state.HardState)
					}
					_ = l.Close()
				}
				if !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "forgotten its votes") ||
					!strings.Contains(err.Error(), "under a new id") {
					t.Errorf("got %v, want ErrCorrupt that says what to do", err)
				}
			}
		})
	}
}

// TestLogThatWasNeverLoadedIsCreatedAgain ends between the creation of the log and that of its watermark: nothing was
// promised.
func TestLogThatWasNeverLoadedIsCreatedAgain(t *testing.T) {
	o := testOptions(t.TempDir())
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(storage.LogDir(o.Dir)); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(o); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
