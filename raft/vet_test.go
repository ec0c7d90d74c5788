package raft_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// voter returns server 1 of three, a follower of 2 in term 5, whose log is 1 1 5 5 with three entries
// committed.
func voter(t *testing.T) *lone {
	t.Helper()
	l := server(t, 3, 1, 1, 5, 5)
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5, Commit: 3, Span: raft.Span{Prev: l.id(4)}})
	return l
}

// TestImpossibleMessagesAreDroppedAndCounted: what no correct server sends changes nothing but the count of
// such.
func TestImpossibleMessagesAreDroppedAndCounted(t *testing.T) {
	span := func(prev raft.EntryID, entries ...raft.Entry) raft.Span {
		return raft.Span{Prev: prev, Entries: entries}
	}
	at := func(term raft.Term, index raft.Index) raft.EntryID { return raft.EntryID{Term: term, Index: index} }
	config := func(data []byte) raft.Entry { return raft.Entry{Term: 5, Kind: raft.EntryConfig, Data: data} }
	good := snapshotUpto(5, 9)
	bad := func(change func(s *raft.Snapshot)) *raft.Chunk {
		s := snapshotUpto(5, 9)
		change(&s)
		return chunkOf(s, 0, "x", false)
	}
	for _, c := range []struct {
		name, want string
		m          raft.Message
	}{
		{"for another", "for 2 delivered to 1", raft.Message{Kind: raft.MsgHeartbeat, From: 3, To: 2, Term: 5}},
		{"kind 0", "kind MessageKind(0)", raft.Message{From: 2, Term: 5}},
		{"kind 15", "kind MessageKind(15)", raft.Message{Kind: 15, From: 2, Term: 5}},
		{"kind 255", "kind MessageKind(255)", raft.Message{Kind: 255, From: 2, Term: 5}},
		{"term 0", "term 0; want 1 to", raft.Message{Kind: raft.MsgVote, From: 3}},
		{"last term", "term 18446744073709551615", raft.Message{Kind: raft.MsgVote, From: 3, Term: math.MaxUint64}},
		{"beyond the terms", fmt.Sprint(uint64(1)<<62 + 1), raft.Message{Kind: raft.MsgAppendReply, From: 3,
			Term: 1<<62 + 1}},
		{"from itself", "from 1, which is no other server of 1 2 3", raft.Message{Kind: raft.MsgVote, From: 1, Term: 6}},
		{"from nobody", "from 0, which is no other server", raft.Message{Kind: raft.MsgHeartbeat, Term: 5}},
		{"an answer of a stranger", "from 9, which is no", raft.Message{Kind: raft.MsgVoteReply, From: 9, Term: 5}},
		{"a newer term of a stranger's answer", "from 9", raft.Message{Kind: raft.MsgAppendReply, From: 9, Term: 99,
			Reject: true}},
		{"a read of a stranger", "from 9", raft.Message{Kind: raft.MsgReadIndex, From: 9, Term: 5}},
		{"a read's answer of a stranger", "from 9", raft.Message{Kind: raft.MsgReadIndexReply, From: 9, Term: 5}},
		{"two leaders, append", "from 3 in term 5, which 2 leads", raft.Message{Kind: raft.MsgAppend, From: 3, Term: 5,
			Span: span(at(5, 4))}},
		{"two leaders, heartbeat", "which 2 leads", raft.Message{Kind: raft.MsgHeartbeat, From: 3, Term: 5}},
		{"two leaders, snapshot", "which 2 leads", raft.Message{Kind: raft.MsgSnapshot, From: 3, Term: 5,
			Chunk: chunkOf(good, 0, "x", true)}},
		{"two leaders, transfer", "which 2 leads", raft.Message{Kind: raft.MsgTimeoutNow, From: 3, Term: 5}},
		{"a far index", fmt.Sprint(uint64(1)<<62 + 1), raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, 1<<62+1))}},
		{"the last index", "AppendEntries after", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, math.MaxUint64), entriesOf(5)...)}},
		{"falling terms", "term 1 after term 5", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5, Span: span(at(5, 4),
			entriesOf(5, 1)...)}},
		{"a term below the one before", "term 4 after term 5", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, 4), entriesOf(4)...)}},
		{"an entry of term 0", "term 0 after term 0", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(raft.EntryID{}, entriesOf(0)...)}},
		{"an entry of a later term", "of term 5 with an entry of term 6", raft.Message{Kind: raft.MsgAppend, From: 2,
			Term: 5, Span: span(at(5, 4), entriesOf(6)...)}},
		{"a previous entry of a later term", "of term 5 with an entry of term 6", raft.Message{Kind: raft.MsgAppend,
			From: 2, Term: 5, Span: span(at(6, 4))}},
		{"against what is committed", "with 4.3 where 5.3 is committed", raft.Message{Kind: raft.MsgAppend, From: 2,
			Term: 5, Span: span(at(1, 2), entriesOf(4, 5)...)}},
		{"against it, in a newer term", "with 4.3 where 5.3 is committed", raft.Message{Kind: raft.MsgAppend, From: 3,
			Term: 7, Span: span(at(1, 2), entriesOf(4, 5)...)}},
		{"no configuration", "with entry 5: malformed configuration", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, 4), config(nil))}},
		{"a broken configuration", "with entry 6: malformed", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, 4), entriesOf(5)[0], config([]byte{1, 9, 9, 9}))}},
		{"an empty configuration", "without members", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, 4), config(raft.Configuration{}.AppendTo(nil)))}},
		{"a configuration without a voter", "none of the 1 is a voter", raft.Message{Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: span(at(5, 4),
				config(raft.Configuration{LastID: 1, Members: []raft.Member{{ID: 1, Learner: true}}}.AppendTo(nil)))}},
		{"a snapshot without a chunk", "InstallSnapshot without a chunk", raft.Message{Kind: raft.MsgSnapshot, From: 2,
			Term: 5}},
		{"an answer without a chunk", "InstallSnapshotReply without a chunk", raft.Message{Kind: raft.MsgSnapshotReply,
			From: 2, Term: 5}},
		{"a snapshot of nothing", "up to 5.0", raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 5,
			Chunk: bad(func(s *raft.Snapshot) { s.Last.Index = 0 })}},
		{"a snapshot far away", "up to 5.18446744073709551615", raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 5,
			Chunk: bad(func(s *raft.Snapshot) { s.Last.Index = math.MaxUint64 })}},
		{"a snapshot of term 0", "up to 0.9", raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 5,
			Chunk: bad(func(s *raft.Snapshot) { s.Last.Term = 0 })}},
		{"a snapshot of a later term", "of term 5 with a snapshot up to 6.9", raft.Message{Kind: raft.MsgSnapshot, From: 2,
			Term: 5, Chunk: bad(func(s *raft.Snapshot) { s.Last.Term = 6 })}},
		{"a configuration after its snapshot", "configuration from 10", raft.Message{Kind: raft.MsgSnapshot, From: 2,
			Term: 5, Chunk: bad(func(s *raft.Snapshot) { s.ConfigurationIndex = 10 })}},
		{"a snapshot without a configuration", "without a configuration", raft.Message{Kind: raft.MsgSnapshot, From: 2,
			Term: 5, Chunk: bad(func(s *raft.Snapshot) { s.Configuration = raft.Configuration{} })}},
		{"a snapshot with a wrong one", "named twice", raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 5,
			Chunk: bad(func(s *raft.Snapshot) { s.Configuration = raft.NewConfiguration(1, 1) })}},
		{"a chunk that ends before it begins", "1 bytes at 18446744073709551615 overflows",
			raft.Message{Kind: raft.MsgSnapshot, From: 2, Term: 5, Chunk: chunkOf(good, math.MaxUint64, "x", false)}},
	} {
		l := voter(t)
		before := l.core.Status()
		if c.m.To == raft.None {
			c.m.To = 1
		}
		err := l.core.Step(c.m)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		before.Dropped++
		if got, want := fmt.Sprintf("%+v", l.core.Status()), fmt.Sprintf("%+v", before); got != want {
			t.Errorf("%s: changed the server to\n%s, want\n%s", c.name, got, want)
		}
		l.pay()
		if sent := l.take(); len(sent) > 0 || len(l.chunks) > 0 || l.terms() != "[1 1 5 5]" {
			t.Errorf("%s: sent %+v, log %s", c.name, sent, l.terms())
		}
	}
}

