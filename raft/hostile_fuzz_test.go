package raft_test

import (
	"math"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// FuzzHostilePeer runs a program, which the bytes are, against one core of a cluster of three: what the other two, and
// strangers, send it, and how far its own disk and machine get. Every field of a message is free. The transport vouches
// for who sends, so that a member lies in content only. Agreement does not survive lying members; what must is
//
//   - the process: nothing panics, and what the core asks of its disk is possible;
//   - its promises: terms and the commit index never fall, a term has one vote, nothing committed is removed;
//   - its memory: every bound holds, however long its disk hangs (see bounds);
//   - its term, against servers that are no members, as long as it hears a leader, and against removed ones always.
func FuzzHostilePeer(f *testing.F) {
	for _, program := range hostileSeeds() {
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > programBytesMax {
			return
		}
		h := newHostile(t, program)
		for h.left() && h.steps < stepsMax {
			h.operation()
		}
		h.settle()
	})
}

const (
	programBytesMax = 4 << 10
	// stepsMax bounds the messages of a program, which may repeat one many times.
	stepsMax = 4 << 10
)

// The operations of a program; opMessage and all above it are one message.
const (
	opTick byte = iota
	opTimeout
	opSync
	opApply
	opFetch
	opStore
	opRead
	opSettle
	opPropose
	opReadIndex
	opTransfer
	opChange
	opCompact
	opHonest
	opRepeat
	opRestart
	opMessage
)

func (h *hostile) operation() {
	h.did = h.at
	switch op := h.byte(); op {
	case opTick:
		for range 1 + h.byte()%8 {
			h.core.Tick()
			h.owed()
		}
	case opTimeout:
		for range 40 {
			h.core.Tick()
			h.owed()
		}
	case opSync:
		h.sync(1 + int(h.byte()%4))
	case opApply:
		h.apply()
	case opFetch:
		h.fetch(h.byte()%4 > 0)
	case opStore:
		h.store(h.byte()%8 > 0)
	case opRead:
		h.readChunk(h.byte()%8 > 0)
	case opSettle:
		h.settle()
	case opPropose:
		size := h.size()
		h.core.Propose([]raft.Entry{{Data: make([]byte, size)}, {}, {Data: []byte("x")}})
	case opReadIndex:
		h.token++
		h.core.ReadIndex(h.token)
	case opTransfer:
		_ = h.core.Transfer(raft.NodeID(h.byte() % 6)) // it may refuse
	case opChange:
		one := raft.Change{Kind: raft.ChangeKind(h.byte() % 7), ID: raft.NodeID(h.number(4))}
		other := raft.Change{Kind: raft.ChangeKind(h.byte() % 7), ID: 3}
		_ = h.core.ChangeConfig([]raft.Change{one, other}[:1+h.byte()%2])
	case opCompact:
		h.compact(h.byte()%2 == 0)
	case opHonest:
		h.answerHonestly(int(h.byte()))
	case opRepeat:
		h.repeat(1<<(h.byte()%12), h.byte())
	case opRestart:
		h.restart()
	default:
		h.last = h.message(op)
		h.step(h.last)
	}
	h.owed()
}

// step gives the core a message and looks at what it did to it.
func (h *hostile) step(m raft.Message) {
	h.steps++
	h.did = m
	before := h.core.Status()
	removed := before.Committed.Removed(m.From)
	_, member := before.Configuration.Member(m.From)
	follows := m.From == before.Leader && m.Term == before.Term
	heard, full := h.hearsLeader(), len(h.writes) >= 256 || h.waiting() >= 256
	err := h.core.Step(m)
	after := h.core.Status()
	untouched := after.Term == before.Term && after.Vote == before.Vote && after.LastIndex == before.LastIndex &&
		after.CommitIndex == before.CommitIndex && after.Role == before.Role
	switch {
	case err != nil && !untouched:
		h.t.Fatalf("a message was refused (%v), and changed the core:\n%+v\n%+v", err, before, after)
	case (m.From == before.ID || m.From == raft.None || (removed && !member && !follows)) && err == nil:
		h.t.Fatalf("taken from %d, which cannot be a peer of %v", m.From, before.Configuration)
	case !member && !follows && heard && !untouched:
		h.t.Fatalf("a server that is no member of %v moved one that hears %d:\n%+v\n%+v",
			before.Configuration, before.Leader, before, after)
	}
	if m.Kind == raft.MsgAppend || m.Kind == raft.MsgHeartbeat || m.Kind == raft.MsgSnapshot {
		if err == nil && after.Leader == m.From && m.Term == after.Term && !full { // else it may have been lost
			h.heardAt = h.ticked
		}
	}
}

