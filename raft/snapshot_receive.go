package raft

import "github.com/raftmark/raftmark/internal/invariant"

// incoming is a snapshot on its way here (§7, Figure 13).
type incoming struct {
	of       Snapshot
	from     NodeID // the leader that sends it,
	term     Term   // and its term
	attempt  uint64 // to take it
	accepted uint64 // bytes handed over to be stored
	stored   uint64 // of these; never more
	ready    bool   // all of it is stored durably; it is installed when what was handed over is applied
}

// continues reports whether a chunk belongs to the snapshot under way.
func (in *incoming) continues(m Message) bool {
	return in.of.Last == m.Chunk.Snapshot.Last && in.from == m.From && in.term == m.Term
}

// handleSnapshot is InstallSnapshot's receiver (Figure 13).
func (c *Core) handleSnapshot(m Message) {
	chunk := m.Chunk
	last := chunk.Snapshot.Last
	if c.has(last) {
		c.replySnapshot(m.From, last, m.Seq, Chunk{Done: true}, false)
		return
	}
	in := &c.incoming
	if in.ready || c.lastApplied < c.first.Index {
		return // another one is being installed, which must not be overwritten meanwhile; the leader will ask
	}
	if !in.continues(m) {
		if chunk.Offset != 0 {
			c.replySnapshot(m.From, last, m.Seq, Chunk{}, true)
			return
		}
		c.attempts++
		*in = incoming{of: chunk.Snapshot, from: m.From, term: m.Term, attempt: c.attempts}
	}
	room := uint64(c.cfg.SnapshotInflightBytes + c.cfg.SnapshotChunkBytes)
	switch {
	case chunk.Offset > in.accepted || in.accepted > in.stored+room || c.storing > room:
		c.replySnapshot(m.From, last, m.Seq, Chunk{Offset: in.accepted}, true)
	case chunk.Offset == in.accepted && (len(chunk.Data) > 0 || chunk.Done):
		in.accepted += uint64(len(chunk.Data))
		c.storing += storeSize(chunk)
		c.debts.storeChunks = append(c.debts.storeChunks,
			StoreChunk{From: m.From, Term: m.Term, Chunk: *chunk, Seq: m.Seq, attempt: in.attempt})
	default: // again, or without data: what is stored is the answer
		c.replySnapshot(m.From, last, m.Seq, Chunk{Offset: in.stored}, false)
	}
}

// storeSize is what a chunk counts while it waits to be stored: its bytes, but not nothing.
func storeSize(chunk *Chunk) uint64 { return uint64(max(1, len(chunk.Data))) }

// has reports whether this server has everything up to a committed entry, and then knows that it is committed.
func (c *Core) has(id EntryID) bool {
	if id.Index <= c.commitIndex {
		return true
	}
	if !c.tail.holds(id.Index) || c.tail.term(id.Index) != id.Term {
		return false
	}
	c.setCommit(id.Index)
	return true
}

// replySnapshot answers a chunk, when all that it promises is durable.
func (c *Core) replySnapshot(to NodeID, last EntryID, seq uint64, chunk Chunk, reject bool) {
	chunk.Snapshot.Last = last
	answer := Message{Kind: MsgSnapshotReply, Chunk: &chunk, Seq: seq, Reject: reject}
	if chunk.Done {
		answer.Match = c.commitIndex
	}
	c.reply(Message{From: to}, answer)
}

// ChunkStored pays a StoreChunk, with an error when it could not be stored: then the snapshot begins anew. With Done
// all of it is durable, and survives a crash as a whole.
func (c *Core) ChunkStored(s StoreChunk, err error) {
	c.storing -= min(c.storing, storeSize(&s.Chunk))
	in := &c.incoming
	if in.attempt == 0 || s.attempt != in.attempt || in.ready {
		return
	}
	if err != nil {
		*in = incoming{}
		c.answerStored(s, Chunk{}, true)
		return
	}
	in.stored = max(in.stored, s.Chunk.Offset+uint64(len(s.Chunk.Data)))
	invariant.Check2(in.stored <= in.accepted, "%d bytes of a snapshot stored, %d handed over", in.stored, in.accepted)
	if !s.Chunk.Done {
		c.answerStored(s, Chunk{Offset: in.stored}, false)
		return
	}
	in.ready = true
	c.installWhenIdle()
	c.check()
}

func (c *Core) answerStored(s StoreChunk, chunk Chunk, reject bool) {
	if c.role == Follower && c.leader == s.From && c.currentTerm == s.Term {
		c.replySnapshot(s.From, s.Chunk.Snapshot.Last, s.Seq, chunk, reject)
	}
}

// installWhenIdle puts a snapshot that is stored durably in the place of state machine and log, as soon as the state
// machine is done with what it was given (Figure 13, steps 6 to 8).
func (c *Core) installWhenIdle() {
	if !c.incoming.ready || c.lastApplied < c.applying {
		return
	}
	in := c.incoming
	c.incoming = incoming{}
	switch {
	case c.has(in.of.Last):
	case c.role == Leader:
		// No leader lacks what is committed (Leader Completeness, §5.4.3): the snapshot was a lie, or a vote.
		c.dropped++
		return
	default:
		c.restore(in.of)
	}
	c.answerStored(StoreChunk{From: in.from, Term: in.term, Chunk: Chunk{Snapshot: in.of}}, Chunk{Done: true}, false)
}

// restore discards the whole log (Figure 13, step 7): what it holds above the commit index is not what the leader has,
// or ends before the snapshot.
func (c *Core) restore(s Snapshot) {
	invariant.Check2(c.role != Leader, "leader of term %d restores a snapshot up to %d", c.currentTerm, s.Last.Index)
	c.tail = tail{prev: s.Last}
	c.first = s.Last
	c.disk.replaced(s)
	c.configurations = []ConfigurationAt{{Index: s.ConfigurationIndex, Configuration: s.Configuration}}
	c.adoptConfiguration()
	c.uncommittedBytes = 0
	c.commitIndex, c.applying = s.Last.Index, s.Last.Index
}
