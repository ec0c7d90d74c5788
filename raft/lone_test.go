package raft_test

import (
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// lone is one core whose debts are paid at once, and whose peers do not exist.
type lone struct {
	core     *raft.Core
	base     raft.EntryID // the log begins after it
	log      []raft.Entry
	sent     []raft.Message
	applied  raft.Index
	reads    []raft.Read
	chunks   []byte          // of the snapshot that is coming in
	restore  []raft.Snapshot // those that took the place of the log
	keep     int             // so many of the next chunks are read and not handed back; they are in held
	held     []raft.ReadChunk
	stall    bool // chunks that come in are not stored, and are in unstored
	unstored []raft.StoreChunk
}

// machineState is what a snapshot of any lone core's machine holds.
const machineState = "the state"

func newLone(t *testing.T, cfg raft.Config, boot raft.Boot) *lone {
	t.Helper()
	if cfg.ID == raft.None {
		cfg.ID = 1
	}
	if cfg.Voters == nil {
		cfg.Voters = []raft.NodeID{1, 2, 3}
	}
	core, err := raft.New(cfg, boot)
	if err != nil {
		t.Fatal(err)
	}
	return &lone{core: core, applied: boot.Applied}
}

// pay pays all debts, except that there is nobody to send to.
func (l *lone) pay() {
	var r raft.Ready
	for l.core.Ready(&r) {
		l.sent = append(append(l.sent, r.SendNow...), r.SendAfterSync...)
		l.reads = append(l.reads, r.Reads...)
		if r.Restore != nil {
			l.restore = append(l.restore, *r.Restore)
			l.base, l.log, l.applied = r.Restore.Last, nil, r.Restore.Last.Index
		}
		for _, s := range r.Append {
			if n := s.Prev.Index - l.base.Index; int(n) < len(l.log) {
				l.log = l.log[:n:n] // others may hold what was behind
			}
			l.log = append(l.log, s.Entries...)
		}
		stores, reads := slices.Clone(r.StoreChunks), slices.Clone(r.ReadChunks)
		fetches := slices.Clone(r.Fetch)
		for _, a := range r.Apply {
			l.applied = a.Upto
		}
		if r.Write != 0 {
			l.core.Synced(r.Write)
		}
		l.core.Applied(l.applied)
		for _, f := range fetches {
			if f.After < l.base.Index {
				l.core.Fetched(f, raft.Span{}, raft.ErrCompacted)
				continue
			}
			n := f.After - l.base.Index
			l.core.Fetched(f, raft.Span{Prev: l.id(f.After), Entries: slices.Clone(l.log[n : n+1])}, nil)
		}
		for _, s := range stores {
			if l.stall {
				l.unstored = append(l.unstored, s)
				continue
			}
			l.store(s)
		}
		for _, r := range reads {
			l.readChunk(r)
		}
	}
}

// store pays with a chunk that is on disk now, or with an error when there is a gap before it.
func (l *lone) store(s raft.StoreChunk) {
	if s.Chunk.Offset > uint64(len(l.chunks)) {
		l.core.ChunkStored(s, raft.ErrOutOfRange)
		return
	}
	l.chunks = append(l.chunks[:s.Chunk.Offset:s.Chunk.Offset], s.Chunk.Data...)
	l.core.ChunkStored(s, nil)
}

// readChunk pays with a piece of a snapshot as of the last entry applied.
func (l *lone) readChunk(r raft.ReadChunk) {
	if l.keep > 0 {
		l.keep--
		l.held = append(l.held, r)
		return
	}
	of := r.Of
	if of == (raft.EntryID{}) {
		of = l.id(l.applied)
	}
	snapshot, ok := l.core.SnapshotOf(of)
	if !ok || r.Offset > uint64(len(machineState)) {
		l.core.ChunkRead(r, raft.Chunk{}, raft.ErrOutOfRange)
		return
	}
	end := min(r.Offset+uint64(r.BytesMax), uint64(len(machineState)))
	l.core.ChunkRead(r, raft.Chunk{
		Snapshot: snapshot, Offset: r.Offset, Data: []byte(machineState)[r.Offset:end],
		Done: end == uint64(len(machineState)),
	}, nil)
}

// id names the entry at index, which is in the log or what it begins after.
func (l *lone) id(index raft.Index) raft.EntryID {
	if index == l.base.Index {
		return l.base
	}
	return raft.EntryID{Term: l.log[index-l.base.Index-1].Term, Index: index}
}

// compact forgets the log up to an index, as after a snapshot of the machine.
func (l *lone) compact(t *testing.T, upto raft.Index) raft.Snapshot {
	t.Helper()
	s, ok := l.core.Compact(l.id(upto))
	if !ok {
		t.Fatalf("server %d refuses to compact up to %d", l.core.Status().ID, upto)
	}
	l.log, l.base = slices.Clone(l.log[s.Last.Index-l.base.Index:]), s.Last
	return s
}

// take returns what was sent since the last call.
func (l *lone) take() []raft.Message {
	sent := l.sent
	l.sent = nil
	return sent
}