// repeat gives the core the last message again and again, with what change says counted up.
func (h *hostile) repeat(times int, change byte) {
	m := h.last
	for i := 0; i < times && h.steps < stepsMax; i++ {
		if change&1 != 0 {
			m.Seq++
		}
		if change&2 != 0 {
			m.Term++
		}
		if change&4 != 0 {
			m.Span.Prev = m.Span.Last()
		}
		if change&8 != 0 {
			m.Commit, m.Match = m.Commit+1, m.Match+1
		}
		if change&16 != 0 && m.Chunk != nil {
			chunk := *m.Chunk
			chunk.Offset += uint64(len(chunk.Data))
			m.Chunk = &chunk
		}
		if change&32 != 0 && m.Chunk != nil {
			chunk := *m.Chunk
			chunk.Snapshot.Last.Index++
			m.Chunk = &chunk
		}
		if change&64 != 0 {
			m.Last.Index++
			m.Reject = !m.Reject
		}
		h.step(m)
		h.owed()
		if change&128 != 0 {
			h.sync(len(h.writes))
		}
	}
}

// answerHonestly answers the latest message that the core sent, as a follower or a voter would.
func (h *hostile) answerHonestly(back int) {
	if len(h.sent) == 0 {
		return
	}
	sent := h.sent[len(h.sent)-1-back%len(h.sent)]
	m := raft.Message{From: sent.To, To: sent.From, Term: sent.Term, Seq: sent.Seq}
	switch sent.Kind {
	case raft.MsgPreVote:
		m.Kind = raft.MsgPreVoteReply
	case raft.MsgVote:
		m.Kind = raft.MsgVoteReply
	case raft.MsgAppend:
		m.Kind, m.Match = raft.MsgAppendReply, sent.Span.LastIndex()
	case raft.MsgHeartbeat:
		m.Kind = raft.MsgHeartbeatReply
	case raft.MsgSnapshot:
		m.Kind = raft.MsgSnapshotReply
		m.Chunk = &raft.Chunk{Snapshot: raft.Snapshot{Last: sent.Chunk.Snapshot.Last}, Done: sent.Chunk.Done,
			Offset: sent.Chunk.Offset + uint64(len(sent.Chunk.Data))}
		m.Match = sent.Chunk.Snapshot.Last.Index
	case raft.MsgReadIndex, raft.MsgRecover:
		m.Kind, m.Commit = raft.MsgReadIndexReply, h.core.CommitIndex()
	default:
		return
	}
	h.last = m
	h.step(m)
}

// message draws a message; each of its numbers is free, and most are near what the core would find plausible.
func (h *hostile) message(op byte) raft.Message {
	m := raft.Message{
		Kind: raft.MessageKind(op % 17), From: h.sender(), To: 1, Term: raft.Term(h.number(uint64(h.core.Term()))),
	}
	if op >= 0xf0 {
		m.To = raft.NodeID(h.byte() % 5)
	}
	last, commit := uint64(h.core.LastIndex()), uint64(h.core.CommitIndex())
	flags := h.byte()
	if flags&1 != 0 {
		m.Last = raft.EntryID{Term: raft.Term(h.number(uint64(h.core.Term()))), Index: raft.Index(h.number(last))}
	}
	if flags&2 != 0 {
		m.Span = h.span(last, commit, m.Term)
	}
	if flags&4 != 0 {
		m.Match = raft.Index(h.number(last))
	}
	if flags&8 != 0 {
		m.Commit = raft.Index(h.number(commit))
	}
	if flags&16 != 0 {
		m.Seq = h.number(h.seq)
	}
	m.Reject, m.Transfer = flags&32 != 0, flags&128 != 0
	if flags&64 != 0 {
		m.Chunk = h.chunk(last, m.Term)
	}
	return m
}

