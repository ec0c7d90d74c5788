package rafttest

import (
	"encoding/binary"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// state is what a state machine holds: a sum over the commands that it was given, in order. Machines that were given
// the same have the same state.
type state struct {
	applied raft.Index
	sum     uint64
}

// apply gives the machine the next entry.
func (s *state) apply(e raft.Entry) {
	s.applied++
	s.sum = sumEntry(s.sum, e)
}

// stateBytes is the length of a streamed state.
const stateBytes = 24

// stream returns the state as a snapshot carries it, with a sum of its own at the end.
func (s state) stream() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(s.applied))
	b = binary.BigEndian.AppendUint64(b, s.sum)
	return binary.BigEndian.AppendUint64(b, sumBytes(sumOffset, b))
}

// unstream reads a streamed state.
func unstream(b []byte) (state, error) {
	if len(b) != stateBytes || binary.BigEndian.Uint64(b[16:]) != sumBytes(sumOffset, b[:16]) {
		return state{}, fmt.Errorf("snapshot of %d bytes is damaged", len(b))
	}
	return state{applied: raft.Index(binary.BigEndian.Uint64(b)), sum: binary.BigEndian.Uint64(b[8:])}, nil
}

// store keeps a node's snapshots: the one that it made, which a crash may lose, and the one that a leader sends, which
// survives when it is complete.
type store struct {
	made     raft.Snapshot // zero: none
	stream   []byte
	incoming []byte // a half one; a crash loses it
	received *received
}

// received is a complete snapshot.
type received struct {
	name  raft.Snapshot
	state state
}

// add stores a chunk; with the last one the whole is checked and becomes durable.
func (s *store) add(c raft.Chunk) error {
	if c.Offset == 0 {
		s.incoming = []byte{}
	}
	if s.incoming == nil || c.Offset != uint64(len(s.incoming)) {
		return fmt.Errorf("chunk at %d after %d bytes: %w", c.Offset, len(s.incoming), raft.ErrOutOfRange)
	}
	s.incoming = append(s.incoming, c.Data...)
	if !c.Done {
		return nil
	}
	whole, err := unstream(s.incoming)
	s.incoming = nil
	if err != nil {
		return err
	}
	s.received = &received{name: c.Snapshot, state: whole}
	return nil
}

// crash leaves what is durable.
func (s *store) crash() { *s = store{received: s.received} }
