package raft_test

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// Numbers of a program: what is there, and one more.
const hostileNear, hostileNext = 0x0a, 0x8a

// hostileSeeds are programs that reach the states of a core, so that what the fuzzer makes of them does too. The later
// ones each press against one bound: hundreds of messages come while the disk hangs.
func hostileSeeds() map[string][]byte {
	const near, next = hostileNear, hostileNext
	lead := []byte{opTimeout, opHonest, 0, opSync, 1, opHonest, 0, opHonest, 1, opSettle}
	leadAtOnce := []byte{opTimeout, opSync, 1, opHonest, 0, opSettle}
	// Messages: kind and operation, sender, term, flags; then what the flags say is there.
	heartbeat := []byte{0x18, 2, near, 8, near}
	follow := []byte{0x5a, 2, next, 2 | 8, 3, near, 0x43, 0x42, 0x60, 2, next}
	config := []byte{0x5a, 2, near, 2 | 8, 1, near, 0x44, 0x0f, 0, next}
	vote := []byte{0x14, 2, next, 1, near, near}
	stale := []byte{0x14, 2, near, 1, 0, 0} // a vote that is refused, with an answer that waits for the disk
	// Entries of a term before the one that they come in, eight at a time.
	older := []byte{0x5a, 2, next, 2, 8, near, 1, 1, 1, 1, 1, 1, 1, 1}
	snapshot := []byte{0x1a, 2, next, 64, 1, 0, 1, 3, near, near, 0, 1}
	return map[string][]byte{
		"lead":        program(0, lead, []byte{opPropose, 3, opHonest, 0, opSettle, opHonest, 0, opSettle, opCompact, 0}),
		"lead, read":  program(1, leadAtOnce, []byte{opPropose, 3, opHonest, 0, opReadIndex, opHonest, 0, opTransfer, 2}),
		"lead, grow":  program(2, lead, []byte{opHonest, 0, opSettle, opChange, 1, near, 2, 0, opHonest, 0, opSettle}),
		"follow":      program(0, follow, heartbeat, []byte{opSettle, opRepeat, 8, 4}),
		"join":        program(8, follow, config, []byte{opSettle, opRepeat, 8, 4, opRestart}),
		"take":        program(4, snapshot, []byte{opStore, 1, opRepeat, 6, 16, opSettle}),
		"terms":       program(0, vote, []byte{opRepeat, 9, 2}),
		"answers":     program(0, vote, stale, []byte{opRepeat, 9, 0}),
		"silent":      program(0, []byte{0x15, 2, next, 0, opRepeat, 9, 2}),
		"older":       program(0, follow, older, []byte{opRepeat, 9, 4 | 128}),
		"uncommitted": program(0, follow, []byte{opRepeat, 9, 4}),
		"committed":   program(0, follow, []byte{0x5a, 2, near, 2 | 8, 3, near, 0x42, 0x42, 0x42, 1, opRepeat, 9, 4}),
		"snapshots":   program(0, snapshot, []byte{opRepeat, 9, 32}),
		"chunks":      program(0, snapshot, []byte{opRepeat, 9, 16}),
		"ends":        program(0, []byte{0x1a, 2, next, 64, 1, 0x00, 0, 0, near, near, 0, 1, opRepeat, 9, 0}),
	}
}

func program(shape byte, parts ...[]byte) []byte {
	out := []byte{shape}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// TestHostileProgramsReachWhatTheyAreFor: a program is bytes, and a change of its language makes others of them.
func TestHostileProgramsReachWhatTheyAreFor(t *testing.T) {
	for name, reached := range map[string]func(h *hostile) bool{
		"lead":       func(h *hostile) bool { return h.core.Role() == raft.Leader && h.core.FirstIndex() > 0 },
		"lead, grow": func(h *hostile) bool { return len(h.core.Status().Configuration.Members) == 4 },
		"follow":     func(h *hostile) bool { return h.core.Leader() == 2 && h.core.CommitIndex() > 0 },
		"join":       func(h *hostile) bool { return len(h.core.Status().Configuration.Members) > 0 },
		"take":       func(h *hostile) bool { return h.accepted > 100 },
	} {
		h := newHostile(t, hostileSeeds()[name])
		for h.left() {
			h.operation()
		}
		if !reached(h) {
			t.Errorf("%s: ended as %+v", name, h.core.Status())
		}
	}
}

// TestStrangersDoNotDisturb: a server that hears a leader takes no newer term from one that it does not know, whatever
// it says that it is; afterwards it does, as its own configuration may be the older one (thesis §4.1).
func TestStrangersDoNotDisturb(t *testing.T) {
	for _, m := range []raft.Message{
		{Kind: raft.MsgHeartbeat}, {Kind: raft.MsgAppend}, {Kind: raft.MsgVote, Transfer: true},
		{Kind: raft.MsgSnapshot, Chunk: chunkOf(snapshotUpto(5, 9), 0, "x", true)}, {Kind: raft.MsgTimeoutNow},
	} {
		l := voter(t)
		m.From, m.To, m.Term = 9, 1, 77
		before := l.core.Status()
		if err := l.core.Step(m); err != nil {
			t.Errorf("%v: %v; want it ignored: it may be of a member that is not known here yet", m.Kind, err)
		}
		if after := l.core.Status(); after.Term != before.Term || after.Leader != before.Leader {
			t.Errorf("%v: in term %d after leader %d; want term %d and leader %d as before", m.Kind, after.Term,
				after.Leader, before.Term, before.Leader)
		}
		for range 20 {
			l.core.Tick()
		}
		if err := l.core.Step(m); err != nil || l.core.Term() != 77 {
			t.Errorf("%v when no leader was heard for long: %v, and term %d; want 77", m.Kind, err, l.core.Term())
		}
	}
}

// aheadOf3 returns a leader of two others, of which 3 has not answered in its term, and a log of 20 of which little is
// in memory.
func aheadOf3(t *testing.T) *lone {
	t.Helper()
	l := newLone(t, raft.Config{TailEntriesMax: 1, MessageEntriesMax: 1}, raft.Boot{})
	l.lead(t, 2)
	for range 20 {
		l.core.Propose(commands(1, 1))
		l.pay()
		l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: l.core.LastIndex()})
	}
	return l
}