func (h *hostile) sender() raft.NodeID {
	switch b := h.byte(); {
	case b < 0x80:
		return 2
	case b < 0xc0:
		return 3
	case b < 0xf0:
		return raft.NodeID(b % 8)
	default:
		return raft.NodeID(h.number(math.MaxUint64))
	}
}

func (h *hostile) span(last, commit uint64, now raft.Term) raft.Span {
	shape := h.byte()
	near := last
	if shape&0x80 != 0 {
		near = commit
	}
	index := raft.Index(h.number(near))
	prev := raft.EntryID{Index: index}
	if term, ok := h.core.TermAt(index); ok && shape&0x40 == 0 {
		prev.Term = term // so that it is taken
	} else {
		prev.Term = raft.Term(h.number(uint64(h.core.Term())))
	}
	s := raft.Span{Prev: prev}
	term := prev.Term
	for range shape % 9 {
		what := h.byte()
		if what&0x80 != 0 {
			term = raft.Term(h.number(uint64(h.core.Term())))
		} else if what&0x40 != 0 {
			term = now
		}
		e := raft.Entry{Term: term, Kind: raft.EntryKind(what % 5)}
		switch {
		case e.Kind == raft.EntryConfig:
			e.Data = h.configuration(what)
		case what&0x20 != 0:
			e.Data = make([]byte, h.size())
		}
		s.Entries = append(s.Entries, e)
	}
	return s
}

// configuration draws an encoded configuration, or something else in its place.
func (h *hostile) configuration(what byte) []byte {
	if what&0x10 != 0 {
		return h.bytes(int(h.byte() % 32))
	}
	return h.drawConfiguration().AppendTo(nil)
}

func (h *hostile) drawConfiguration() raft.Configuration {
	var c raft.Configuration
	members, flags := h.byte(), h.byte()
	for id := raft.NodeID(1); id <= 8; id++ {
		if members&(1<<(id-1)) == 0 {
			continue
		}
		c.Members = append(c.Members, raft.Member{
			ID: id, Voter: id < 4 || flags&1 != 0, Learner: id >= 4 && flags&1 == 0, Outgoing: flags&2 != 0 && id%2 == 0,
			Priority: uint8(id) & (flags >> 4),
		})
		c.LastID = id
	}
	if flags&4 != 0 {
		c.LastID = raft.NodeID(h.number(uint64(c.LastID)))
	}
	if flags&8 != 0 {
		for len(c.Members) < raft.MembersMax {
			id := c.LastID + 1
			c.Members, c.LastID = append(c.Members, raft.Member{ID: id, Voter: true}), id
		}
	}
	return c
}

func (h *hostile) chunk(last uint64, now raft.Term) *raft.Chunk {
	if h.byte()%16 == 0 {
		return &raft.Chunk{}
	}
	c := &raft.Chunk{Offset: h.number(h.accepted), Done: h.byte()%4 == 0, Data: make([]byte, h.size())}
	term, index := raft.Term(h.number(uint64(now))), raft.Index(h.number(last+4))
	c.Snapshot = raft.Snapshot{
		Last: raft.EntryID{Term: term, Index: index}, ConfigurationIndex: raft.Index(h.number(0)),
		Configuration: raft.NewConfiguration(1, 2, 3),
	}
	if h.byte()%4 == 0 {
		c.Snapshot.Configuration = h.drawConfiguration()
	}
	return c
}
