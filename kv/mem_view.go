package kv

import (
	"sync"

	"github.com/raftmark/raftmark/raft"
)

// memView is a view of a machine in memory.
type memView struct {
	machine             *Mem
	state               *memState
	index               raft.Index
	data, records       map[string][]byte // not written to while the view is open
	dataEra, recordsEra int

	mu     sync.Mutex // one call at a time
	closed bool
}

// Index implements raft.View.
func (v *memView) Index() raft.Index { return v.index }

// Persist implements raft.View. Without a folder there is nothing to persist to.
func (v *memView) Persist() error {
	if v.machine.file == nil {
		return nil
	}
	return v.machine.file.save(v.index, v.Stream)
}

// Stream implements raft.View.
func (v *memView) Stream(write func([]byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return raft.ErrClosed
	}
	return streamMaps(v.index, v.data, v.records, write)
}

func streamMaps(index raft.Index, data, records map[string][]byte, write func([]byte) error) error {
	w := newStreamWriter(index, write)
	if err := sorted(data, []byte{prefixData}, w.record); err != nil {
		return err
	}
	if err := sorted(records, nil, w.record); err != nil {
		return err
	}
	return w.finish()
}

// settleEntries is how many changes are brought in while Apply waits.
const settleEntries = 1024

// Close implements raft.View.
func (v *memView) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return raft.ErrClosed
	}
	v.closed = true
	v.data, v.records = nil, nil
	v.machine.mu.Lock()
	v.state.data.release(v.dataEra)
	v.state.records.release(v.recordsEra)
	v.machine.mu.Unlock()
	for more := true; more; {
		v.machine.mu.Lock()
		more = v.state.data.settle(settleEntries) || v.state.records.settle(settleEntries)
		v.machine.mu.Unlock()
	}
	return nil
}
