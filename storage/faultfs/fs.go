package faultfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system with faults. It is safe for concurrent use.
type FS struct {
	base vfs.FS
	dir  string // what paths are relative to, with a separator at its end; or empty

	// inForce is nil without rules.
	inForce atomic.Pointer[rules]

	mu      sync.Mutex
	closed  bool
	release chan struct{} // of the rules in force
}

var _ vfs.FS = (*FS)(nil)

// New returns a file system over base, or over the operating system's when that is nil. It has no rules.
func New(base vfs.FS) *FS { return NewIn(base, "") }

// NewIn is New with paths that rules see relative to dir. Those elsewhere they see whole.
func NewIn(base vfs.FS, dir string) *FS {
	if base == nil {
		base = vfs.Default
	}
	if dir != "" {
		dir = strings.TrimSuffix(filepath.ToSlash(filepath.Clean(dir)), "/") + "/"
	}
	return &FS{base: base, dir: dir, release: make(chan struct{})}
}

// ErrClosed says that the file system takes no rules any more.
var ErrClosed = errors.New("fault file system closed")

// Validate returns the faults of rules, each with the number of its rule; they get their defaults first.
func Validate(rules []Rule) error {
	var errs []error
	if len(rules) > RulesMax {
		errs = append(errs, fmt.Errorf("rules: %d, want at most %d", len(rules), RulesMax))
	}
	for i, r := range rules {
		if err := r.WithDefaults().Validate(); err != nil {
			errs = append(errs, fmt.Errorf("rules[%d].%w", i, err))
		}
	}
	return errors.Join(errs...)
}

// Add puts rules in force, after those that are: all of them or, with an error, none.
func (f *FS) Add(added ...Rule) error {
	if err := Validate(added); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return ErrClosed
	}
	var next rules
	if now := f.inForce.Load(); now != nil {
		next = append(next, *now...)
	}
	if n := len(next) + len(added); n > RulesMax {
		return fmt.Errorf("rules: %d with those in force, want at most %d", n, RulesMax)
	}
	for _, r := range added {
		a := &active{Rule: r.WithDefaults(), released: f.release}
		a.errno, _ = errorNumber(a.Error)
		next = append(next, a)
	}
	if len(next) > 0 {
		f.inForce.Store(&next)
	}
	return nil
}

// Clear removes all rules. What they hold up goes on.
func (f *FS) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clear()
}

func (f *FS) clear() {
	f.inForce.Store(nil)
	close(f.release)
	f.release = make(chan struct{})
}

// Close removes all rules, and takes no others from then on. Operations still go through.
func (f *FS) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.clear()
	}
	return nil
}

// Rules returns the rules in force and what became of them, in their order.
func (f *FS) Rules() []RuleState {
	states := []RuleState{}
	if now := f.inForce.Load(); now != nil {
		for _, a := range *now {
			states = append(states, a.state())
		}
	}
	return states
}

// path returns what rules see of a name.
func (f *FS) path(name string) string {
	return strings.TrimPrefix(filepath.ToSlash(name), f.dir)
}

// before does what the rules say to an operation on a name.
func (f *FS) before(op Op, name string) error {
	now := f.inForce.Load()
	if now == nil {
		return nil
	}
	_, err := now.before(op, f.path(name), name)
	return err
}

// file is before for an operation that opens a file.
func (f *FS) file(op Op, name string, open func() (vfs.File, error)) (vfs.File, error) {
	if err := f.before(op, name); err != nil {
		return nil, err
	}
	opened, err := open()
	if err != nil {
		return nil, err
	}
	return &file{File: opened, fs: f, name: name, path: f.path(name)}, nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(Create, name, func() (vfs.File, error) { return f.base.Create(name, category) })
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	return f.file(Create, name, func() (vfs.File, error) { return f.base.OpenReadWrite(name, category, opts...) })
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(Create, newname, func() (vfs.File, error) { return f.base.ReuseForWrite(oldname, newname, category) })
}

// Open implements vfs.FS.
func (f *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	opened, err := f.base.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &file{File: opened, fs: f, name: name, path: f.path(name)}, nil
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	opened, err := f.base.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &file{File: opened, fs: f, name: name, path: f.path(strings.TrimSuffix(name, "/") + "/")}, nil
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	if err := f.before(Create, newname); err != nil {
		return err
	}
	return f.base.Link(oldname, newname)
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	if err := f.before(Create, newname); err != nil {
		return err
	}
	return f.base.Rename(oldname, newname)
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.before(Create, strings.TrimSuffix(dir, "/")+"/"); err != nil {
		return err
	}
	return f.base.MkdirAll(dir, perm)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if err := f.before(Remove, name); err != nil {
		return err
	}
	return f.base.Remove(name)
}

// RemoveAll implements vfs.FS.
func (f *FS) RemoveAll(name string) error {
	if err := f.before(Remove, name); err != nil {
		return err
	}
	return f.base.RemoveAll(name)
}
