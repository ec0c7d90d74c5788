package raft_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are claims of §7 of the paper and steps of Figure 13, and what the chunks between
// them do.

var errDisk = errors.New("disk on fire")

// snapshotUpto names a snapshot of three servers.
func snapshotUpto(term raft.Term, index raft.Index) raft.Snapshot {
	return raft.Snapshot{
		Last: raft.EntryID{Term: term, Index: index}, Configuration: raft.NewConfiguration(1, 2, 3),
	}
}

func chunkOf(s raft.Snapshot, offset uint64, data string, done bool) *raft.Chunk {
	return &raft.Chunk{Snapshot: s, Offset: offset, Data: []byte(data), Done: done}
}

// §7: "Each server takes snapshots independently, covering just the committed entries in its log", which
// the machine has applied. "Raft also includes [...] the last included index [and] the last included term".
func TestCompactForgetsWhatIsApplied(t *testing.T) {
	l := leading(t, raft.Config{})
	l.core.Propose(commands(5, 1))
	l.pay()
	last := raft.EntryID{Term: 1, Index: 6}
	for name, id := range map[string]raft.EntryID{
		"nothing": {}, "beyond the log": {Term: 1, Index: 7}, "far beyond": {Term: 1, Index: 1 << 60},
	} {
		if s, ok := l.core.Compact(id); ok || l.core.FirstIndex() != 0 {
			t.Errorf("%s: got %+v", name, s)
		}
	}
	s, ok := l.core.Compact(raft.EntryID{Term: 1, Index: 4})
	if !ok || s.Last.Index != 4 || s.Configuration.String() != "1" || l.core.FirstIndex() != 4 {
		t.Errorf("got %+v, log from %d; want a snapshot up to 4", s, l.core.FirstIndex())
	}
	if _, ok := l.core.Compact(raft.EntryID{Term: 1, Index: 4}); ok {
		t.Error("the same again is something to do")
	}
	if _, ok := l.core.Compact(raft.EntryID{Term: 1, Index: 3}); ok {
		t.Error("less is something to do")
	}
	if s, ok := l.core.Compact(last); !ok || s.Last != last {
		t.Errorf("got %+v and %v, want all of it", s, ok)
	}
	if n := l.core.Propose(commands(1, 1)); n != 1 || l.core.LastIndex() != 7 {
		t.Errorf("took %d, log up to %d; want the log to go on", n, l.core.LastIndex())
	}
}

// Committed is not applied: what the machine does not hold must stay in the log.
func TestCompactNeverOvertakesTheMachine(t *testing.T) {
	l := leading(t, raft.Config{})
	l.core.Propose(commands(3, 1))
	var r raft.Ready
	for l.core.Ready(&r) {
		if r.Write != 0 {
			l.core.Synced(r.Write)
		}
	}
	if s := l.core.Status(); s.CommitIndex != 4 || s.LastApplied != 1 {
		t.Fatalf("got %+v, want 4 committed and 1 applied", s)
	}
	if _, ok := l.core.Compact(raft.EntryID{Term: 1, Index: 2}); ok {
		t.Error("entry 2 is forgotten, and no machine holds it")
	}
}

// §7: "To enable cluster membership changes, the snapshot also includes the latest configuration in the log
// as of last included index": not a later one, and with the index that it came by.
func TestSnapshotHoldsTheConfigurationAsOfItsIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for range 300 {
		l := server(t, 3)
		at := map[raft.Index]raft.ConfigurationAt{0: {Configuration: raft.NewConfiguration(1, 2, 3)}}
		now := at[0]
		for index := raft.Index(1); index <= 20; index++ {
			e := raft.Entry{Term: 1, Kind: raft.EntryCommand}
			if rng.IntN(3) == 0 {
				now = raft.ConfigurationAt{Index: index, Configuration: raft.NewConfiguration(1, 2, raft.NodeID(3+index))}
				e = configEntry(1, now.Configuration)
			}
			l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Commit: index, Span: raft.Span{
				Prev: l.id(index - 1), Entries: []raft.Entry{e},
			}})
			at[index] = now
			if rng.IntN(6) == 0 {
				l.compact(t, index-raft.Index(rng.IntN(int(index-l.base.Index))))
			}
			for i := raft.Index(0); i <= index; i++ {
				s, ok := l.core.SnapshotOf(raft.EntryID{Term: 1, Index: i})
				if ok != (i >= l.base.Index) {
					t.Fatalf("snapshot of %d with a log from %d: %v", i, l.base.Index, ok)
				}
				if ok && (s.ConfigurationIndex != at[i].Index || !s.Configuration.Equal(at[i].Configuration)) {
					t.Fatalf("snapshot of %d: got %v at %d, want %v at %d",
						i, s.Configuration, s.ConfigurationIndex, at[i].Configuration, at[i].Index)
				}
			}
		}
	}
}

