package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/pebble"
)

// Names of the files of a folder.
const (
	createName   = "create.tmp"
	createdName  = "created.snap"
	incomingName = "incoming.tmp"
	receivedName = "received.snap"
)

// Folder keeps snapshots. It implements replica.Snapshots.
type Folder struct {
	options  Options
	fs       fileSystem
	failure  *storage.Failure
	created  *created
	incoming *incoming
	closed   bool
}

// incoming is a snapshot that is being received.
type incoming struct {
	name []byte // encoded
	file file
	size uint64
}

// Open opens the folder, or creates it, and removes everything but a received snapshot.
func Open(o Options) (*Folder, error) {
	o = o.WithDefaults()
	return openFS(o, onFS{o.FS})
}

// openFS is Open with another way to use the file system. o has its defaults.
func openFS(o Options, fsys fileSystem) (*Folder, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := pebble.MakeDir(o.FS, o.Dir); err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	failure := storage.NewFailure("snapshot folder", o.Logger)
	f := &Folder{options: o, fs: failStop{fsys, failure}, failure: failure}
	for _, name := range []string{createName, createdName, incomingName} {
		if err := f.removeIfThere(name); err != nil {
			return nil, fmt.Errorf("open snapshots: %w", err)
		}
	}
	return f, nil
}

func (f *Folder) path(name string) string { return f.options.FS.PathJoin(f.options.Dir, name) }

func (f *Folder) removeIfThere(name string) error {
	if err := f.fs.remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *Folder) usable() error {
	if f.closed {
		return fmt.Errorf("snapshots: %w", raft.ErrClosed)
	}
	return f.failure.Get()
}

// Failure returns what keeps the first error of the disk.
func (f *Folder) Failure() *storage.Failure { return f.failure }

// Create implements replica.Snapshots.
func (f *Folder) Create(s raft.Snapshot, stream func(write func([]byte) error) error) error {
	if err := f.usable(); err != nil {
		return err
	}
	c, err := f.create(s, stream)
	if err != nil {
		return fmt.Errorf("create snapshot %v: %w", s.Last, errors.Join(err, f.removeIfThere(createName)))
	}
	old := f.created
	f.created = c
	f.options.Logger.Info("snapshot created", "index", uint64(s.Last.Index), "bytes", c.size())
	if old != nil {
		if err := old.file.Close(); err != nil {
			return fmt.Errorf("close snapshot %v: %w", old.name.Last, err)
		}
	}
	return nil
}

func (f *Folder) create(s raft.Snapshot, stream func(write func([]byte) error) error) (c *created, err error) {
	if err := s.Configuration.Validate(); err != nil {
		return nil, err
	}
	out, err := f.fs.create(f.path(createName))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.Close())
		}
	}()
	w, header, err := newWriter(out, s, f.options.BytesMax)
	if err != nil {
		return nil, err
	}
	// A stream that ignores an error of write must not get away with it.
	var failed error
	err = stream(func(p []byte) error {
		if failed == nil {
			failed = w.write(p)
		}
		return failed
	})
	if err = errors.Join(failed, err); err != nil {
		return nil, err
	}
	trailer, err := w.finish()
	if err != nil {
		return nil, err
	}
	c = &created{name: s, file: out, header: header, trailer: trailer, dataBytes: w.data}
	return c, f.fs.rename(f.path(createName), f.path(createdName))
}

// Created implements replica.Snapshots.
func (f *Folder) Created() (raft.Snapshot, bool) {
	if f.created == nil {
		return raft.Snapshot{}, false
	}
	return f.created.name, true
}

// Read implements replica.Snapshots. A created snapshot that is found damaged is given up: there is none then.
func (f *Folder) Read(of raft.EntryID, offset uint64, bytesMax int) (raft.Chunk, error) {
	if err := f.usable(); err != nil {
		return raft.Chunk{}, err
	}
	c := f.created
	if c == nil || c.name.Last != of {
		return raft.Chunk{}, fmt.Errorf("read snapshot %v: it is not there: %w", of, raft.ErrOutOfRange)
	}
	if size := c.size(); offset >= size {
		return raft.Chunk{}, fmt.Errorf("read snapshot %v at %d: it has %d bytes: %w", of, offset, size, raft.ErrOutOfRange)
	}
	data := make([]byte, min(uint64(max(1, bytesMax)), c.size()-offset))
	if err := c.readAt(data, offset); err != nil {
		if errors.Is(err, storage.ErrCorrupt) {
			f.created = nil
			err = errors.Join(err, c.file.Close(), f.removeIfThere(createdName))
			f.options.Logger.Warn("created snapshot damaged", "index", uint64(of.Index), "err", err)
		}
		return raft.Chunk{}, fmt.Errorf("read snapshot %v at %d: %w", of, offset, err)
	}
	return raft.Chunk{
		Snapshot: c.name, Offset: offset, Data: data, Done: offset+uint64(len(data)) == c.size(),
	}, nil
}

