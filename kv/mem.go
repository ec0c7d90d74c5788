package kv

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// Mem is the machine in memory. It starts empty, and everything is lost with it.
type Mem struct {
	mu      sync.Mutex
	execute executor
	data    memState
	applied raft.Index
	closed  bool
}

type memState map[string][]byte

func (s memState) get(key []byte) (value []byte, found bool, err error) {
	value, found = s[string(key)]
	return value, found, nil
}

// set copies the value: it is a part of an entry, which would stay in memory as long as its smallest value.
func (s memState) set(key, value []byte) error {
	s[string(key)] = slices.Clone(value)
	return nil
}

func (s memState) del(key []byte) error {
	delete(s, string(key))
	return nil
}

// NewMem returns an empty machine in memory.
func NewMem() *Mem {
	m := &Mem{data: memState{}}
	m.execute.state = m.data
	return m
}

func (m *Mem) usable() error {
	if m.closed {
		return fmt.Errorf("state machine: %w", raft.ErrClosed)
	}
	return nil
}

// Applied implements replica.Machine.
func (m *Mem) Applied() (raft.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied, m.usable()
}

// Apply implements replica.Machine. With nil results nobody waits: nothing is replied, and nothing is read for it.
func (m *Mem) Apply(span raft.Span, results [][]byte) error {
	checkResults(span, results)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	invariant.Check(span.Prev.Index == m.applied, "span after %v applied at %d", span.Prev, m.applied)
	m.applied = span.LastIndex()
	return m.execute.run(span, results)
}

// Close implements replica.Machine.
func (m *Mem) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	m.closed = true
	return nil
}

// Dump calls yield for every key in order, with copies of nothing: key and value must not be kept. It
// returns the index that they are the state of. Apply waits meanwhile.
func (m *Mem) Dump(yield func(key, value []byte) error) (raft.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return 0, err
	}
	for _, key := range slices.Sorted(maps.Keys(m.data)) {
		if err := yield([]byte(key), m.data[key]); err != nil {
			return 0, err
		}
	}
	return m.applied, nil
}

// Hash returns a hash of all keys and values, and the index that they are the state of.
func (m *Mem) Hash() (raft.Index, Hash, error) { return hash(m.Dump) }