// What comes late, twice, or before its turn is no fault: it is answered or ignored, and never counted.
func TestPossibleMessagesAreNotCounted(t *testing.T) {
	for name, m := range map[string]raft.Message{
		"a gap": {Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: raft.Span{Prev: raft.EntryID{Term: 5, Index: 9}}},
		"commit beyond the end": {Kind: raft.MsgAppend, From: 2, Term: 5, Commit: 1 << 40,
			Span: raft.Span{Prev: raft.EntryID{Term: 5, Index: 4}}},
		"a heartbeat beyond it": {Kind: raft.MsgHeartbeat, From: 2, Term: 5, Commit: 1 << 60},
		"a conflict below it": {Kind: raft.MsgAppend, From: 2, Term: 5,
			Span: raft.Span{Prev: raft.EntryID{Term: 4, Index: 4}}},
		"an older leader":        {Kind: raft.MsgAppend, From: 3, Term: 4},
		"an answer never asked":  {Kind: raft.MsgAppendReply, From: 3, Term: 5, Match: 99},
		"a vote never asked for": {Kind: raft.MsgVoteReply, From: 3, Term: 5},
		"a chunk out of turn": {Kind: raft.MsgSnapshot, From: 2, Term: 5, Chunk: chunkOf(snapshotUpto(5, 9), 7, "x",
			true)},
		"a candidate's vote": {Kind: raft.MsgVote, From: 9, Term: 9},
	} {
		l := voter(t)
		l.get(t, m)
		if s := l.core.Status(); s.Dropped != 0 || s.CommitIndex > s.LastIndex || s.LastIndex != 4 || s.Term != 5 {
			t.Errorf("%s: got %+v", name, s)
		}
	}
}

// TestLeaderCountsWhatWasNeverSent: an acknowledgement beyond the log moves nothing and is counted.
func TestLeaderCountsWhatWasNeverSent(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	for _, m := range []raft.Message{
		{Kind: raft.MsgAppendReply, Match: 2}, {Kind: raft.MsgAppendReply, Match: math.MaxUint64},
		{Kind: raft.MsgSnapshotReply, Match: 1 << 62, Chunk: &raft.Chunk{Done: true}},
	} {
		m.From, m.Term = 2, 1
		l.get(t, m)
	}
	if s := l.core.Status(); s.Dropped != 3 || s.Peers[0].Match != 1 || s.CommitIndex != 1 {
		t.Errorf("got %+v, want match and commit index 1, and 3 dropped", s)
	}
}

// TestStrangersRaiseNoTerms: neither an answer nor a message out of range moves a server to another term.
func TestStrangersRaiseNoTerms(t *testing.T) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		for _, term := range []raft.Term{1<<62 + 1, math.MaxUint64} {
			l := voter(t)
			err := l.core.Step(raft.Message{Kind: kind, From: 3, To: 1, Term: term, Chunk: chunkOf(snapshotUpto(5, 9), 0, "",
				false)})
			if err == nil || l.core.Term() != 5 {
				t.Errorf("%v of term %d: got %v and term %d", kind, term, err, l.core.Term())
			}
		}
	}
}
