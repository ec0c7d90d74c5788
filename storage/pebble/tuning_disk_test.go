package pebble

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// countingFS counts what is written to a file system, and how long the syncs of write-ahead logs take.
type countingFS struct {
	vfs.FS
	preallocateOff bool

	wal, tables, other atomic.Int64 // bytes
	syncs              atomic.Int64

	mu   sync.Mutex
	took []time.Duration // of the syncs of write-ahead logs
}

// counted is a reading of a countingFS.
type counted struct {
	wal, tables, other, syncs int64
	took                      []time.Duration
}

// take returns what was counted since the last take.
func (f *countingFS) take() counted {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := counted{f.wal.Swap(0), f.tables.Swap(0), f.other.Swap(0), f.syncs.Swap(0), f.took}
	f.took = nil
	return c
}

func (f *countingFS) bytesOf(name string) *atomic.Int64 {
	switch filepath.Ext(name) {
	case ".log":
		return &f.wal
	case ".sst", ".blob":
		return &f.tables
	}
	return &f.other
}

func (f *countingFS) file(file vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &countingFile{File: file, fs: f, bytes: f.bytesOf(name), wal: strings.HasSuffix(name, ".log")}, nil
}

func (f *countingFS) Unwrap() vfs.FS { return f.FS }

func (f *countingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	return f.file(file, name, err)
}

func (f *countingFS) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, category, opts...)
	return f.file(file, name, err)
}

func (f *countingFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	return f.file(file, newname, err)
}

type countingFile struct {
	vfs.File
	fs    *countingFS
	bytes *atomic.Int64
	wal   bool
}

func (f *countingFile) Write(p []byte) (int, error) {
	f.bytes.Add(int64(len(p)))
	return f.File.Write(p)
}

func (f *countingFile) WriteAt(p []byte, offset int64) (int, error) {
	f.bytes.Add(int64(len(p)))
	return f.File.WriteAt(p, offset)
}

func (f *countingFile) Preallocate(offset, length int64) error {
	if f.fs.preallocateOff {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

func (f *countingFile) Sync() error     { return f.timed(f.File.Sync) }
func (f *countingFile) SyncData() error { return f.timed(f.File.SyncData) }

func (f *countingFile) timed(sync func() error) error {
	f.fs.syncs.Add(1)
	if !f.wal {
		return sync()
	}
	from := time.Now()
	err := sync()
	took := time.Since(from)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.took = append(f.fs.took, took)
	return err
}
