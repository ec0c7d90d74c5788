package snapshot

import (
	"errors"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// failStop is a file system that stops at its first error: it is sticky in failure, and from then on nothing reaches
// the disk but the closing of files. Trying again could succeed while what the disk dropped before stays gone.
type failStop struct {
	fs      fileSystem
	failure *storage.Failure
}

// do runs op, unless something failed before. That a file is not there, or ends, is an answer.
func (s failStop) do(op func() error) error {
	if err := s.failure.Get(); err != nil {
		return err
	}
	err := op()
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, io.EOF) {
		_ = s.failure.Set(err)
	}
	return err
}

func (s failStop) file(open func() (file, error)) (file, error) {
	var opened file
	err := s.do(func() (err error) { opened, err = open(); return err })
	if err != nil {
		return nil, err
	}
	return failStopFile{file: opened, stop: s}, nil
}

func (s failStop) create(path string) (file, error) {
	return s.file(func() (file, error) { return s.fs.create(path) })
}

func (s failStop) open(path string) (file, error) {
	return s.file(func() (file, error) { return s.fs.open(path) })
}

func (s failStop) rename(from, to string) error {
	return s.do(func() error { return s.fs.rename(from, to) })
}

func (s failStop) remove(path string) error {
	return s.do(func() error { return s.fs.remove(path) })
}

func (s failStop) syncDir(dir string) error {
	return s.do(func() error { return s.fs.syncDir(dir) })
}

type failStopFile struct {
	file
	stop failStop
}

func (f failStopFile) Write(p []byte) (n int, err error) {
	err = f.stop.do(func() (err error) { n, err = f.file.Write(p); return err })
	return n, err
}

func (f failStopFile) ReadAt(p []byte, offset int64) (n int, err error) {
	err = f.stop.do(func() (err error) { n, err = f.file.ReadAt(p, offset); return err })
	return n, err
}

func (f failStopFile) Sync() error { return f.stop.do(f.file.Sync) }

func (f failStopFile) Stat() (info vfs.FileInfo, err error) {
	err = f.stop.do(func() (err error) { info, err = f.file.Stat(); return err })
	return info, err
}

// Close closes the file even when nothing else reaches it.
func (f failStopFile) Close() error {
	err := f.file.Close()
	if err != nil {
		_ = f.stop.failure.Set(err)
	}
	return err
}
