package kv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
)

const (
	// tablesName is the folder, in the machine's, of the tables that Restore builds. What is in it counts
	// for nothing.
	tablesName = "restore"
	// tableBytesMax is how large a table grows, about.
	tableBytesMax = 32 << 20
	// tableLevel is where the engine puts tables when nothing else is left: its last level.
	tableLevel = 6
)

// Restore implements replica.Machine. It builds tables beside the old state, and then has the engine take
// them and drop everything else in one edit of its manifest, with the applied index in them: a crash leaves
// the old state or the new. Until that moment the machine can be read. Views that are open stay what they
// are. The new state is durable when it returns.
//
// Note: a second engine in a folder of its own and a switch between them does the same, and would need each
// read, view and flush to follow the switch.
func (m *Pebble) Restore(index raft.Index, r io.Reader) error {
	sessions, tables, err := m.build(index, r)
	if err == nil {
		err = m.take(index, sessions, tables)
	}
	if enterErr := m.enter(); enterErr == nil {
		err = errors.Join(err, m.engine(m.removeTables))
		m.mu.RUnlock()
	} else if err == nil {
		err = enterErr
	}
	if err != nil {
		return fmt.Errorf("restore state machine: %w", err)
	}
	return nil
}

// build writes the state that r streams to tables.
func (m *Pebble) build(index raft.Index, r io.Reader) (sessions *sessionTable, tables []string, err error) {
	if err := m.enter(); err != nil {
		return nil, nil, err
	}
	defer m.mu.RUnlock()
	err = m.guard(func() error {
		if err := m.removeTables(); err != nil {
			return err
		}
		b := tableBuilder{
			fs: m.options.FS, dir: m.tablesDir(), options: m.options.MakeWriterOptions(tableLevel, m.db.TableFormat()),
		}
		got, found, err := b.build(index, r)
		if err == nil && got != index {
			err = malformed("state of %d, want %d", got, index)
		}
		sessions, tables = found, b.tables
		return err
	})
	return sessions, tables, err
}

// take makes the state in tables the machine's.
func (m *Pebble) take(index raft.Index, sessions *sessionTable, tables []string) error {
	// With nothing in memory, the engine takes the tables at once, and nobody waits for long below.
	if err := m.flush(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("state machine: %w", raft.ErrClosed)
	}
	m.viewsMu.Lock()
	defer m.viewsMu.Unlock()
	for _, v := range m.views {
		if _, err := v.pin(); err != nil {
			return err
		}
	}
	err := m.guard(func() error {
		everything := pebble.KeyRange{Start: appliedKey(), End: []byte{prefixEnd}}
		_, err := m.db.IngestAndExcise(context.Background(), tables, nil, nil, everything)
		return err
	})
	if err != nil {
		return m.failure.Set(err)
	}
	m.applied.Store(uint64(index))
	m.durable.Store(uint64(index))
	m.execute.sessions = sessions
	return nil
}

func (m *Pebble) flush() error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.RUnlock()
	return m.engine(m.db.Flush)
}

func (m *Pebble) tablesDir() string { return m.options.FS.PathJoin(m.dir, tablesName) }

// removeTables removes what Restore built.
func (m *Pebble) removeTables() error {
	if err := m.options.FS.RemoveAll(m.tablesDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", m.tablesDir(), err)
	}
	return nil
}

// tableBuilder writes records to tables of the engine.
type tableBuilder struct {
	fs      vfs.FS
	dir     string
	options sstable.WriterOptions
	tables  []string
	writer  *sstable.Writer // of the last table, nil when it is complete
}

// build writes the applied index, and the state that r streams after it.
func (b *tableBuilder) build(index raft.Index, r io.Reader) (raft.Index, *sessionTable, error) {
	if err := b.fs.MkdirAll(b.dir, 0o755); err != nil {
		return 0, nil, err
	}
	err := b.add(appliedKey(), binary.LittleEndian.AppendUint64(nil, uint64(index)))
	if err != nil {
		return 0, nil, errors.Join(err, b.finish())
	}
	got, sessions, err := readStream(r, b.add)
	return got, sessions, errors.Join(err, b.finish())
}

// add adds a record.
func (b *tableBuilder) add(key, value []byte) error {
	if b.writer == nil {
		path := b.fs.PathJoin(b.dir, fmt.Sprintf("%06d.sst", len(b.tables)+1))
		file, err := b.fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		b.tables = append(b.tables, path)
		b.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(file), b.options)
	}
	if err := b.writer.Set(key, value); err != nil {
		return err
	}
	if b.writer.Raw().EstimatedSize() < tableBytesMax {
		return nil
	}
	return b.finish()
}

// finish completes the last table and makes it durable.
func (b *tableBuilder) finish() error {
	if b.writer == nil {
		return nil
	}
	err := b.writer.Close()
	b.writer = nil
	return err
}
