package pebble

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// Log is a raft log on Pebble. It implements replica.Log.
type Log struct {
	options storage.Options
	tuning  tuning
	claim   *storage.Claim // nil on a file system given by a test
	failure *storage.Failure
	fs      vfs.FS // FailStopFS
	readers sync.WaitGroup

	// mu orders writes, and keeps the fields below.
	mu        sync.RWMutex
	db        *pebble.DB
	closed    bool
	panicked  bool // the engine may hold its locks for ever; do not call it
	loaded    bool
	state     raft.LogState
	end       end        // of the last batch
	lowest    raft.Index // no run has a lower first index. Invariant: lowest <= state.First.Index+1
	forgotten raft.Index // runs below it that were in memory only are deleted; 0 for none in this life
	inMemory  raft.Index // runs from it on are in the memtable that is being filled, and in no table

	wals     *atomic.Uint64 // begun, each with a memtable of its own
	walsSeen uint64         // by noteMemtable

	watermark *watermark // set by Load

	// Buffers of Append, reused.
	segments []raft.Span
	pieces   []piece
}

// Incarnation returns how often the data folder has been opened, this time included. It is 0 on a file
// system given by a test.
func (l *Log) Incarnation() uint64 {
	if l.claim == nil {
		return 0
	}
	return l.claim.Incarnation()
}

// Disk returns the id of the data folder, see storage.Claim. It is 0 on a file system given by a test.
func (l *Log) Disk() uint64 {
	if l.claim == nil {
		return 0
	}
	return l.claim.Disk()
}

// usable returns why the engine must not be called, or nil. It needs mu.
func (l *Log) usable() error {
	invariant.Check(l.loaded || l.closed, "raft log used before Load")
	switch {
	case l.closed:
		return fmt.Errorf("raft log: %w", raft.ErrClosed)
	case l.panicked:
		return l.failure.Get()
	}
	return nil
}

// writable is usable, and no write has failed. It needs mu.
func (l *Log) writable() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.failure.Get()
}

// Append implements replica.Log.
func (l *Log) Append(hs *raft.HardState, spans []raft.Span) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return nil, err
	}
	p, err := newPlan(l.state.First, l.state.Last, spans, l.segments)
	if err != nil {
		return nil, fmt.Errorf("append to log: %w", err)
	}
	l.segments = p.segments
	defer clear(p.segments)
	if hs != nil && hs.Commit > p.last.Index {
		return nil, fmt.Errorf("append to log: hard state commits %d, log ends at %v: %w",
			hs.Commit, p.last, raft.ErrOutOfRange)
	}
	if hs == nil && len(p.segments) == 0 {
		return func() error { return nil }, nil
	}
	batch, e, err := l.build(hs, p)
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("append to log: %w", err))
	}
	next := l.state.HardState
	if hs != nil {
		next = *hs
	}
	wait, err = l.commit(batch, l.options.Sync == storage.SyncFsync, newMark(e, next))
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("append to log: %w", err))
	}
	l.noteMemtable(p)
	l.state.Last, l.state.HardState = p.last, next
	return wait, nil
}

// commit hands batch to the engine, after which the log is as m says. With synced the returned wait ends when the WAL
// that carries it is synced, and, when the vote changed, the watermark. It needs mu.
//
// Note: ApplyNoSyncWait is marked experimental. The other way, Apply with Sync inside wait, gives one batch
// a sync: nothing is ordered or visible before the wait, and a second batch cannot enter the WAL during the
// sync of the first.
func (l *Log) commit(batch *pebble.Batch, synced bool, m mark) (wait func() error, err error) {
	var otherWait func() error
	err, panicked := l.failure.Guard(func() (err error) {
		switch {
		case !synced:
			return l.db.Apply(batch, pebble.NoSync)
		case l.tuning.submit != nil:
			otherWait, err = l.tuning.submit(l.db, batch)
			return err
		}
		return l.db.ApplyNoSyncWait(batch, pebble.Sync)
	})
	l.panicked = l.panicked || panicked
	// The engine reports an error of the WAL to its logger only.
	if err = errors.Join(err, l.failure.Get()); err != nil {
		return nil, err
	}
	urgent := m.hardState() != newMark(m.end, l.state.HardState).hardState()
	l.end = m.end
	if !synced {
		return func() error { return nil }, batch.Close()
	}
	w := l.watermark
	if l.options.Sync != storage.SyncFsync {
		w = nil
	}
	if otherWait != nil {
		return func() error { return errors.Join(otherWait(), w.note(m, urgent)) }, nil
	}
	return func() error {
		if err := batch.SyncWait(); err != nil {
			return l.failure.Set(fmt.Errorf("sync log: %w", err))
		}
		if err := batch.Close(); err != nil {
			return l.failure.Set(fmt.Errorf("release log batch: %w", err))
		}
		// An earlier failure may have left a hole before this batch.
		if err := l.failure.Get(); err != nil {
			return err
		}
		return w.note(m, urgent)
	}, nil
}

// Close implements replica.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("raft log: %w", raft.ErrClosed)
	}
	l.closed = true
	panicked := l.panicked
	l.mu.Unlock()
	l.readers.Wait()
	var err error
	if !panicked {
		err, _ = l.failure.Guard(l.db.Close) // it syncs what was appended
	}
	err = errors.Join(err, l.closeWatermark(err == nil && !panicked))
	if err == nil {
		err = l.failure.Get() // the engine tells of no failure while it closes, either
	}
	if l.claim != nil {
		err = errors.Join(err, l.claim.Close())
	}
	if err != nil {
		return fmt.Errorf("close raft log: %w", err)
	}
	return nil
}

// closeWatermark ends the watermark. With synced the engine has made durable all that was appended.
func (l *Log) closeWatermark(synced bool) error {
	if l.watermark == nil {
		return nil
	}
	var last *mark
	if synced && l.failure.Get() == nil {
		m := newMark(l.end, l.state.HardState)
		last = &m
	}
	return l.watermark.close(l.options.Sync == storage.SyncFsync, last)
}
