package kv

import (
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/internal/invariant"
)

// readOnly reports whether op changes nothing.
func readOnly(op Op) bool { return op == OpGet || op == OpMGet || op == OpExists }

// ReadOnly reports whether the command, encoded, only reads and is of no session: such a one may go to Read
// of a machine instead of the log, once the machine has applied what the reader must see.
func ReadOnly(command []byte) bool {
	op, err := decodeHeader(command)
	return err == nil && readOnly(op)
}

// read executes a command that only reads and returns its reply; what else there is has an Error reply.
func read(st state, command []byte) ([]byte, error) {
	x := executor{state: st}
	if err := x.command.Decode(command); err != nil {
		return appendError(nil, "ERR "+err.Error()), nil
	}
	if c := &x.command; c.Session != 0 || !readOnly(c.Op) {
		return appendError(nil, "ERR the command does more than read"), nil
	}
	err := x.executeCommand(&x.command)
	return x.replies, err
}

// Read executes a command of which ReadOnly is true and returns its reply. It sees every Apply that
// returned before, and one state for the whole command. It may be called beside Apply, from any goroutine.
func (m *Pebble) Read(command []byte) (reply []byte, err error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.RUnlock()
	err = m.engine(func() (err error) {
		st := &engineState{reader: m.db}
		if op, _ := decodeHeader(command); op != OpGet {
			snapshot := m.db.NewSnapshot()
			defer func() { err = errors.Join(err, snapshot.Close()) }()
			st.reader = snapshot
		}
		reply, err = read(st, command)
		return errors.Join(err, st.release())
	})
	return reply, err
}

// engineState is the engine as a state that is only read.
type engineState struct {
	reader pebble.Reader
	held   io.Closer // the engine's hold on the value returned last
	key    []byte    // buffer
}

func (s *engineState) release() error {
	if s.held == nil {
		return nil
	}
	held := s.held
	s.held = nil
	return held.Close()
}

// get implements state.
func (s *engineState) get(key []byte) (value []byte, found bool, err error) {
	if err := s.release(); err != nil {
		return nil, false, err
	}
	s.key = append(append(s.key[:0], prefixData), key...)
	value, s.held, err = s.reader.Get(s.key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

func (s *engineState) change() error {
	invariant.Check(false, "a command that only reads changes something")
	return nil
}

// set implements state.
func (s *engineState) set([]byte, []byte) error { return s.change() }

// del implements state.
func (s *engineState) del([]byte) error { return s.change() }

// setRecord implements state.
func (s *engineState) setRecord([]byte, []byte) error { return s.change() }

// delRecord implements state.
func (s *engineState) delRecord([]byte) error { return s.change() }
