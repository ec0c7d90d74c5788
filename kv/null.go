package kv

import (
	"sync"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// Null is the machine that does nothing and replies OK to every command: a control arm, to measure what
// applying costs.
type Null struct {
	mu      sync.Mutex
	applied raft.Index
	closed  bool
}

// NewNull returns a machine that does nothing.
func NewNull() *Null { return &Null{} }

// Applied implements replica.Machine.
func (m *Null) Applied() (raft.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied, m.usable()
}

func (m *Null) usable() error {
	if m.closed {
		return raft.ErrClosed
	}
	return nil
}

// Apply implements replica.Machine. With nil results nobody waits: nothing is replied, and nothing is read for it.
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
