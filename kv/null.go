package kv

import (
	"fmt"
	"io"
	"sync"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// Null is the machine that does nothing and replies OK to every command: a control arm, to measure what
// applying costs. Its state is its index, which is kept in a folder if it has one.
type Null struct {
	mu      sync.Mutex
	applied raft.Index
	closed  bool

	file *stateFile // nil without a folder
}

// NewNull returns a machine that does nothing, without a folder.
func NewNull() *Null { return &Null{} }

// OpenNull opens the machine that does nothing in o.Dir.
func OpenNull(o MemOptions) (*Null, error) {
	o = o.WithDefaults()
	if err := o.open(); err != nil {
		return nil, err
	}
	m := NewNull()
	file, err := openStateFile(o.FS, o.Dir, func(r io.Reader) (raft.Index, error) {
		index, err := readNullState(r)
		m.applied = index
		return index, err
	})
	if err != nil {
		return nil, fmt.Errorf("open state machine: %w", err)
	}
	m.file = file
	return m, nil
}

// readNullState reads the state of any machine, of which only the index matters.
func readNullState(r io.Reader) (raft.Index, error) {
	index, _, err := readStream(r, func([]byte, []byte) error { return nil })
	return index, err
}

// Applied implements replica.Machine.
func (m *Null) Applied() (raft.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied, m.usable()
}

func (m *Null) usable() error {
	if m.closed {
		return fmt.Errorf("state machine: %w", raft.ErrClosed)
	}
	return nil
}

// Failure returns what keeps the first error of writing the machine's state, or nil without a folder.
func (m *Null) Failure() *storage.Failure { return m.file.failureOrNil() }

// Apply implements replica.Machine. With nil results nobody waits: nothing is replied, and nothing is read
// for it.
func (m *Null) Apply(span raft.Span, results [][]byte) error {
	checkResults(span, results)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	invariant.Check(span.Prev.Index == m.applied, "span after %v applied at %d", span.Prev, m.applied)
	m.applied = span.LastIndex()
	if results == nil {
		return nil
	}
	replies := make([]byte, len(span.Entries))
	for i := range span.Entries {
		results[i] = nil
		if span.Entries[i].Kind == raft.EntryCommand {
			results[i] = appendOK(replies[i : i : i+1])
		}
	}
	return nil
}

// Read replies OK, as Apply does.
func (m *Null) Read([]byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return nil, err
	}
	return appendOK(nil), nil
}

// Snapshot implements replica.Machine.
func (m *Null) Snapshot() (raft.View, error) {
	index, err := m.Applied()
	if err != nil {
		return nil, err
	}
	return nullView{machine: m, index: index}, nil
}

// nullView is a view of a Null: its index.
type nullView struct {
	machine *Null
	index   raft.Index
}

// Index implements raft.View.
func (v nullView) Index() raft.Index { return v.index }

// Persist implements raft.View. Without a folder there is nothing to persist to.
func (v nullView) Persist() error {
	if v.machine.file == nil {
		return nil
	}
	return v.machine.file.save(v.index, v.Stream)
}

// Stream implements raft.View: a state without records.
func (v nullView) Stream(write func([]byte) error) error {
	return newStreamWriter(v.index, write).finish()
}

// Close implements raft.View.
func (v nullView) Close() error { return nil }

// Restore implements replica.Machine. It reads the whole state, and keeps its index.
func (m *Null) Restore(index raft.Index, r io.Reader) error {
	got, err := readNullState(r)
	if err == nil && got != index {
		err = malformed("state of %d, want %d", got, index)
	}
	if err == nil {
		_, err = m.Applied()
	}
	if err == nil && m.file != nil {
		err = m.file.replace(index, nullView{index: index}.Stream)
	}
	if err != nil {
		return fmt.Errorf("restore state machine: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied = index
	return nil
}

// Close implements replica.Machine.
func (m *Null) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	m.closed = true
	return nil
}

// Dump calls nothing: there are no keys.
func (m *Null) Dump(func(key, value []byte) error) (raft.Index, error) { return m.Applied() }

// Hash returns the hash of no keys.
func (m *Null) Hash() (raft.Index, Hash, error) { return hash(m.Dump) }
