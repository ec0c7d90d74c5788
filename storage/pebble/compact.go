package pebble

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// errCommitted says that a snapshot contradicts an entry that is committed, which no correct cluster makes.
var errCommitted = errors.New("snapshot conflicts with a committed entry")

// Compact implements replica.Log. It reads at most one run, writes one record and one range deletion, and waits
// for a sync of the WAL, which appends made meanwhile share; readers and appends go on beside the wait.
func (l *Log) Compact(upto raft.Snapshot) error {
	wait, err := l.startCompact(upto)
	if err != nil {
		return err
	}
	if err := wait(); err != nil {
		return fmt.Errorf("compact log: %w", err)
	}
	return nil
}

func (l *Log) startCompact(upto raft.Snapshot) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return nil, err
	}
	if upto.Last.Index <= l.state.First.Index {
		return func() error { return nil }, nil
	}
	if err := checkSnapshot(upto); err != nil {
		return nil, fmt.Errorf("compact log: %w", err)
	}
	var c compaction
	err, panicked := l.failure.Guard(func() (err error) {
		c, err = l.planCompact(upto.Last)
		return err
	})
	l.panicked = l.panicked || panicked
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("compact log: %w", err))
	}
	if !c.matches && upto.Last.Index <= l.state.HardState.Commit {
		return nil, fmt.Errorf("compact log: snapshot %v, the log commits %d: %w",
			upto.Last, l.state.HardState.Commit, errCommitted)
	}
	batch := l.db.NewBatch()
	if err := c.fill(batch, upto, l.lowest); err != nil {
		return nil, l.failure.Set(fmt.Errorf("compact log: %w", errors.Join(err, batch.Close())))
	}
	wait, err = l.commit(batch)
	if err != nil {
		return nil, l.failure.Set(fmt.Errorf("compact log: %w", err))
	}
	l.lowest = c.lowest
	l.state.First, l.state.Configuration = upto.Last, upto.Configuration
	l.state.ConfigurationIndex = upto.ConfigurationIndex
	if !c.matches {
		l.state.Last = upto.Last
	}
	return wait, nil
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

// compaction is what becomes of the runs when the log begins after a snapshot.
type compaction struct {
	matches bool       // the log has the snapshot's last entry: what follows it stays
	lowest  raft.Index // runs below it go, or all of them when the log does not match
}

// planCompact looks whether the log has the entry last, which is above its first. It needs mu.
func (l *Log) planCompact(last raft.EntryID) (compaction, error) {
	reset := compaction{lowest: last.Index + 1}
	switch {
	case last.Index > l.state.Last.Index:
		return reset, nil
	case last.Index == l.state.Last.Index:
		reset.matches = last.Term == l.state.Last.Term
		return reset, nil
	}
	h, entries, err := l.runOf(last.Index)
	if err != nil {
		return compaction{}, err
	}
	switch {
	case entries[last.Index-h.first].Term != last.Term:
		return reset, nil
	case h.last() == last.Index:
		return compaction{matches: true, lowest: last.Index + 1}, nil
	}
	// The run that the log will begin inside of stays as it is.
	return compaction{matches: true, lowest: h.first}, nil
}

// fill writes the compaction of a log without runs below lowest into batch.
func (c compaction) fill(batch *pebble.Batch, upto raft.Snapshot, lowest raft.Index) error {
	if err := batch.Set(firstKey(), sealFirst(upto), nil); err != nil {
		return err
	}
	switch {
	case !c.matches:
		return batch.DeleteRange(runKey(lowest), runsEnd(), nil)
	case lowest < c.lowest:
		return batch.DeleteRange(runKey(lowest), runKey(c.lowest), nil)
	}
	return nil
}
