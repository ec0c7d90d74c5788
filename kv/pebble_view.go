package kv

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
)

// pebbleView is a view of a machine on Pebble: a snapshot of the engine. An open snapshot costs the disk
// space of what was overwritten since; an open iterator keeps the tables in memory of its time too, so
// there is none before Stream.
type pebbleView struct {
	machine *Pebble
	index   raft.Index
	ending  atomic.Bool // the machine closes

	mu     sync.Mutex // one call at a time
	closed bool

	// engineMu is held to make and to close what follows; it is taken after the machine's mu.
	engineMu sync.Mutex
	snapshot *pebble.Snapshot // nil when closed
	iter     *pebble.Iterator // nil until it is needed
}

// Snapshot implements replica.Machine. It copies nothing.
func (m *Pebble) Snapshot() (raft.View, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.RUnlock()
	v := &pebbleView{machine: m, index: raft.Index(m.applied.Load()), snapshot: m.db.NewSnapshot()}
	m.viewsMu.Lock()
	defer m.viewsMu.Unlock()
	m.views = append(m.views, v)
	return v, nil
}

// Index implements raft.View.
func (v *pebbleView) Index() raft.Index { return v.index }

// Persist implements raft.View: it has the engine write what is in memory to tables. Apply goes on meanwhile.
func (v *pebbleView) Persist() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	m := v.machine
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.RUnlock()
	if raft.Index(m.durable.Load()) >= v.index {
		return nil
	}
	// Whatever was applied by now is in the tables that are written.
	applied := m.applied.Load()
	if err := m.engine(m.db.Flush); err != nil {
		return fmt.Errorf("persist state machine at %d: %w", v.index, err)
	}
	m.durable.Store(max(m.durable.Load(), applied))
	return nil
}

// Stream implements raft.View.
func (v *pebbleView) Stream(write func([]byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return raft.ErrClosed
	}
	m := v.machine
	if err := m.enter(); err != nil {
		return err
	}
	iter, err := v.pin()
	m.mu.RUnlock()
	if err != nil {
		return err
	}
	w := newStreamWriter(v.index, write)
	var stopped error // by whoever takes the stream
	err = m.engine(func() error {
		err := scanIter(iter, func(key, value []byte) error {
			if v.ending.Load() {
				stopped = raft.ErrClosed
			} else {
				stopped = w.record(key, value)
			}
			return stopped
		})
		if stopped != nil {
			return nil
		}
		return err
	})
	if err = errors.Join(stopped, err); err != nil {
		return err
	}
	return w.finish()
}

// pin returns the view's iterator, which sees what the view is of whatever happens to the engine. The
// caller holds the machine's mu.
func (v *pebbleView) pin() (*pebble.Iterator, error) {
	v.engineMu.Lock()
	defer v.engineMu.Unlock()
	if v.snapshot == nil || v.iter != nil {
		return v.iter, nil
	}
	return v.iter, v.machine.engine(func() (err error) {
		v.iter, err = v.snapshot.NewIter(&pebble.IterOptions{
			LowerBound: []byte{prefixData}, UpperBound: []byte{prefixEnd},
		})
		return err
	})
}

// Close implements raft.View.
func (v *pebbleView) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return raft.ErrClosed
	}
	v.closed = true
	m := v.machine
	m.viewsMu.Lock()
	m.views = slices.DeleteFunc(m.views, func(other *pebbleView) bool { return other == v })
	m.viewsMu.Unlock()
	v.engineMu.Lock()
	defer v.engineMu.Unlock()
	if m.panicked.Load() {
		return nil
	}
	err, _ := m.failure.Guard(func() (err error) {
		if v.iter != nil {
			err = v.iter.Close()
		}
		return errors.Join(err, v.snapshot.Close())
	})
	v.snapshot, v.iter = nil, nil
	return err
}
