package pebble

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// Load implements replica.Log. The first call reads the whole log, and checks every checksum and every link.
func (l *Log) Load() (raft.LogState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return raft.LogState{}, fmt.Errorf("raft log: %w", raft.ErrClosed)
	}
	if err := l.failure.Get(); err != nil {
		return raft.LogState{}, err
	}
	if l.loaded {
		return l.state, nil
	}
	err, panicked := l.failure.Guard(func() (err error) {
		if l.state, err = l.load(); err != nil {
			return err
		}
		if err := l.loadWatermark(); err != nil {
			return err
		}
		return l.noteCreated()
	})
	l.panicked = l.panicked || panicked
	if err = errors.Join(err, l.failure.Get()); err != nil {
		return raft.LogState{}, l.failure.Set(fmt.Errorf("load log: %w", markCorrupt(err)))
	}
	l.loaded = true
	l.inMemory, l.walsSeen = l.state.Last.Index+1, l.wals.Load() // the engine has written to tables what it recovered
	return l.state, nil
}

func (l *Log) load() (state raft.LogState, err error) {
	err = errors.Join(
		l.get(firstKey(), func(v []byte) error { return loadFirst(&state, v) }),
		l.get(hardStateKey(), func(v []byte) (err error) { state.HardState, err = openHardState(v); return err }),
		l.get(endKey(), func(v []byte) (err error) { l.end, err = openEnd(v); return err }))
	if err != nil {
		return raft.LogState{}, err
	}
	iter, err := l.runs()
	if err != nil {
		return raft.LogState{}, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	state.Last, l.lowest = state.First, state.First.Index+1
	if iter.First() {
		if l.lowest, err = parseRunKey(iter.Key()); err != nil {
			return raft.LogState{}, err
		}
	}
	valid, err := seekRun(iter, state.First)
	for ; valid && err == nil; valid = iter.Next() {
		var h runHeader
		h, err = checkRun(iter, state)
		state.Last = h.lastID()
	}
	if err = errors.Join(err, iter.Error()); err != nil {
		return raft.LogState{}, err
	}
	if l.end.last != state.Last {
		return raft.LogState{}, corrupt("log ends at %v, its end record says %v", state.Last, l.end.last)
	}
	if state.HardState.Commit > state.Last.Index {
		return raft.LogState{}, corrupt("log ends at %v, its hard state commits %d", state.Last, state.HardState.Commit)
	}
	return state, nil
}

// seekRun moves iter to the run with the entry after first. Before it may be runs that are compacted and not dropped
// yet, the last of which then ends in first.
func seekRun(iter *pebble.Iterator, first raft.EntryID) (valid bool, err error) {
	if !iter.SeekLT(runKey(first.Index + 1)) {
		return iter.First(), iter.Error()
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return false, err
	}
	h, _, err := openRun(iter.Key(), value)
	switch {
	case err != nil:
		return false, err
	case h.last() > first.Index:
		return true, nil
	case h.lastID() != first:
		return false, corrupt("log begins after %v, the run before ends in %v", first, h.lastID())
	}
	return iter.Next(), iter.Error()
}

func loadFirst(state *raft.LogState, value []byte) error {
	first, err := openFirst(value)
	state.First, state.Configuration = first.Last, first.Configuration
	state.ConfigurationIndex = first.ConfigurationIndex
	return err
}

// get calls open with the value of key, when there is one.
func (l *Log) get(key []byte, open func(value []byte) error) error {
	value, closer, err := l.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(open(value), closer.Close())
}

// checkRun checks the run that iter is at, and that it continues state.
func checkRun(iter *pebble.Iterator, state raft.LogState) (runHeader, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return runHeader{}, err
	}
	h, _, err := openRun(iter.Key(), value)
	if err != nil {
		return runHeader{}, err
	}
	if h.lastTerm < h.prevTerm {
		return runHeader{}, corrupt("run at %d: term falls from %d to %d", h.first, h.prevTerm, h.lastTerm)
	}
	if h.prev() == state.Last {
		return h, nil
	}
	// Only the first run may begin earlier, when the compacted prefix ends inside of it.
	if state.Last != state.First || h.first > state.First.Index || h.last() <= state.First.Index {
		return runHeader{}, corrupt("run after %v follows entry %v", h.prev(), state.Last)
	}
	_, entries, err := decodeRun(iter)
	if err != nil {
		return runHeader{}, err
	}
	if got := entries[state.First.Index-h.first].Term; got != state.First.Term {
		return runHeader{}, corrupt("log begins after %v, which has term %d", state.First, got)
	}
	return h, nil
}
