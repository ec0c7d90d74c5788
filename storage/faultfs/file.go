package faultfs

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// file is an open file or folder.
type file struct {
	vfs.File
	fs         *FS
	name, path string // as opened, and as rules see it
}

// before does what the rules say to an operation on the file.
func (f *file) before(op Op) (short bool, err error) {
	now := f.fs.inForce.Load()
	if now == nil {
		return false, nil
	}
	return now.before(op, f.path, f.name)
}

// Read implements vfs.File.
func (f *file) Read(p []byte) (int, error) {
	if _, err := f.before(Read); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if _, err := f.before(Read); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, offset)
}

// Write implements vfs.File.
func (f *file) Write(p []byte) (int, error) {
	short, err := f.before(Write)
	if err == nil {
		return f.File.Write(p)
	}
	return half(short, p, err, f.File.Write)
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(p []byte, offset int64) (int, error) {
	short, err := f.before(Write)
	if err == nil {
		return f.File.WriteAt(p, offset)
	}
	return half(short, p, err, func(p []byte) (int, error) { return f.File.WriteAt(p, offset) })
}

// half writes the first half of p when the write is to be short, and returns err.
func half(short bool, p []byte, err error, write func([]byte) (int, error)) (int, error) {
	if !short {
		return 0, err
	}
	n, writeErr := write(p[:len(p)/2])
	return n, errors.Join(err, writeErr)
}

// Preallocate implements vfs.File.
func (f *file) Preallocate(offset, length int64) error {
	if _, err := f.before(Write); err != nil {
		return err
	}
	return f.File.Preallocate(offset, length)
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	if _, err := f.before(Sync); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *file) SyncData() error {
	if _, err := f.before(Sync); err != nil {
		return err
	}
	return f.File.SyncData()
}

// SyncTo implements vfs.File.
func (f *file) SyncTo(length int64) (fullSync bool, err error) {
	if _, err := f.before(Sync); err != nil {
		return false, err
	}
	return f.File.SyncTo(length)
}
