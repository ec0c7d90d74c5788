package snapshot

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage/pebble"
)

// fileSystem is what a Folder asks of the system. It is apart so that tests can see the order of the calls, and let
// the power fail between any two.
type fileSystem interface {
	// create returns an empty file to write and to read.
	create(path string) (file, error)
	open(path string) (file, error)
	rename(from, to string) error
	remove(path string) error
	// syncDir makes the names in dir durable.
	syncDir(dir string) error
}

type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Stat() (vfs.FileInfo, error)
}

// onFS is a fileSystem on one of the engine's kind.
type onFS struct{ fs vfs.FS }

func (o onFS) create(path string) (file, error) {
	f, err := o.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return &written{File: f}, nil
}

func (o onFS) open(path string) (file, error) {
	f, err := o.fs.Open(path)
	if err != nil {
		return nil, err // and no nil pointer in an interface
	}
	return f, nil
}

func (o onFS) rename(from, to string) error { return o.fs.Rename(from, to) }
func (o onFS) remove(path string) error     { return o.fs.Remove(path) }
func (o onFS) syncDir(dir string) error     { return pebble.SyncDir(o.fs, dir) }

// written is a file that is written. A file of the engine's kind may change what it is given to write, and those in
// memory do, to show who relies on it; chunks and blocks are used again.
type written struct {
	vfs.File
	copied []byte
}

func (w *written) Write(p []byte) (int, error) {
	w.copied = append(w.copied[:0], p...)
	return w.File.Write(w.copied)
}
