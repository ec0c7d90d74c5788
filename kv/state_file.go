package kv

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

const (
	stateName          = "STATE"
	stateTemporaryName = "STATE.tmp"
)

// stateFile keeps the last persisted state of a machine that is in memory: a stream, replaced as a whole.
// Its first error is sticky.
type stateFile struct {
	fs  vfs.FS
	dir string

	failure *storage.Failure

	mu    sync.Mutex
	index raft.Index // of the state in the file
}

// openStateFile opens the file in dir and gives the state in it, if there is one, to load, which returns
// its index.
func openStateFile(fsys vfs.FS, dir string, load func(io.Reader) (raft.Index, error)) (*stateFile, error) {
	f := &stateFile{
		fs: fsys, dir: dir, failure: storage.NewFailure("state machine file", slog.New(slog.DiscardHandler)),
	}
	err := fsys.Remove(f.path(stateTemporaryName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove half a state: %w", err)
	}
	file, err := fsys.Open(f.path(stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	f.index, err = load(file)
	if errors.Is(err, ErrStream) {
		err = fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path(stateName), err)
	}
	return f, nil
}

func (f *stateFile) path(name string) string { return f.fs.PathJoin(f.dir, name) }

// failureOrNil returns what keeps the first error of a file, which may be nil.
func (f *stateFile) failureOrNil() *storage.Failure {
	if f == nil {
		return nil
	}
	return f.failure
}

// save makes the state of index, which stream streams, durable, unless a later one is.
func (f *stateFile) save(index raft.Index, stream func(write func([]byte) error) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure.Get() == nil && index <= f.index {
		return nil
	}
	return f.write(index, stream)
}

// replace makes the state of index, which stream streams, durable, whatever is in the file.
func (f *stateFile) replace(index raft.Index, stream func(write func([]byte) error) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(index, stream)
}

func (f *stateFile) write(index raft.Index, stream func(write func([]byte) error) error) error {
	if err := f.failure.Get(); err != nil {
		return err
	}
	closed, err := f.writeFile(stream)
	switch {
	case err != nil:
		return f.failure.Set(fmt.Errorf("write %s: %w", f.path(stateName), err))
	case closed:
		return fmt.Errorf("write %s: %w", f.path(stateName), raft.ErrClosed)
	}
	f.index = index
	return nil
}

// writeFile writes what stream streams beside the file, and puts it in its place. When the stream was closed, and the
// disk had nothing to say, it returns so, and the file is as it was.
func (f *stateFile) writeFile(stream func(write func([]byte) error) error) (closed bool, err error) {
	file, err := f.fs.Create(f.path(stateTemporaryName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return false, err
	}
	err = stream(func(piece []byte) error {
		_, err := file.Write(piece)
		return err
	})
	if closed = errors.Is(err, raft.ErrClosed); closed {
		return true, file.Close()
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	if err := f.fs.Rename(f.path(stateTemporaryName), f.path(stateName)); err != nil {
		return false, err
	}
	dir, err := f.fs.OpenDir(f.dir)
	if err != nil {
		return false, err
	}
	return false, errors.Join(dir.Sync(), dir.Close())
}