// Figure 13, 1: "Reply immediately if term < currentTerm".
func TestSnapshotOfAnOlderTermIsRefused(t *testing.T) {
	l := server(t, 3, 1, 5)
	reply := one(t, l.get(t, raft.Message{
		Kind: raft.MsgSnapshot, From: 2, Term: 4, Chunk: chunkOf(snapshotUpto(4, 9), 0, machineState, true),
	}), raft.MsgAppendReply)
	if !reply.Reject || reply.Term != 5 || l.core.Leader() != raft.None || len(l.chunks) > 0 {
		t.Errorf("got %+v, leader %d, %d bytes stored; want a refusal of term 5 and nothing", reply, l.core.Leader(),
			len(l.chunks))
	}
}

// Figure 13, 2 to 5, 7 and 8: "Create new snapshot file if first chunk (offset is 0). Write data into
// snapshot file at given offset. Reply and wait for more data chunks if done is false. Save snapshot file
// [...] Discard the entire log. Reset state machine using snapshot contents (and load snapshot's cluster
// configuration)."
func TestSnapshotReplacesALogThatLacksIt(t *testing.T) {
	for name, terms := range map[string][]raft.Term{
		"nothing": nil, "a shorter log": {1, 1}, "a conflicting suffix": {1, 1, 2, 2, 2, 2, 2, 2},
	} {
		l := server(t, 3, terms...)
		s := snapshotUpto(3, 6)
		s.Configuration, s.ConfigurationIndex = raft.NewConfiguration(1, 2, 4), 5
		for i, part := range []string{"the ", "sta", "te"} {
			offset := []uint64{0, 4, 7}[i]
			sent := l.get(t, raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 4, Seq: uint64(i + 1),
				Chunk: chunkOf(s, offset, part, i == 2)})
			m := one(t, sent, raft.MsgSnapshotReply)
			switch {
			case i < 2 && (m.Chunk.Done || m.Chunk.Offset != offset+uint64(len(part)) || m.Reject || m.Seq != uint64(i+1)):
				t.Errorf("%s, chunk %d: got %+v %+v, want word of what is stored", name, i, m, m.Chunk)
			case i < 2 && len(l.restore) > 0:
				t.Errorf("%s: restored from a part", name)
			case i == 2 && (!m.Chunk.Done || m.Match != 6 || m.Chunk.Snapshot.Last != s.Last):
				t.Errorf("%s: got %+v %+v, want all of it, up to 6", name, m, m.Chunk)
			}
		}
		st := l.core.Status()
		if len(l.restore) != 1 || l.restore[0].Last != s.Last || string(l.chunks) != machineState || l.applied != 6 {
			t.Errorf("%s: restored %+v with %q", name, l.restore, l.chunks)
		}
		if st.FirstIndex != 6 || st.LastIndex != 6 || st.CommitIndex != 6 || st.LastApplied != 6 || st.DurableIndex != 6 {
			t.Errorf("%s: got %+v, want a log that begins and ends at 6", name, st)
		}
		if st.Configuration.String() != "1 2 4" || st.ConfigurationIndex != 5 {
			t.Errorf("%s: got configuration %v from %d, want 1 2 4 from 5", name, st.Configuration, st.ConfigurationIndex)
		}
		// The log goes on from there.
		l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 4, Span: raft.Span{Prev: s.Last, Entries: entriesOf(4)}})
		if got, want := l.terms(), "[4]"; got != want || l.core.LastIndex() != 7 {
			t.Errorf("%s: then got log %s up to %d, want %s up to 7", name, got, l.core.LastIndex(), want)
		}
	}
}

