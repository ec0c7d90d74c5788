package pebble

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// Load implements replica.Log. It reads the whole log, and checks every checksum and every link.
func (l *Log) Load() (raft.LogState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return raft.LogState{}, fmt.Errorf("raft log: %w", raft.ErrClosed)
	}
	invariant.Check(!l.loaded, "raft log loaded twice")
	var state raft.LogState
	err, panicked := l.failure.Guard(func() (err error) {
		state, err = l.load()
		return err
	})
	l.panicked = l.panicked || panicked
	if err = errors.Join(err, l.failure.Get()); err != nil {
		return raft.LogState{}, l.failure.Set(fmt.Errorf("load log: %w", err))
	}
	l.loaded, l.first, l.last = true, state.First, state.Last
	return state, nil
}

func (l *Log) load() (state raft.LogState, err error) {
	err = errors.Join(
		l.get(firstKey(), func(v []byte) (err error) { state.First, err = openFirst(v); return err }),
		l.get(hardStateKey(), func(v []byte) (err error) { state.HardState, err = openHardState(v); return err }))
	if err != nil {
		return raft.LogState{}, err
	}
	iter, err := l.runs()
	if err != nil {
		return raft.LogState{}, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	state.Last = state.First
	for valid := iter.First(); valid; valid = iter.Next() {
		if state.Last, err = checkRun(iter, state); err != nil {
			return raft.LogState{}, err
		}
	}
	if err := iter.Error(); err != nil {
		return raft.LogState{}, err
	}
	if state.HardState.Commit > state.Last.Index {
		return raft.LogState{}, corrupt("log ends at %v, its hard state commits %d", state.Last, state.HardState.Commit)
	}
	return state, nil
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

// checkRun checks the run that iter is at, and that it continues state, and returns its last entry.
func checkRun(iter *pebble.Iterator, state raft.LogState) (raft.EntryID, error) {
	value, err := iter.ValueAndErr()
	if err != nil {
		return raft.EntryID{}, err
	}
	h, _, err := openRun(iter.Key(), value)
	if err != nil {
		return raft.EntryID{}, err
	}
	last := raft.EntryID{Term: h.lastTerm, Index: h.last()}
	if h.lastTerm < h.prevTerm {
		return raft.EntryID{}, corrupt("run at %d: term falls from %d to %d", h.first, h.prevTerm, h.lastTerm)
	}
	if h.prev() == state.Last {
		return last, nil
	}
	// Only the first run may begin earlier, when the compacted prefix ends inside of it.
	if state.Last != state.First || h.first > state.First.Index || h.last() <= state.First.Index {
		return raft.EntryID{}, corrupt("run after %v follows entry %v", h.prev(), state.Last)
	}
	_, entries, err := decodeRun(iter)
	if err != nil {
		return raft.EntryID{}, err
	}
	if got := entries[state.First.Index-h.first].Term; got != state.First.Term {
		return raft.EntryID{}, corrupt("log begins after %v, which has term %d", state.First, got)
	}
	return last, nil
}
