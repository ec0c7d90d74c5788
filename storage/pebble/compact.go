package pebble

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// errCommitted says that a snapshot contradicts an entry that is committed, which no correct cluster makes.
var errCommitted = errors.New("snapshot conflicts with a committed entry")

// Compact implements replica.Log. It reads at most one run, writes one record, and waits for a sync of the WAL,
// which appends made meanwhile share. Then it drops the tables that have nothing but compacted runs, for which the
// engine writes and syncs one record of its manifest; nothing is rewritten, and nothing else is marked as deleted.
// Only a snapshot that takes the place of the whole log costs a range deletion besides.
func (l *Log) Compact(upto raft.Snapshot) error {
	wait, err := l.startCompact(upto)
	if err != nil || wait == nil {
		return err
	}
	if err := wait(); err != nil {
		return fmt.Errorf("compact log: %w", err)
	}
	return l.drop()
}

// startCompact writes that the log begins after upto; wait is nil when it already does.
func (l *Log) startCompact(upto raft.Snapshot) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return nil, err
	}
	if upto.Last.Index <= l.state.First.Index {
		return nil, nil
	}
	if err := checkSnapshot(upto); err != nil {
		return nil, fmt.Errorf("compact log: %w", err)
	}
	matches := false
	err, panicked := l.failure.Guard(func() (err error) {
		matches, err = l.has(upto.Last)
		return err
	})
	l.panicked = l.panicked || panicked
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("compact log: %w", err))
	}
	if !matches && upto.Last.Index <= l.state.HardState.Commit {
		return nil, fmt.Errorf("compact log: snapshot %v, the log commits %d: %w",
			upto.Last, l.state.HardState.Commit, errCommitted)
	}
	last := l.state.Last
	if !matches {
		last = upto.Last
	}
	b := builder{batch: l.db.NewBatch(), end: l.end}
	err = b.setFirst(upto)
	if matches {
		err = errors.Join(err, l.forget(&b, upto.Last.Index))
	} else {
		err = errors.Join(err, b.removeRuns(l.lowest, l.state.Last.Index+1))
	}
	e, endErr := b.finish(last)
	if err = errors.Join(err, endErr); err != nil {
		return nil, l.failure.Set(fmt.Errorf("compact log: %w", errors.Join(err, b.batch.Close())))
	}
	wait, err = l.commit(b.batch, true, newMark(e, l.state.HardState))
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("compact log: %w", err))
	}
	l.state.First, l.state.Configuration = upto.Last, upto.Configuration
	l.state.ConfigurationIndex = upto.ConfigurationIndex
	l.state.Last = last
	return wait, nil
}

// has reports whether the log has the entry id, which is above its first. It needs mu.
func (l *Log) has(id raft.EntryID) (bool, error) {
	if id.Index >= l.state.Last.Index {
		return id == l.state.Last, nil
	}
	h, entries, err := l.runOf(id.Index)
	if err != nil {
		return false, err
	}
	return entries[id.Index-h.first].Term == id.Term, nil
}

// checkSnapshot reports why s cannot be what a log begins after, or nil.
func checkSnapshot(s raft.Snapshot) error {
	if err := s.Configuration.Validate(); err != nil {
		return fmt.Errorf("snapshot %v: %w", s.Last, err)
	}
	if s.ConfigurationIndex > s.Last.Index {
		return fmt.Errorf("snapshot %v: its configuration is of entry %d", s.Last, s.ConfigurationIndex)
	}
	return nil
}

// drop removes the tables whose runs are all compacted, durably. What it leaves of the compacted runs, a later
// call finds, or the next opening skips.
func (l *Log) drop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	if err := l.writable(); err != nil {
		return err
	}
	err, panicked := l.failure.Guard(func() error {
		end, err := l.droppable()
		if err != nil || end <= l.lowest {
			return err
		}
		err = l.db.Excise(context.Background(), pebble.KeyRange{Start: runKey(l.lowest), End: runKey(end)})
		l.lowest = end
		return err
	})
	l.panicked = l.panicked || panicked
	if err = errors.Join(err, l.failure.Get()); err != nil {
		return l.failure.Set(fmt.Errorf("drop compacted log: %w", err))
	}
	return nil
}

// droppable returns the key below which whole tables hold nothing but compacted runs. Memtables are left alone: the
// engine would have to flush them first. It needs mu.
func (l *Log) droppable() (end raft.Index, err error) {
	if l.db.Metrics().MemTable.Count >= memTablesMax {
		return 0, nil // the engine might wait for a flush; the next call will do
	}
	keep := l.state.First.Index + 1
	if l.state.First != l.state.Last {
		h, _, err := l.runOf(keep)
		if err != nil {
			return 0, err
		}
		keep = h.first
	}
	levels, err := l.db.SSTables()
	if err != nil {
		return 0, err
	}
	for _, tables := range levels {
		for _, t := range tables {
			if last, err := parseRunKey(t.Largest.UserKey); err == nil && last < keep {
				end = max(end, last+1)
			}
		}
	}
	return end, nil
}