// Figure 13, 6: "If existing log entry has same index and term as snapshot's last included entry, retain
// log entries following it and reply." §7: "log entries covered by the snapshot are deleted but entries
// following the snapshot are still valid and must be retained." The machine is left alone too.
func TestSnapshotOfAPrefixRetainsTheLog(t *testing.T) {
	l := server(t, 3, 1, 1, 1, 1)
	m := one(t, l.get(t, raft.Message{
		Kind: raft.MsgSnapshot, From: 2, Term: 2, Seq: 3, Chunk: chunkOf(snapshotUpto(1, 3), 0, machineState, true),
	}), raft.MsgSnapshotReply)
	s := l.core.Status()
	if len(l.restore) != 0 || l.terms() != "[1 1 1 1]" || s.LastIndex != 4 || s.CommitIndex != 3 {
		t.Errorf("got %+v, restored %v; want the log as it was, 3 of it committed", s, l.restore)
	}
	if !m.Chunk.Done || m.Match != 3 || m.Seq != 3 {
		t.Errorf("got %+v %+v, want word that it needs no more", m, m.Chunk)
	}
}

// Figure 13, 5: "discard any existing or partial snapshot with a smaller index": and an old one changes
// nothing.
func TestOldSnapshotChangesNothing(t *testing.T) {
	l := server(t, 3, 1, 1, 1)
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Commit: 3, Span: raft.Span{Prev: l.id(3)}})
	before := l.core.Status()
	m := one(t, l.get(t, raft.Message{
		Kind: raft.MsgSnapshot, From: 2, Term: 1, Chunk: chunkOf(snapshotUpto(1, 2), 0, machineState, true),
	}), raft.MsgSnapshotReply)
	if fmt.Sprint(l.core.Status()) != fmt.Sprint(before) || len(l.restore)+len(l.chunks) > 0 || !m.Chunk.Done ||
		m.Match != 3 {
		t.Errorf("got %+v, answered %+v; want nothing changed, and 3", l.core.Status(), m)
	}
	// A newer one in the middle of another takes its place.
	l.get(t, raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 1, Chunk: chunkOf(snapshotUpto(1, 9), 0, "abc", false)})
	l.get(t, raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 1,
		Chunk: chunkOf(snapshotUpto(1, 12), 0, machineState, true)})
	if len(l.restore) != 1 || l.restore[0].Last.Index != 12 || string(l.chunks) != machineState {
		t.Errorf("restored %+v with %q, want the newer one", l.restore, l.chunks)
	}
}

// A snapshot is no election: vote and term stay (dragonboat#94), and the leader is heard (§5.2).
func TestSnapshotKeepsTheVoteAndTheLeader(t *testing.T) {
	l := server(t, 3, 1)
	l.get(t, raft.Message{Kind: raft.MsgVote, From: 2, Term: 2, Last: l.id(1)})
	for offset := range uint64(len(machineState)) {
		for range electionTicks - 1 {
			l.core.Tick()
		}
		l.get(t, raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 2, Seq: offset, Chunk: chunkOf(
			snapshotUpto(2, 9), offset, machineState[offset:offset+1], int(offset) == len(machineState)-1)})
		if s := l.core.Status(); s.Role != raft.Follower || s.Term != 2 || s.Vote != 2 || s.Leader != 2 {
			t.Fatalf("after chunk %d: got %+v, want a follower of 2 that voted for it", offset, s)
		}
	}
	if len(l.restore) != 1 {
		t.Errorf("restored %+v", l.restore)
	}
	if m := one(t, l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: 2, Last: raft.EntryID{Term: 9, Index: 9}}),
		raft.MsgVoteReply); !m.Reject {
		t.Error("a second vote in term 2")
	}
}

// A candidate takes a snapshot of its term's leader, as it takes entries (nebula#1769).
func TestCandidateTakesASnapshot(t *testing.T) {
	l := server(t, 3, 1)
	l.stand(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 2,
		Chunk: chunkOf(snapshotUpto(1, 9), 0, machineState, true)})
	if len(l.restore) != 1 || l.core.Role() != raft.Follower || l.core.Leader() != 2 {
		t.Errorf("restored %+v, %v of %d; want a follower of 2 that restored", l.restore, l.core.Role(), l.core.Leader())
	}
}

