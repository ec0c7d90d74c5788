package sweep

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Kind is a kind of operation on a file system.
type Kind uint8

// The kinds. Those from Create on change what is stored, or make it durable.
const (
	Open Kind = iota
	List
	Stat
	Read
	Create
	Write
	Allocate
	Sync
	Link
	Rename
	Remove
	MakeDir
	Lock
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{
		"open", "list", "stat", "read", "create", "write", "allocate", "sync", "link", "rename", "remove", "mkdir", "lock",
	}[k]
}

// Changes reports whether an operation of kind k changes what is stored, or makes it durable.
func (k Kind) Changes() bool { return k >= Create }

// Op is an operation that is about to be done.
type Op struct {
	Number int // the first is 1
	Kind   Kind
	Path   string
}

// String returns how a failure names the operation.
func (o Op) String() string { return fmt.Sprintf("operation %d, %v %s", o.Number, o.Kind, o.Path) }

// Fault is an error of the disk.
type Fault struct {
	Name  string // such as "EIO"
	Err   error
	Short bool // a write writes half of its bytes before it fails
}

// The faults that a disk has.
func faults() []Fault {
	return []Fault{
		{Name: "EIO", Err: syscall.EIO}, {Name: "ENOSPC", Err: syscall.ENOSPC},
		{Name: "short write", Err: syscall.ENOSPC, Short: true},
	}
}

// FS is a file system that tells of each operation before it is done. Operations are done one at a time.
type FS struct {
	base vfs.FS

	mu      sync.Mutex
	watch   func(Op) *Fault
	ops     int
	lost    map[string]bool // paths of which a sync failed
	resyncs int
}

// NewFS returns a file system over base. Watch is called before each operation, which fails when it returns a fault; it
// may look at base, and clone it, and must not call the FS. Nil watches nothing.
func NewFS(base vfs.FS, watch func(Op) *Fault) *FS {
	if watch == nil {
		watch = func(Op) *Fault { return nil }
	}
	return &FS{base: base, watch: watch, lost: map[string]bool{}}
}

// Resyncs returns how many syncs were tried of paths of which a sync had failed before.
func (f *FS) Resyncs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resyncs
}

// Quiet runs look with no operation under way, so that it may read what watch writes.
func (f *FS) Quiet(look func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	look()
}

// Ops returns how many operations there were.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// do does one operation, or fails it; half is what a short write does before it fails.
func (f *FS) do(kind Kind, path string, op func() error, half func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	fault := f.watch(Op{Number: f.ops, Kind: kind, Path: path})
	if kind == Sync && f.lost[path] {
		f.resyncs++
		if fault == nil {
			return nil
		}
	}
	if fault == nil {
		return op()
	}
	if kind == Sync {
		f.lost[path] = true
	}
	if fault.Short && half != nil {
		half()
	}
	return &fs.PathError{Op: kind.String(), Path: path, Err: fault.Err}
}

func (f *FS) file(kind Kind, path string, open func() (vfs.File, error)) (vfs.File, error) {
	opened := &file{fs: f, path: path}
	err := f.do(kind, path, func() (err error) { opened.File, err = open(); return err }, nil)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(Create, name, func() (vfs.File, error) { return f.base.Create(name, category) })
}

// Open implements vfs.FS.
func (f *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(Open, name, func() (vfs.File, error) { return f.base.Open(name, opts...) })
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(Create, name, func() (vfs.File, error) { return f.base.OpenReadWrite(name, category, opts...) })
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	return f.file(Open, name, func() (vfs.File, error) { return f.base.OpenDir(name) })
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(Rename, newname, func() (vfs.File, error) { return f.base.ReuseForWrite(oldname, newname, category) })
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	return f.do(Link, newname, func() error { return f.base.Link(oldname, newname) }, nil)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	return f.do(Remove, name, func() error { return f.base.Remove(name) }, nil)
}

// RemoveAll implements vfs.FS.
func (f *FS) RemoveAll(name string) error {
	return f.do(Remove, name, func() error { return f.base.RemoveAll(name) }, nil)
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	return f.do(Rename, newname, func() error { return f.base.Rename(oldname, newname) }, nil)
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(dir string, perm os.FileMode) error {
	return f.do(MakeDir, dir, func() error { return f.base.MkdirAll(dir, perm) }, nil)
}

// Lock implements vfs.FS.
func (f *FS) Lock(name string) (lock io.Closer, err error) {
	err = f.do(Lock, name, func() (err error) { lock, err = f.base.Lock(name); return err }, nil)
	return lock, err
}

// List implements vfs.FS.
func (f *FS) List(dir string) (names []string, err error) {
	err = f.do(List, dir, func() (err error) { names, err = f.base.List(dir); return err }, nil)
	return names, err
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (info vfs.FileInfo, err error) {
	err = f.do(Stat, name, func() (err error) { info, err = f.base.Stat(name); return err }, nil)
	return info, err
}

// GetDiskUsage implements vfs.FS.
func (f *FS) GetDiskUsage(path string) (vfs.DiskUsage, error) { return f.base.GetDiskUsage(path) }

// PathBase implements vfs.FS.
func (f *FS) PathBase(path string) string { return f.base.PathBase(path) }

// PathJoin implements vfs.FS.
func (f *FS) PathJoin(elem ...string) string { return f.base.PathJoin(elem...) }

// PathDir implements vfs.FS.
func (f *FS) PathDir(path string) string { return f.base.PathDir(path) }

// Unwrap implements vfs.FS.
func (f *FS) Unwrap() vfs.FS { return f.base }

// file is an open file or folder of an FS.
type file struct {
	vfs.File
	fs   *FS
	path string
}

func (f *file) Read(p []byte) (n int, err error) {
	err = f.fs.do(Read, f.path, func() (err error) { n, err = f.File.Read(p); return err }, nil)
	return n, err
}

func (f *file) ReadAt(p []byte, offset int64) (n int, err error) {
	err = f.fs.do(Read, f.path, func() (err error) { n, err = f.File.ReadAt(p, offset); return err }, nil)
	return n, err
}

func (f *file) Write(p []byte) (n int, err error) {
	err = f.fs.do(Write, f.path,
		func() (err error) { n, err = f.File.Write(p); return err },
		func() { n, _ = f.File.Write(p[:len(p)/2]) })
	return n, err
}

func (f *file) WriteAt(p []byte, offset int64) (n int, err error) {
	err = f.fs.do(Write, f.path,
		func() (err error) { n, err = f.File.WriteAt(p, offset); return err },
		func() { n, _ = f.File.WriteAt(p[:len(p)/2], offset) })
	return n, err
}

func (f *file) Preallocate(offset, length int64) error {
	return f.fs.do(Allocate, f.path, func() error { return f.File.Preallocate(offset, length) }, nil)
}

func (f *file) Stat() (info vfs.FileInfo, err error) {
	err = f.fs.do(Stat, f.path, func() (err error) { info, err = f.File.Stat(); return err }, nil)
	return info, err
}

func (f *file) Sync() error { return f.fs.do(Sync, f.path, f.File.Sync, nil) }

func (f *file) SyncData() error { return f.fs.do(Sync, f.path, f.File.SyncData, nil) }

func (f *file) SyncTo(length int64) (full bool, err error) {
	err = f.fs.do(Sync, f.path, func() (err error) { full, err = f.File.SyncTo(length); return err }, nil)
	return full, err
}
