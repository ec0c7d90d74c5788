package raft

import "github.com/raftmark/raftmark/raft/progress"

// stream is a snapshot on its way to a follower that fell behind the log (§7, Figure 13): chunks in order,
// as many under way as SnapshotInflightBytes allows, sent again from where the follower says that one is
// missing.
type stream struct {
	of       EntryID // the snapshot; zero until the first chunk was read
	sent     uint64  // bytes
	stored   uint64  // bytes that the follower has stored
	seq      uint64  // of the first chunk after it went back last
	reading  bool    // a chunk is being read
	ended    bool    // the last chunk was sent
	back     uint64  // where it went back to last, when nothing was stored since
	wentBack bool
	failures int    // in a row: a chunk could not be read, or not be stored
	pause    int    // heartbeats to be answered before it goes on, after a failure
	heardAt  uint64 // stored, at the last sign of life
	hasHeard bool
}

// beginSnapshot begins to send a follower a snapshot.
func (c *Core) beginSnapshot(p *peer) {
	p.progress.BecomeSnapshot()
	p.stream = stream{seq: c.seq, failures: p.stream.failures, pause: p.stream.pause}
}

// sendSnapshot asks for the next chunk for a follower, when there is room for one.
func (c *Core) sendSnapshot(p *peer) {
	s := &p.stream
	if s.reading || s.ended || s.pause > 0 || s.sent-s.stored >= uint64(c.cfg.SnapshotInflightBytes) {
		return
	}
	if p.debts.chunks >= peerDebtsMax {
		return
	}
	p.debts.chunks++
	s.reading = true
	c.debts.readChunks = append(c.debts.readChunks, ReadChunk{
		To: p.ID, Term: c.currentTerm, Of: s.of, NotBelow: c.first.Index,
		Offset: s.sent, BytesMax: c.cfg.SnapshotChunkBytes,
	})
}

// ChunkRead pays a ReadChunk: chunk begins at r.Offset, or err says why it cannot be had; then the snapshot
// begins anew, after a pause that doubles with each failure in a row.
func (c *Core) ChunkRead(r ReadChunk, chunk Chunk, err error) {
	p := c.peer(r.To)
	if p != nil {
		p.debts.chunks = max(0, p.debts.chunks-1)
	}
	if c.role != Leader || r.Term != c.currentTerm || p == nil || !p.streams() {
		return
	}
	s := &p.stream
	if !s.reading || s.of != r.Of || s.sent != r.Offset {
		return
	}
	s.reading = false
	last := chunk.Snapshot.Last
	if err != nil || chunk.Offset != r.Offset || (s.of != EntryID{} && s.of != last) ||
		last.Index < c.first.Index || last.Index > c.commitIndex {
		*s = stream{seq: c.seq, failures: s.failures}
		s.fail()
		return
	}
	s.of, s.ended = last, chunk.Done
	s.sent += uint64(len(chunk.Data))
	c.sendChunk(p, chunk)
	c.check()
}

func (c *Core) sendChunk(p *peer, chunk Chunk) {
	c.seq++
	c.send(p.ID, Message{Kind: MsgSnapshot, Chunk: &chunk, Seq: c.seq})
}

// streams reports whether a snapshot is being sent to the member.
func (p *peer) streams() bool { return p.progress.State == progress.Snapshot }

// askSnapshot finds out whether chunks were lost, when nothing was stored between two signs of life: a
// chunk without data is refused by a follower that lacks one before it.
func (c *Core) askSnapshot(p *peer) {
	s := &p.stream
	if s.pause > 0 {
		s.pause--
		return
	}
	stuck := s.hasHeard && s.heardAt == s.stored
	s.heardAt, s.hasHeard = s.stored, true
	if stuck && s.of != (EntryID{}) && (s.sent > s.stored || s.ended) {
		snapshot, ok := c.SnapshotOf(s.of)
		if !ok { // the log begins later by now
			p.progress.FallBack()
			return
		}
		c.sendChunk(p, Chunk{Snapshot: snapshot, Offset: s.sent})
	}
}