// The machine must be done with what it was given before it is replaced, and the log is replaced with it.
func TestSnapshotWaitsForTheMachine(t *testing.T) {
	l := server(t, 3, 1, 1)
	step := func(m raft.Message) {
		t.Helper()
		m.From, m.To, m.Term = 2, 1, 1
		if err := l.core.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	var r raft.Ready
	step(raft.Message{Kind: raft.MsgAppend, Commit: 1, Span: raft.Span{Prev: l.id(2)}})
	if !l.core.Ready(&r) || len(r.Apply) != 1 {
		t.Fatalf("got %+v, want entry 1 to be applied", r)
	}
	step(raft.Message{Kind: raft.MsgSnapshot, Chunk: chunkOf(snapshotUpto(1, 9), 0, machineState, true)})
	step(raft.Message{Kind: raft.MsgAppend, Commit: 2, Span: raft.Span{Prev: l.id(2)}})
	l.core.Ready(&r)
	if len(r.StoreChunks) != 1 || r.Restore != nil {
		t.Fatalf("got %+v, want a chunk to be stored first", r)
	}
	l.core.ChunkStored(r.StoreChunks[0], nil)
	if l.core.Ready(&r); r.Restore != nil || len(r.Apply) > 0 {
		t.Fatalf("got %+v: the machine is still busy, and what comes is to be replaced", r)
	}
	l.core.Applied(2)
	l.core.Ready(&r)
	if r.Restore == nil || r.Write == 0 || len(r.SendAfterSync) != 1 || len(r.SendNow) != 0 {
		t.Fatalf("got %+v, want the snapshot restored, and an answer when that is durable", r)
	}
	if m := r.SendAfterSync[0]; m.Kind != raft.MsgSnapshotReply || m.Match != 9 {
		t.Errorf("got %+v, want word of 9", m)
	}
}

// behind returns a crowd of three in which server 3 lacks what the leader has compacted.
func behind(t *testing.T, cfg raft.Config) *crowd {
	t.Helper()
	cfg.TailEntriesMax = 1
	c := newCrowd(t, cfg, 1, 2, 3)
	c.elect(1)
	c.isolate(3)
	c.propose(1, 20)
	c.tick(electionTicks/3, 1, 2)
	c.nodes[1].compact(t, c.core(1).CommitIndex())
	return c
}

// §7: "the leader must occasionally send snapshots to followers that lag behind. This happens when the
// leader has already discarded the next log entry that it needs to send to a follower."
func TestFollowerBehindTheLogIsSentASnapshot(t *testing.T) {
	for _, chunk := range []int{1, 4, 100} {
		c := behind(t, raft.Config{SnapshotChunkBytes: chunk, SnapshotInflightBytes: 2 * chunk})
		c.heal()
		c.propose(1, 5)
		c.tick(3 * electionTicks)
		if l := c.nodes[3]; len(l.restore) != 1 || string(l.chunks) != machineState {
			t.Errorf("chunks of %d bytes: restored %+v with %q", chunk, l.restore, l.chunks)
		}
		c.sameLogs(1, 2, 3)
		if p := c.core(1).Status().Peers[1]; p.State != "replicate" {
			t.Errorf("afterwards server 3 is sent to in state %s, want replicate", p.State)
		}
	}
}

// A snapshot is for a follower that is there: it is neither made nor read for one that is not heard, and
// given up for one that is heard no more.
func TestNoSnapshotForTheDead(t *testing.T) {
	c := behind(t, raft.Config{SnapshotChunkBytes: 1, SnapshotInflightBytes: 1})
	chunks := 0
	c.seen = func(m raft.Message) {
		if m.Kind == raft.MsgSnapshot {
			chunks++
		}
	}
	c.tick(10*electionTicks, 1, 2)
	if chunks > 0 {
		t.Errorf("%d chunks were sent to a server that has been silent for 10 election timeouts", chunks)
	}
	c.heal()
	c.cut = func(m raft.Message) bool { return m.Kind == raft.MsgSnapshot && m.Chunk.Offset > 2 }
	c.tick(electionTicks, 1, 2)
	if p := c.core(1).Status().Peers[1]; p.State != "snapshot" || p.SnapshotBytes != 3 {
		t.Errorf("got %+v, want a snapshot of which 3 bytes are stored", p)
	}
	c.isolate(3)
	c.tick(3*electionTicks, 1, 2)
	if p := c.core(1).Status().Peers[1]; p.State == "snapshot" {
		t.Errorf("got %+v: a snapshot for a server that went", p)
	}
	c.heal()
	c.tick(3 * electionTicks)
	c.sameLogs(1, 2, 3)
}

// (M55) A follower that is slow is brought back while the leader goes on, takes snapshots and compacts: its
// transfer is not begun anew by any of that.
func TestSnapshotTransferIsNotBegunAnew(t *testing.T) {
	c := behind(t, raft.Config{SnapshotChunkBytes: 1, SnapshotInflightBytes: 1})
	begins := 0
	c.seen = func(m raft.Message) {
		if m.Kind == raft.MsgSnapshot && m.Chunk.Offset == 0 {
			begins++
		}
	}
	slow := 0
	c.cut = func(m raft.Message) bool { // one chunk in a heartbeat or two
		if m.Kind != raft.MsgSnapshot || len(m.Chunk.Data) == 0 {
			return false
		}
		slow++
		return slow%3 != 0
	}
	for range 20 * electionTicks {
		c.tick(1)
		c.propose(1, 2)
		c.settle()
		l := c.nodes[1]
		if s, ok := l.core.Compact(l.id(l.applied)); ok {
			l.log, l.base = slices.Clone(l.log[s.Last.Index-l.base.Index:]), s.Last
		}
	}
	if len(c.nodes[3].restore) != 1 || begins > 3 { // its first chunk is lost twice
		t.Errorf("restored %d times, the first chunk was sent %d times; want once, and 3", len(c.nodes[3].restore), begins)
	}
	c.heal()
	c.tick(electionTicks)
	c.sameLogs(1, 2, 3)
}

// A leader keeps the entries after the snapshot that it is sending, so that the follower can go on from it.
func TestCompactKeepsWhatASnapshotNeeds(t *testing.T) {
	c := behind(t, raft.Config{SnapshotChunkBytes: 1, SnapshotInflightBytes: 1})
	of := c.core(1).FirstIndex()
	c.heal()
	c.cut = func(m raft.Message) bool { return m.Kind == raft.MsgSnapshotReply }
	c.tick(electionTicks, 1, 2)
	c.propose(1, 5)
	c.settle()
	if s, ok := c.core(1).Compact(c.nodes[1].id(c.nodes[1].applied)); ok {
		t.Errorf("compacted up to %v while a snapshot up to %d is on its way", s.Last, of)
	}
	c.heal()
	c.tick(3 * electionTicks)
	if _, ok := c.core(1).Compact(c.nodes[1].id(c.nodes[1].applied)); !ok {
		t.Error("the follower is back, and the log cannot be compacted")
	}
}

// A log without room does not wait for the follower, which gets another snapshot.
func TestForceCompactKeepsNothing(t *testing.T) {
	c := behind(t, raft.Config{SnapshotChunkBytes: 1, SnapshotInflightBytes: 1})
	c.heal()
	c.cut = func(m raft.Message) bool { return m.Kind == raft.MsgSnapshotReply }
	c.tick(electionTicks, 1, 2)
	c.propose(1, 5)
	c.settle()
	l := c.nodes[1]
	s, ok := l.core.ForceCompact(l.id(l.applied))
	if !ok || s.Last != l.id(l.applied) {
		t.Fatalf("compacted up to %v, %v; want %v", s.Last, ok, l.id(l.applied))
	}
	l.log, l.base = slices.Clone(l.log[s.Last.Index-l.base.Index:]), s.Last
	c.heal()
	c.tick(4 * electionTicks)
	c.sameLogs(1, 2, 3)
}

// A read of the snapshot that fails is tried again at the next sign of life, from the begin: not at once,
// and not never.
func TestUnreadableSnapshotIsTriedAgain(t *testing.T) {
	c := behind(t, raft.Config{})
	l := c.nodes[1]
	l.keep = 3
	c.heal()
	tries := 0
	for range 10 * electionTicks {
		c.tick(1)
		for _, r := range l.held {
			tries++
			l.core.ChunkRead(r, raft.Chunk{}, errDisk)
		}
		l.held = nil
	}
	if tries != 3 || len(c.nodes[3].restore) != 1 {
		t.Errorf("after %d failures server 3 restored %d times, want 3 and once", tries, len(c.nodes[3].restore))
	}
	c.sameLogs(1, 2, 3)
}

// A chunk that is not what was asked for, of another snapshot, from another place, or too old, is never
// sent on.
func TestWrongChunksAreNotSent(t *testing.T) {
	for name, spoil := range map[string]func(r *raft.ReadChunk, c *raft.Chunk){
		"older than the log":  func(_ *raft.ReadChunk, c *raft.Chunk) { c.Snapshot.Last.Index = 20 },
		"not committed":       func(_ *raft.ReadChunk, c *raft.Chunk) { c.Snapshot.Last.Index = 99 },
		"from another offset": func(_ *raft.ReadChunk, c *raft.Chunk) { c.Offset = 1 },
		"of another term":     func(r *raft.ReadChunk, _ *raft.Chunk) { r.Term = 7 },
		"for another server":  func(r *raft.ReadChunk, _ *raft.Chunk) { r.To = 2 },
		"for nobody":          func(r *raft.ReadChunk, _ *raft.Chunk) { r.To = 9 },
		"of another request":  func(r *raft.ReadChunk, _ *raft.Chunk) { r.Of.Index = 5 },
	} {
		c := behind(t, raft.Config{})
		l := c.nodes[1]
		l.keep = 1
		c.heal()
		c.tick(electionTicks)
		if len(l.held) != 1 {
			t.Fatalf("%s: %d chunks were asked for, want 1", name, len(l.held))
		}
		r := l.held[0]
		chunk := chunkOf(raft.Snapshot{Last: l.base, Configuration: raft.NewConfiguration(1, 2, 3)}, 0, machineState, true)
		spoil(&r, chunk)
		sent := 0
		c.seen = func(m raft.Message) {
			if m.Kind == raft.MsgSnapshot {
				sent++
			}
		}
		l.core.ChunkRead(r, *chunk, nil)
		c.settle()
		if sent > 0 {
			t.Errorf("%s: was sent", name)
		}
	}
}

// A chunk that cannot be stored begins the snapshot anew; the answer says so.
func TestUnstorableSnapshotBeginsAnew(t *testing.T) {
	l := server(t, 3)
	s := snapshotUpto(1, 9)
	step := func(chunk *raft.Chunk, seq uint64) raft.Ready {
		t.Helper()
		if err := l.core.Step(raft.Message{Kind: raft.MsgSnapshot, From: 2, To: 1, Term: 1, Seq: seq,
			Chunk: chunk}); err != nil {
			t.Fatal(err)
		}
		var r raft.Ready
		l.core.Ready(&r)
		if r.Write != 0 {
			l.core.Synced(r.Write)
		}
		return r
	}
	for _, done := range []bool{false, true} {
		r := step(chunkOf(s, 0, machineState, done), 4)
		stored := r.StoreChunks[0]
		l.core.ChunkStored(stored, errDisk)
		l.core.Ready(&r)
		m := one(t, append(r.SendNow, r.SendAfterSync...), raft.MsgSnapshotReply)
		if !m.Reject || m.Chunk.Offset != 0 || m.Chunk.Done || m.Seq != 4 || r.Restore != nil {
			t.Errorf("done %v: got %+v %+v, want a refusal from 0 on", done, m, m.Chunk)
		}
		l.core.ChunkStored(stored, nil) // late, of the attempt that failed
		if l.core.Ready(&r); r.Restore != nil {
			t.Errorf("done %v: restored what could not be stored", done)
		}
	}
}

// A snapshot whose leader was deposed while it was being stored is good all the same: what is in it is
// committed.
func TestSnapshotOutlivesItsLeader(t *testing.T) {
	l := server(t, 3, 1)
	if err := l.core.Step(raft.Message{
		Kind: raft.MsgSnapshot, From: 2, To: 1, Term: 1, Chunk: chunkOf(snapshotUpto(1, 9), 0, machineState, true),
	}); err != nil {
		t.Fatal(err)
	}
	var r raft.Ready
	l.core.Ready(&r)
	store := r.StoreChunks[0]
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 3, Term: 2})
	l.core.ChunkStored(store, nil)
	l.pay()
	if sent := l.take(); len(l.restore) != 1 || l.core.CommitIndex() != 9 || len(sent) > 0 {
		t.Errorf("restored %v, committed %d, told %+v; want it restored, and nobody told", l.restore, l.core.CommitIndex(),
			sent)
	}
}

// Figure 13, 6, when the entries come while the snapshot is being stored: the log has caught up, and
// nothing is replaced.
func TestSnapshotThatWasOvertakenReplacesNothing(t *testing.T) {
	l := server(t, 3, 1)
	l.stall = true
	l.get(t, raft.Message{
		Kind: raft.MsgSnapshot, From: 2, Term: 1, Chunk: chunkOf(snapshotUpto(1, 3), 0, machineState, true),
	})
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Span: raft.Span{
		Prev: l.id(1), Entries: entriesOf(1, 1, 1),
	}})
	for _, c := range l.unstored {
		l.store(c)
	}
	l.pay()
	m := one(t, l.take(), raft.MsgSnapshotReply)
	if s := l.core.Status(); len(l.restore) > 0 || l.terms() != "[1 1 1 1]" || s.CommitIndex != 3 || s.LastIndex != 4 {
		t.Errorf("got %+v, restored %v; want the log as it was, 3 of it committed", s, l.restore)
	}
	if !m.Chunk.Done || m.Match != 3 {
		t.Errorf("got %+v %+v, want word that it needs no more", m, m.Chunk)
	}
}