// unpaid takes what the core owes now, and pays nothing.
func (l *lone) unpaid() (fetches, chunks int) {
	var r raft.Ready
	for l.core.Ready(&r) {
		fetches, chunks = fetches+len(r.Fetch), chunks+len(r.ReadChunks)
	}
	return fetches, chunks
}

// TestDebtsOfAFollowerAreFew: for a follower that changes its mind about what it needs faster than the disk reads it,
// not more is read.
func TestDebtsOfAFollowerAreFew(t *testing.T) {
	l, total := aheadOf3(t), 0
	for range 100 {
		next := l.core.Status().Peers[1].Next
		l.step(t, raft.Message{Kind: raft.MsgAppendReply, From: 3, Term: 1, Reject: true, Match: next - 1,
			Last: raft.EntryID{Term: 1, Index: 1}, Seq: 1})
		fetches, _ := l.unpaid()
		total += fetches
	}
	if total == 0 || total > 4 {
		t.Errorf("%d fetches under way for a follower, want 1 to 4", total)
	}

	l, total = aheadOf3(t), 0
	l.compact(t, 18)
	l.step(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 3, Term: 1, Seq: 1})
	l.step(t, raft.Message{Kind: raft.MsgAppendReply, From: 3, Term: 1, Reject: true,
		Match: l.core.Status().Peers[1].Next - 1, Seq: 1})
	for i := range uint64(100) {
		_, chunks := l.unpaid()
		total += chunks
		done := raft.Message{Kind: raft.MsgSnapshotReply, From: 3, Term: 1, Match: 0, Seq: i}
		done.Chunk = &raft.Chunk{Done: true}
		l.step(t, done) // so that the next one is begun
	}
	if total == 0 || total > 4 {
		t.Errorf("%d chunks of snapshots read for a follower, want 1 to 4", total)
	}
}

// TestChunksAreSentAgainOnceAMessage: a follower that refuses what was never sent has nothing sent again.
func TestChunksAreSentAgainOnceAMessage(t *testing.T) {
	l := aheadOf3(t)
	l.compact(t, 18)
	l.step(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 3, Term: 1, Seq: 1})
	l.step(t, raft.Message{Kind: raft.MsgAppendReply, From: 3, Term: 1, Reject: true,
		Match: l.core.Status().Peers[1].Next - 1, Seq: 1})
	l.pay()
	sent := 0
	for i := range uint64(100) {
		last := raft.Snapshot{}
		for _, m := range l.take() {
			if m.Kind == raft.MsgSnapshot {
				sent++
				last = m.Chunk.Snapshot
			}
		}
		l.step(t, raft.Message{Kind: raft.MsgSnapshotReply, From: 3, Term: 1, Reject: true, Seq: 1<<40 + i,
			Chunk: &raft.Chunk{Snapshot: last, Offset: i % 2}})
		l.pay()
	}
	if sent == 0 || sent > 4 {
		t.Errorf("%d chunks were sent, want 1 to 4", sent)
	}
}

func (l *lone) step(t *testing.T, m raft.Message) {
	t.Helper()
	m.To = 1
	if err := l.core.Step(m); err != nil {
		t.Fatalf("%+v was refused: %v", m, err)
	}
}

// TestLongEntriesOfALiarAreBounded: a leader that has every entry committed at once, or that sends those of terms long
// gone, fills the memory no further than to a limit, whether this server's disk hangs or not.
func TestLongEntriesOfALiarAreBounded(t *testing.T) {
	const most, size = 4*(16<<20) + raft.EntryDataBytesMax, 1 << 20 // a cap below the default counts as that
	data := make([]byte, size)
	for _, c := range []struct {
		name   string
		hangs  bool
		commit raft.Index
	}{
		{"older, on a disk that hangs", true, 0}, {"older", false, 0}, {"committed, on a disk that hangs", true, 1 << 40},
	} {
		l := newLone(t, raft.Config{UncommittedBytesMax: 1 << 20}, raft.Boot{})
		prev := raft.EntryID{}
		for range 100 {
			entries := []raft.Entry{{Term: 1, Kind: raft.EntryCommand, Data: data}}
			l.step(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 2, Commit: c.commit,
				Span: raft.Span{Prev: prev, Entries: entries}})
			prev = raft.EntryID{Term: 1, Index: l.core.LastIndex()}
			if c.hangs {
				l.unpaid()
			} else {
				l.pay()
			}
		}
		held := l.core.Held()
		if got := max(held.UncommittedBytes, held.DiskBytes); got < most-2*size || got > most+2*size {
			t.Errorf("%s: %d bytes held, want about %d", c.name, got, most)
		}
	}
}
