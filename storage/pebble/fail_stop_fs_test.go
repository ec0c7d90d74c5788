package pebble

import (
	"errors"
	"log/slog"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// crampedFS has files that cannot be preallocated.
type crampedFS struct {
	vfs.FS
	err error
}

func (f crampedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	return crampedFile{file, f.err}, err
}

type crampedFile struct {
	vfs.File
	err error
}

func (f crampedFile) Preallocate(int64, int64) error { return f.err }

// TestPreallocationIsAHint shows that only a disk that is broken, not one that has less room than is asked for in
// advance, stops a node there.
func TestPreallocationIsAHint(t *testing.T) {
	for _, c := range []struct {
		err   error
		stops bool
	}{
		{nil, false}, {syscall.ENOSPC, false}, {errors.ErrUnsupported, false}, {syscall.EIO, true},
	} {
		failure := storage.NewFailure("log", slog.New(slog.DiscardHandler))
		fs := NewFailStopFS(crampedFS{vfs.NewMem(), c.err}, failure)
		file, err := fs.Create("/f", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Preallocate(0, 1<<20)
		if got := failure.Get(); (got != nil) != c.stops {
			t.Errorf("preallocation failed with %v: the failure is %v, want one: %v", c.err, got, c.stops)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
