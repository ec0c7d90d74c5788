package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	logpebble "github.com/raftmark/raftmark/storage/pebble"
)

// Pebble is the machine on Pebble.
type Pebble struct {
	failure *storage.Failure
	batch   *pebble.Batch
	span    *pebbleSpan
	execute executor

	// mu is held for reading by whoever uses the engine, so that Close and the moment of Restore wait.
	mu      sync.RWMutex
	db      *pebble.DB
	options *pebble.Options
	dir     string
	closed  bool

	panicked atomic.Bool
	applied  atomic.Uint64 // a raft.Index
	durable  atomic.Uint64 // a raft.Index that is on the disk. Invariant: durable <= applied.

	viewsMu sync.Mutex
	views   []*pebbleView // the open ones
}

// OpenPebble opens the machine in o.Dir, or creates one.
func OpenPebble(o Options) (*Pebble, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := logpebble.MakeDir(o.FS, o.Dir); err != nil {
		return nil, err
	}
	m := &Pebble{failure: storage.NewFailure("state machine engine", o.Logger), dir: o.Dir}
	m.options = engineOptions(o, logpebble.NewFailStopFS(o.FS, m.failure), m.failure)
	m.options.EnsureDefaults()
	opened := make(chan *pebble.DB, 1)
	err := m.failure.Open(func() error {
		if err := m.removeTables(); err != nil {
			return err
		}
		db, err := logpebble.OpenEngine(o.Dir, m.options)
		if err != nil {
			return err
		}
		opened <- db
		return m.load(db)
	})
	if err != nil {
		select {
		case db := <-opened:
			err = errors.Join(err, logpebble.CloseUnopened(m.failure, db))
		default:
		}
		if pebble.IsCorruptionError(err) {
			err = fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
		}
		return nil, fmt.Errorf("open state machine: %w", err)
	}
	m.db = <-opened
	m.batch = m.db.NewBatch()
	m.span = &pebbleSpan{engine: engineState{reader: m.db}, batch: m.batch, written: map[string]write{}}
	m.execute.state = m.span
	o.Logger.Info("state machine open", "dir", o.Dir, "index", m.applied.Load())
	return m, nil
}

// load reads from db what the machine has in memory.
func (m *Pebble) load(db *pebble.DB) (err error) {
	applied, err := readApplied(db)
	if err != nil {
		return err
	}
	sessions := newSessionLoader(applied)
	if err := scan(db, prefixSession, sessions.add); err != nil {
		return err
	}
	m.applied.Store(uint64(applied))
	m.durable.Store(uint64(applied))
	m.execute.sessions, err = sessions.finish()
	return err
}

// scan calls yield for every record from the prefix on, in order. Neither key nor value must be kept.
func scan(r pebble.Reader, from byte, yield func(key, value []byte) error) (err error) {
	iter, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{from}, UpperBound: []byte{prefixEnd}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	return scanIter(iter, yield)
}

func scanIter(iter *pebble.Iterator, yield func(key, value []byte) error) error {
	for valid := iter.First(); valid; valid = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		if err := yield(iter.Key(), value); err != nil {
			return err
		}
	}
	return iter.Error()
}

// Limits of the engine beside those of Options.
const (
	memTablesMax       = 4
	openFilesMax       = 512
	compactionsMax     = 2
	sublevelsToCompact = 4
	sublevelsToStop    = 64
	filterBitsPerKey   = 10
)

func engineOptions(o Options, fs vfs.FS, f *storage.Failure) *pebble.Options {
	opts := &pebble.Options{
		FS:                 fs,
		FormatMajorVersion: pebble.FormatNewest,
		DisableWAL:         true,
		// Pebble takes its memtables from the size of the cache: this is what is left of it beside one of them.
		CacheSize:                   int64(o.CacheBytes) + int64(o.MemTableBytes),
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: memTablesMax,
		L0CompactionThreshold:       sublevelsToCompact,
		L0StopWritesThreshold:       sublevelsToStop,
		CompactionConcurrencyRange:  func() (int, int) { return 1, compactionsMax },
		MaxOpenFiles:                openFilesMax,
		Logger:                      f,
		EventListener: &pebble.EventListener{
			BackgroundError: f.Background,
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				f.Background(fmt.Errorf("%s: %w", info.String(), storage.ErrCorrupt))
			},
		},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBitsPerKey)
	}
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	return opts
}

