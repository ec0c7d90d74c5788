package raft_test

import "github.com/raftmark/raftmark/raft"

// One message of a program has at most so many bytes, counted as the caps count.
const hostileMessageBytes = 8 * (8000 + raft.EntryOverheadBytes)

// look checks, after every call, that the core kept its promises and its bounds.
func (h *hostile) look() {
	s := h.core.Status()
	h.ticked = max(h.ticked, h.core.Ticks())
	switch {
	case s.Term < h.term:
		h.t.Fatalf("after %+v: term from %d back to %d", h.did, h.term, s.Term)
	case s.Term == h.term && h.vote != raft.None && s.Vote != h.vote:
		h.t.Fatalf("after %+v: vote of term %d from %d to %d", h.did, s.Term, h.vote, s.Vote)
	case s.CommitIndex < h.commit:
		h.t.Fatalf("after %+v: commit index from %d back to %d", h.did, h.commit, s.CommitIndex)
	}
	h.term, h.vote, h.commit = s.Term, s.Vote, s.CommitIndex
	for _, b := range h.bounds(&s) {
		if b.held > b.most {
			h.t.Fatalf("after %+v: %d %s, at most %d:\n%+v", h.did, b.held, b.what, b.most, s)
		}
	}
}

// waiting returns how many messages wait for the disk.
func (h *hostile) waiting() (n int) {
	for i := range h.writes {
		n += h.writes[i].sends
	}
	return n
}

type hostileBound struct {
	what       string
	held, most int
}

// bounds are the caps of a core in entries, bytes and numbers (L7, I20). Those on entries leave room for one message.
func (h *hostile) bounds(s *raft.Status) []hostileBound {
	c := &h.cfg
	held := h.core.Held()
	chunks := 0
	for i := range h.stores {
		chunks += len(h.stores[i].Chunk.Data)
	}
	members := max(3, len(s.Configuration.Members))
	// A cap below the default counts as the default, see uncommittedLimits.
	uncommittedBytes := 4*max(c.UncommittedBytesMax, 16<<20) + raft.EntryDataBytesMax + hostileMessageBytes
	uncommitted := 4*max(c.UncommittedEntriesMax, 1<<16) + 256 + 8 + 1
	return []hostileBound{
		{"entries uncommitted", int(s.LastIndex - s.CommitIndex), uncommitted},
		{"bytes uncommitted", held.UncommittedBytes, uncommittedBytes},
		{"bytes that wait for the disk", held.DiskBytes, uncommittedBytes},
		{"entries in memory", s.TailEntries, c.TailEntriesMax + 2*uncommitted},
		{"bytes in memory", s.TailBytes, c.TailBytesMax + 2*uncommittedBytes},
		// An election adds two of its own: the vote for oneself, and the no-op of the term.
		{"writes under way", len(h.writes), 256 + 2},
		{"messages that wait for the disk", h.waiting(), 256 + members + 1},
		{"reads", held.Reads, c.ReadsMax},
		{"entries read for followers", len(h.fetches), 4 * members},
		{"chunks read for followers", len(h.reads), 4 * members},
		{"chunks to store", len(h.stores), c.SnapshotInflightBytes + c.SnapshotChunkBytes + 64},
		{"bytes of chunks to store", chunks, c.SnapshotInflightBytes + c.SnapshotChunkBytes + 8000},
		{"bytes handed over to be applied", held.ApplyBytes, c.ApplyBytesMax + hostileMessageBytes},
		{"messages in flight to a follower", held.Inflight, c.InflightMessagesMax},
	}
}
