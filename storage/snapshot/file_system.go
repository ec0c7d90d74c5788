package snapshot

import (
	"io"
	"io/fs"
	"os"

	"github.com/raftmark/raftmark/storage"
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
	Stat() (fs.FileInfo, error)
}

// osFS is the file system of the operating system.
type osFS struct{}

func (osFS) create(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o644)
}
func (osFS) open(path string) (file, error) { return os.Open(path) }
func (osFS) rename(from, to string) error   { return os.Rename(from, to) }
func (osFS) remove(path string) error       { return os.Remove(path) }
func (osFS) syncDir(dir string) error       { return storage.SyncDir(dir) }
