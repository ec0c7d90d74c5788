package kv

import (
	"fmt"
	"io"
	"sync"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// Mem is the machine in memory. In a folder it has what was persisted last; without one it starts empty,
// and everything is lost with it.
type Mem struct {
	// mu is held for reading by reads.
	mu      sync.RWMutex
	execute executor
	state   *memState
	applied raft.Index
	closed  bool

	file *stateFile // nil without a folder
}

// memState is the state in memory: the data of clients, and the records of the sessions under their keys.
type memState struct{ data, records *layered }

func newMemState() *memState { return &memState{data: newLayered(), records: newLayered()} }

// get implements state.
func (s *memState) get(key []byte) (value []byte, found bool, err error) {
	value, found = s.data.get(key)
	return value, found, nil
}

// set implements state.
func (s *memState) set(key, value []byte) error {
	s.data.set(key, owned(value))
	return nil
}

// owned copies a value: it is a part of an entry, which would stay in memory as long as its smallest value.
func owned(value []byte) []byte { return append([]byte{}, value...) }

// del implements state.
func (s *memState) del(key []byte) error {
	s.data.del(key)
	return nil
}

// setRecord implements state. It keeps value.
func (s *memState) setRecord(key, value []byte) error {
	s.records.set(key, value)
	return nil
}

// delRecord implements state.
func (s *memState) delRecord(key []byte) error {
	s.records.del(key)
	return nil
}

// NewMem returns an empty machine in memory, without a folder.
func NewMem() *Mem {
	m := &Mem{}
	m.replace(newMemState(), newSessionTable(), 0)
	return m
}

// OpenMem opens the machine in memory in o.Dir, with the state that was persisted there last, or an empty one.
func OpenMem(o MemOptions) (*Mem, error) {
	o = o.WithDefaults()
	if err := o.open(); err != nil {
		return nil, err
	}
	m := NewMem()
	file, err := openStateFile(o.FS, o.Dir, m.load)
	if err != nil {
		return nil, fmt.Errorf("open state machine: %w", err)
	}
	m.file = file
	return m, nil
}

// load makes the state that r streams the machine's own.
func (m *Mem) load(r io.Reader) (raft.Index, error) {
	s, sessions, index, err := readMemState(r)
	if err == nil {
		m.replace(s, sessions, index)
	}
	return index, err
}

func readMemState(r io.Reader) (*memState, *sessionTable, raft.Index, error) {
	s := newMemState()
	index, sessions, err := readStream(r, func(key, value []byte) error {
		if key[0] == prefixData {
			s.data.set(key[1:], owned(value))
		} else {
			s.records.set(key, owned(value))
		}
		return nil
	})
	return s, sessions, index, err
}

func (m *Mem) replace(s *memState, sessions *sessionTable, index raft.Index) {
	m.state, m.applied = s, index
	m.execute.state, m.execute.sessions = s, sessions
}

func (m *Mem) usable() error {
	if m.closed {
		return fmt.Errorf("state machine: %w", raft.ErrClosed)
	}
	return nil
}

// Applied implements replica.Machine.
func (m *Mem) Applied() (raft.Index, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.applied, m.usable()
}

// Failure returns what keeps the first error of writing the machine's state, or nil without a folder.
func (m *Mem) Failure() *storage.Failure { return m.file.failureOrNil() }

// Apply implements replica.Machine. With nil results nobody waits: nothing is replied, and nothing is read
// for it.
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

// Read executes a command of which ReadOnly is true and returns its reply. It sees every Apply that
// returned before, and one state for the whole command. It may be called beside Apply, from any goroutine;
// Apply waits meanwhile.
func (m *Mem) Read(command []byte) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(); err != nil {
		return nil, err
	}
	return read(m.state, command)
}

// Snapshot implements replica.Machine. It copies nothing, except when an earlier view is still open and
// something has changed since: then it copies the table of keys, not their values. While a view is open,
// changes are kept beside what it sees, and closing the last one brings them in, some at a time, while
// Apply goes on.
func (m *Mem) Snapshot() (raft.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return nil, err
	}
	v := &memView{machine: m, state: m.state, index: m.applied}
	v.data, v.dataEra = m.state.data.freeze()
	v.records, v.recordsEra = m.state.records.freeze()
	return v, nil
}

// Restore implements replica.Machine. In a folder the new state is durable when it returns.
func (m *Mem) Restore(index raft.Index, r io.Reader) error {
	s, sessions, got, err := readMemState(r)
	if err == nil && got != index {
		err = malformed("state of %d, want %d", got, index)
	}
	if err != nil {
		return fmt.Errorf("restore state machine: %w", err)
	}
	m.mu.RLock()
	err = m.usable()
	m.mu.RUnlock()
	if err == nil && m.file != nil {
		err = m.file.replace(index, func(write func([]byte) error) error {
			return streamMaps(index, s.data.base, s.records.base, write)
		})
	}
	if err != nil {
		return fmt.Errorf("restore state machine: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replace(s, sessions, index)
	return nil
}

// Close implements replica.Machine. It persists nothing.
func (m *Mem) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	m.closed = true
	return nil
}

// Dump calls yield for every key of clients in order, with copies of nothing: key and value must not be
// kept. It returns the index that they are the state of. Apply waits meanwhile.
func (m *Mem) Dump(yield func(key, value []byte) error) (raft.Index, error) {
	return m.records(dataOnly(yield))
}

func (m *Mem) records(yield func(key, value []byte) error) (raft.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return 0, err
	}
	err := sorted(m.state.data.all(), []byte{prefixData}, yield)
	if err == nil {
		err = sorted(m.state.records.all(), nil, yield)
	}
	if err != nil {
		return 0, err
	}
	return m.applied, nil
}

// Hash returns a hash of all records, and the index that they are the state of.
func (m *Mem) Hash() (raft.Index, Hash, error) { return hash(m.records) }