// Store implements replica.Snapshots. A chunk that is not the next one is an error that wraps raft.ErrOutOfRange, and
// changes nothing; after any other error the incoming snapshot is gone.
func (f *Folder) Store(c raft.Chunk) error {
	if err := f.usable(); err != nil {
		return err
	}
	name := appendName(nil, c.Snapshot)
	if in := f.incoming; c.Offset > 0 && (in == nil || in.size != c.Offset || !bytes.Equal(in.name, name)) {
		return fmt.Errorf("store snapshot %v at %d: another chunk is wanted: %w",
			c.Snapshot.Last, c.Offset, raft.ErrOutOfRange)
	}
	err := f.store(c, name)
	if err != nil {
		return fmt.Errorf("store snapshot %v at %d: %w", c.Snapshot.Last, c.Offset, errors.Join(err, f.abort()))
	}
	return nil
}

func (f *Folder) store(c raft.Chunk, name []byte) error {
	if c.Offset == 0 {
		if err := f.abort(); err != nil {
			return err
		}
		out, err := f.fs.create(f.path(incomingName))
		if err != nil {
			return err
		}
		f.incoming = &incoming{name: name, file: out}
	}
	in := f.incoming
	if in.size+uint64(len(c.Data)) > uint64(f.options.BytesMax) {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, f.options.BytesMax)
	}
	if _, err := in.file.Write(c.Data); err != nil {
		return err
	}
	in.size += uint64(len(c.Data))
	if !c.Done {
		return nil
	}
	if err := in.verify(); err != nil {
		return err
	}
	if err := in.file.Sync(); err != nil {
		return err
	}
	if err := f.fs.rename(f.path(incomingName), f.path(receivedName)); err != nil {
		return err
	}
	f.incoming = nil
	if err := errors.Join(f.fs.syncDir(f.options.Dir), in.file.Close()); err != nil {
		return err
	}
	f.options.Logger.Info("snapshot received", "index", uint64(c.Snapshot.Last.Index), "bytes", in.size)
	return nil
}

// verify reads the whole file back.
func (in *incoming) verify() error {
	r, s, err := newReader(io.NewSectionReader(in.file, 0, int64(in.size)))
	if err != nil {
		return err
	}
	if !bytes.Equal(appendName(nil, s), in.name) {
		return corrupt("snapshot is %v by its file", s.Last)
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

// abort gives the incoming snapshot up.
func (f *Folder) abort() error {
	if f.incoming == nil {
		return nil
	}
	err := errors.Join(f.incoming.file.Close(), f.removeIfThere(incomingName))
	f.incoming = nil
	return err
}

// Received implements replica.Snapshots. The state's blocks are verified as they are read: its error wraps
// storage.ErrCorrupt when the file is damaged, and is io.EOF only after all was verified.
func (f *Folder) Received() (s raft.Snapshot, state io.ReadCloser, ok bool, err error) {
	if err := f.usable(); err != nil {
		return raft.Snapshot{}, nil, false, err
	}
	in, err := f.fs.open(f.path(receivedName))
	if errors.Is(err, fs.ErrNotExist) {
		return raft.Snapshot{}, nil, false, nil
	}
	if err != nil {
		return raft.Snapshot{}, nil, false, fmt.Errorf("open received snapshot: %w", err)
	}
	info, err := in.Stat()
	if err != nil {
		return raft.Snapshot{}, nil, false, fmt.Errorf("open received snapshot: %w", errors.Join(err, in.Close()))
	}
	r, s, err := newReader(io.NewSectionReader(in, 0, info.Size()))
	if err != nil {
		return raft.Snapshot{}, nil, false, fmt.Errorf("open received snapshot: %w", errors.Join(err, in.Close()))
	}
	return s, received{reader: r, Closer: in}, true, nil
}

type received struct {
	*reader
	io.Closer
}

// Discard implements replica.Snapshots.
func (f *Folder) Discard() error {
	if err := f.usable(); err != nil {
		return err
	}
	if err := errors.Join(f.removeIfThere(receivedName), f.fs.syncDir(f.options.Dir)); err != nil {
		return fmt.Errorf("discard received snapshot: %w", err)
	}
	return nil
}

// Close implements replica.Snapshots. A received snapshot stays, everything else goes.
func (f *Folder) Close() error {
	if f.closed {
		return fmt.Errorf("snapshots: %w", raft.ErrClosed)
	}
	f.closed = true
	err := f.abort()
	if f.created != nil {
		err = errors.Join(err, f.created.file.Close(), f.removeIfThere(createdName))
		f.created = nil
	}
	if err != nil {
		return fmt.Errorf("close snapshots: %w", err)
	}
	return nil
}
