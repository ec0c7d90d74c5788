package pebble

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// FailStopFS is a file system that stops at its first error of a write: it makes the error sticky in
// failure, and from then on nothing more reaches the disk, while every write, sync, creation and removal
// says that it succeeded. The disk is then as a crash at the moment of the error would have left it.
//
// Pebble must not be told of such errors: it answers some by trying again, some by a panic on a goroutine
// of its own, and one during the rotation of a WAL by unlocking a mutex twice, which nothing can recover.
// What is said here to have succeeded must therefore be acknowledged only while failure holds no error; the
// error is there before the call returns.
//
// It also puts the engine's markers in order, see orderMarker.
type FailStopFS struct {
	vfs.FS
	failure *storage.Failure
}

// NewFailStopFS returns base with that property.
func NewFailStopFS(base vfs.FS, failure *storage.Failure) *FailStopFS {
	return &FailStopFS{FS: base, failure: failure}
}

// Unwrap implements vfs.FS.
func (f *FailStopFS) Unwrap() vfs.FS { return f.FS }

func (f *FailStopFS) frozen() bool { return f.failure.Get() != nil }

// write runs op, unless the file system is frozen, and freezes it when op fails.
func (f *FailStopFS) write(op func() error) {
	if f.frozen() {
		return
	}
	if err := op(); err != nil {
		_ = f.failure.Set(err)
	}
}

// name is write for an operation on names: that one is there, or is not, is an answer and not a failure of
// the disk.
func (f *FailStopFS) name(op func() error) (answer error) {
	f.write(func() error {
		err := op()
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
			answer = err
			return nil
		}
		return err
	})
	return answer
}

// file is name for an operation that opens a file for writing.
func (f *FailStopFS) file(open func() (vfs.File, error)) (vfs.File, error) {
	opened := &failStopFile{fs: f, File: nowhere{}}
	err := f.name(func() error {
		file, err := open()
		if err == nil {
			opened.File = file
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// Create implements vfs.FS.
func (f *FailStopFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f.orderMarker(name)
	return f.file(func() (vfs.File, error) { return f.FS.Create(name, category) })
}

// orderMarker makes durable what was created and removed beside a marker of the engine, before that is. The engine
// syncs the folder only after it has created the new marker and removed the old one: a power loss before could leave
// the new marker without the file that it names, or neither marker, which is a new, empty store.
func (f *FailStopFS) orderMarker(name string) {
	if strings.HasPrefix(f.FS.PathBase(name), "marker.") {
		f.write(func() error {
			dir, err := f.FS.OpenDir(f.FS.PathDir(name))
			if err != nil {
				return err
			}
			return errors.Join(dir.Sync(), dir.Close())
		})
	}
}

// OpenReadWrite implements vfs.FS.
func (f *FailStopFS) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.OpenReadWrite(name, category, opts...) })
}

// ReuseForWrite implements vfs.FS.
func (f *FailStopFS) ReuseForWrite(
	oldname, newname string, category vfs.DiskWriteCategory,
) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

// OpenDir implements vfs.FS.
func (f *FailStopFS) OpenDir(name string) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.OpenDir(name) })
}

// Link implements vfs.FS.
func (f *FailStopFS) Link(oldname, newname string) error {
	return f.name(func() error { return f.FS.Link(oldname, newname) })
}

// Remove implements vfs.FS.
func (f *FailStopFS) Remove(name string) error {
	f.orderMarker(name)
	return f.name(func() error { return f.FS.Remove(name) })
}

// RemoveAll implements vfs.FS.
func (f *FailStopFS) RemoveAll(name string) error {
	return f.name(func() error { return f.FS.RemoveAll(name) })
}

// Rename implements vfs.FS.
func (f *FailStopFS) Rename(oldname, newname string) error {
	return f.name(func() error { return f.FS.Rename(oldname, newname) })
}

// MkdirAll implements vfs.FS.
func (f *FailStopFS) MkdirAll(dir string, perm os.FileMode) error {
	return f.name(func() error { return f.FS.MkdirAll(dir, perm) })
}

// failStopFile is a file opened for writing, or a folder.
type failStopFile struct {
	vfs.File
	fs *FailStopFS
}

func (f *failStopFile) Write(p []byte) (int, error) {
	f.fs.write(func() error { _, err := f.File.Write(p); return err })
	return len(p), nil
}

func (f *failStopFile) WriteAt(p []byte, offset int64) (int, error) {
	f.fs.write(func() error { _, err := f.File.WriteAt(p, offset); return err })
	return len(p), nil
}

// Preallocate is a hint, which leaves the file as it is: that there is no room for it, or no such call, is an answer.
func (f *failStopFile) Preallocate(offset, length int64) (answer error) {
	f.fs.write(func() error {
		err := f.File.Preallocate(offset, length)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOSPC) {
			answer = err
			return nil
		}
		return err
	})
	return answer
}

// Stat fails like a write: the engine asks for the size of a WAL that it is about to reuse, in the rotation that must
// not be told of errors.
func (f *failStopFile) Stat() (vfs.FileInfo, error) {
	var info vfs.FileInfo = nowhereInfo{}
	f.fs.write(func() error {
		found, err := f.File.Stat()
		if err == nil {
			info = found
		}
		return err
	})
	return info, nil
}

func (f *failStopFile) Sync() error {
	f.fs.write(f.File.Sync)
	return nil
}

func (f *failStopFile) SyncData() error {
	f.fs.write(f.File.SyncData)
	return nil
}

func (f *failStopFile) SyncTo(length int64) (fullSync bool, err error) {
	f.fs.write(func() (err error) { fullSync, err = f.File.SyncTo(length); return err })
	return fullSync, nil
}

// Close closes the file even when nothing else reaches it.
func (f *failStopFile) Close() error {
	if err := f.File.Close(); err != nil {
		_ = f.fs.failure.Set(err)
	}
	return nil
}

// nowhere is a file that was created after the file system froze: empty, and nothing stays in it.
type nowhere struct{}

func (nowhere) Close() error                           { return nil }
func (nowhere) Read([]byte) (int, error)               { return 0, io.EOF }
func (nowhere) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }
func (nowhere) Write(p []byte) (int, error)            { return len(p), nil }
func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) Preallocate(int64, int64) error         { return nil }
func (nowhere) Stat() (vfs.FileInfo, error)            { return nowhereInfo{}, nil }
func (nowhere) Sync() error                            { return nil }
func (nowhere) SyncTo(int64) (bool, error)             { return false, nil }
func (nowhere) SyncData() error                        { return nil }
func (nowhere) Prefetch(int64, int64) error            { return nil }
func (nowhere) Fd() uintptr                            { return vfs.InvalidFd }

type nowhereInfo struct{}

func (nowhereInfo) Name() string           { return "nowhere" }
func (nowhereInfo) Size() int64            { return 0 }
func (nowhereInfo) Mode() fs.FileMode      { return 0 }
func (nowhereInfo) ModTime() time.Time     { return time.Time{} }
func (nowhereInfo) IsDir() bool            { return false }
func (nowhereInfo) Sys() any               { return nil }
func (nowhereInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