// handleSnapshotReply takes what a follower says of the chunks that it was sent.
func (c *Core) handleSnapshotReply(m Message) {
	if c.role != Leader {
		return
	}
	p := c.peer(m.From)
	c.heard(p, m)
	switch {
	case p.forgotten(m):
	case m.Chunk.Done:
		c.accepted(p, m.Match)
		if p.streams() { // the log begins later by now: it needs another one
			p.progress.FallBack()
		}
	case !p.streams() || m.Chunk.Snapshot.Last != p.stream.of:
	case m.Reject:
		p.stream.goBack(m, c.seq)
	default:
		p.stream.take(m.Chunk.Offset)
	}
}

// goBack sends again from the byte that the follower wants. Refusals of what was sent before that are not
// heeded, nor of what was never sent: seq is the last message that was.
func (s *stream) goBack(m Message, seq uint64) {
	if m.Seq <= s.seq || m.Seq > seq {
		return
	}
	s.seq = seq
	s.sent = m.Chunk.Offset // of it all is on its way to the follower's disk, not all stored
	s.stored = min(s.stored, s.sent)
	if s.wentBack && s.back == s.sent { // again: more than a lost chunk
		s.fail()
	}
	s.back, s.wentBack = s.sent, true
	s.reading, s.ended = false, false
}

// pauseMax bounds the pause after failures, in heartbeats.
const pauseMax = 64

// fail begins a pause, twice as long as the one before.
func (s *stream) fail() {
	s.failures++
	s.pause = min(1<<min(s.failures-1, 16), pauseMax)
}

// take records that the follower has stored so much. It may be more than was sent, when it kept what an earlier
// attempt brought.
func (s *stream) take(stored uint64) {
	if stored > s.stored {
		s.stored, s.wentBack, s.failures = stored, false, 0
	}
	if s.stored > s.sent {
		s.sent, s.reading = s.stored, false
	}
}

// SnapshotOf returns the name of a snapshot whose last entry is id, which is applied, is in the log or is
// what the log begins after, and is therefore committed. It reports false when the log begins after a later
// entry, and at a server that joined for entries before the first configuration in its log: it does not
// know the one as of them.
func (c *Core) SnapshotOf(id EntryID) (Snapshot, bool) {
	if id.Index < c.first.Index || id.Index > c.commitIndex {
		return Snapshot{}, false
	}
	i := len(c.configurations) - 1
	for i > 0 && c.configurations[i].Index > id.Index {
		i--
	}
	at := c.configurations[i]
	if at.Configuration.IsZero() {
		return Snapshot{}, false
	}
	return Snapshot{Last: id, Configuration: at.Configuration, ConfigurationIndex: at.Index}, true
}

// heldEntriesMax bounds the entries that a leader does not compact for the sake of a follower that is being
// sent a snapshot: one that takes it too slowly needs another one.
const heldEntriesMax = 1 << 20

// Compact forgets the log up to an entry (§7), which the state machine must hold durably, and returns what
// stable storage is to remember in its place. A leader keeps what a follower needs after the snapshot that
// it is being sent, up to 2^20 entries. It reports false when there is nothing to do.
func (c *Core) Compact(upto EntryID) (Snapshot, bool) {
	newest := upto.Index
	for i := range c.peers {
		p := &c.peers[i]
		of := p.stream.of
		if c.role == Leader && p.streams() && of != (EntryID{}) && of.Index < upto.Index &&
			newest-of.Index <= heldEntriesMax {
			upto = of
		}
	}
	return c.ForceCompact(upto)
}

// ForceCompact is Compact that keeps nothing for anybody: a follower that is being sent a snapshot will need
// another one. It is for a log that has no more room.
func (c *Core) ForceCompact(upto EntryID) (Snapshot, bool) {
	s, ok := c.SnapshotOf(upto)
	if !ok || upto.Index <= c.first.Index || upto.Index > c.lastApplied {
		return Snapshot{}, false
	}
	c.first = upto
	n := 0
	for n+1 < len(c.configurations) && c.configurations[n+1].Index <= upto.Index {
		n++
	}
	c.configurations = append([]ConfigurationAt(nil), c.configurations[n:]...)
	c.check()
	return s, true
}