func readApplied(r pebble.Reader) (raft.Index, error) {
	value, closer, err := r.Get(appliedKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, errors.Join(fmt.Errorf("applied index of %d bytes, want 8: %w", len(value), storage.ErrCorrupt),
			closer.Close())
	}
	return raft.Index(binary.LittleEndian.Uint64(value)), closer.Close()
}

// Applied implements replica.Machine.
func (m *Pebble) Applied() (raft.Index, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.RUnlock()
	return raft.Index(m.applied.Load()), nil
}

// enter takes mu for reading, unless the engine must not be called.
func (m *Pebble) enter() error {
	m.mu.RLock()
	err := m.failure.Get()
	if m.closed {
		err = fmt.Errorf("state machine: %w", raft.ErrClosed)
	}
	if err != nil {
		m.mu.RUnlock()
	}
	return err
}

// guard runs a call of the engine. What was written by it is written when the error is nil.
func (m *Pebble) guard(call func() error) error {
	err, panicked := m.failure.Guard(call)
	if panicked {
		m.panicked.Store(true)
		_ = m.failure.Set(err)
	}
	return errors.Join(err, m.failure.Get())
}

// engine is guard for a call that has no errors but the engine's: one is sticky, of a read, too.
func (m *Pebble) engine(call func() error) error {
	if err := m.guard(call); err != nil {
		return m.failure.Set(err)
	}
	return nil
}

// Failure returns what keeps the first error of the machine's disk: of a write, of a read, or of the engine's own work.
func (m *Pebble) Failure() *storage.Failure { return m.failure }

// Apply implements replica.Machine. With nil results nobody waits: nothing is replied, and nothing is read
// for it.
func (m *Pebble) Apply(span raft.Span, results [][]byte) error {
	checkResults(span, results)
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.RUnlock()
	applied := raft.Index(m.applied.Load())
	invariant.Check(span.Prev.Index == applied, "span after %v applied at %d", span.Prev, applied)
	if len(span.Entries) == 0 {
		return nil
	}
	if err := m.guard(func() error { return m.apply(span, results) }); err != nil {
		return m.failure.Set(fmt.Errorf("apply (%d, %d]: %w", span.Prev.Index, span.LastIndex(), err))
	}
	m.applied.Store(uint64(span.LastIndex()))
	return nil
}

func (m *Pebble) apply(span raft.Span, results [][]byte) error {
	m.span.begin(reads(span.Entries))
	err := m.execute.run(span, results)
	if err = errors.Join(err, m.span.end()); err != nil {
		return err
	}
	value := binary.LittleEndian.AppendUint64(nil, uint64(span.LastIndex()))
	if err := m.batch.Set(appliedKey(), value, nil); err != nil {
		return err
	}
	if err := m.db.Apply(m.batch, pebble.NoSync); err != nil {
		return err
	}
	m.batch.Reset()
	return nil
}

// reads reports whether some entry does more than to set a key.
func reads(entries []raft.Entry) bool {
	for i := range entries {
		data := entries[i].Data
		if entries[i].Kind != raft.EntryCommand {
			continue
		}
		if len(data) >= 2 && Op(data[1]) == OpSession {
			data = inner(data)
		}
		if len(data) < 3 || Op(data[1]) != OpSet || data[2] != 0 {
			return true
		}
	}
	return false
}

// inner returns the command in a session's command, or nothing of use when that is malformed.
func inner(data []byte) []byte {
	d := decoder{rest: data[2:]}
	for range 3 {
		d.uvarint("number")
	}
	return d.rest
}

// Close implements replica.Machine. It writes what is in memory to tables, which spares applying it again,
// and ends the views that are open.
func (m *Pebble) Close() error {
	m.mu.Lock()
	closed := m.closed
	m.closed = true
	m.mu.Unlock()
	if closed {
		return fmt.Errorf("state machine: %w", raft.ErrClosed)
	}
	m.viewsMu.Lock()
	views := slices.Clone(m.views)
	m.viewsMu.Unlock()
	for _, v := range views {
		v.ending.Store(true)
	}
	for _, v := range views {
		_ = v.Close() // its own user may have been first
	}
	if m.panicked.Load() {
		return nil
	}
	healthy := m.failure.Get() == nil
	err, _ := m.failure.Guard(func() error {
		err := m.batch.Close()
		if healthy {
			err = errors.Join(err, m.db.Flush())
		}
		return errors.Join(err, m.db.Close())
	})
	if err == nil && healthy {
		err = m.failure.Get() // the engine tells of no failure by itself
	}
	if err != nil {
		return fmt.Errorf("close state machine: %w", err)
	}
	return nil
}
