package raft_test

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// §5.3: "If followers crash or run slowly, or if network packets are lost, the leader retries AppendEntries RPCs
// indefinitely."
func TestLeaderRetriesAppends(t *testing.T) {
	l := server(t, 3)
	l.lead(t, 3)
	retries := 0
	for i := range 50 * electionTicks {
		l.core.Tick()
		l.pay()
		if i%electionTicks == 0 {
			l.core.Step(raft.Message{Kind: raft.MsgHeartbeatReply, From: 2, To: 1, Term: 1})
			l.pay()
		}
		for _, m := range l.take() {
			if m.Kind == raft.MsgAppend && m.To == 2 {
				retries++
			}
		}
	}
	if retries < 40 {
		t.Errorf("%d retries while the follower answered %d heartbeats", retries, 50)
	}
}

// §5.3: "If the follower does not find an entry in its log with the same index and term, then it refuses the
// new entries", and: "If an existing entry conflicts with a new one [...] delete the existing entry and all
// that follow it" (Figure 2).
func TestFollowerMakesItsLogTheLeaders(t *testing.T) {
	for _, c := range []struct {
		name    string
		log     []raft.Term
		prev    raft.EntryID
		entries []raft.Term
		want    string
		match   raft.Index
		refused bool
	}{
		{"appends", []raft.Term{1}, raft.EntryID{Term: 1, Index: 1}, []raft.Term{1, 2}, "[1 1 2]", 3, false},
		{"from nothing", nil, raft.EntryID{}, []raft.Term{1, 2}, "[1 2]", 2, false},
		{"gap", []raft.Term{1}, raft.EntryID{Term: 1, Index: 2}, []raft.Term{2}, "[1]", 2, true},
		{"other term before", []raft.Term{1, 1}, raft.EntryID{Term: 2, Index: 2}, []raft.Term{2}, "[1 1]", 2, true},
		{"conflict", []raft.Term{1, 1, 1}, raft.EntryID{Term: 1, Index: 1}, []raft.Term{2}, "[1 2]", 2, false},
		{"conflict in the middle", []raft.Term{1, 1, 1, 1}, raft.EntryID{}, []raft.Term{1, 1, 2}, "[1 1 2]", 3, false},
		{"has it all", []raft.Term{1, 2, 2}, raft.EntryID{Term: 1, Index: 1}, []raft.Term{2}, "[1 2 2]", 2, false},
		// A message that was sent before others and comes after them must not remove what those brought.
		{"late copy of an earlier one", []raft.Term{1, 2, 2, 2}, raft.EntryID{}, []raft.Term{1, 2}, "[1 2 2 2]", 2, false},
		{"without entries", []raft.Term{1, 2, 2}, raft.EntryID{Term: 1, Index: 1}, nil, "[1 2 2]", 1, false},
	} {
		l := server(t, 3, c.log...)
		reply := one(t, l.get(t, raft.Message{
			Kind: raft.MsgAppend, From: 2, Term: 5, Span: raft.Span{Prev: c.prev, Entries: entriesOf(c.entries...)},
		}), raft.MsgAppendReply)
		if reply.Reject != c.refused || reply.Match != c.match {
			t.Errorf("%s: got reject %v at %d, want %v at %d", c.name, reply.Reject, reply.Match, c.refused, c.match)
		}
		if got := l.terms(); got != c.want {
			t.Errorf("%s: got log %s, want %s", c.name, got, c.want)
		}
		if got, want := l.core.LastIndex(), raft.Index(len(l.log)); got != want {
			t.Errorf("%s: in memory the log ends at %d, on disk at %d", c.name, got, want)
		}
	}
}

// Figure 2: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)".
// What follows the last new entry in the follower's log may be of another leader.
func TestFollowerCommitsWhatItSharesWithTheLeader(t *testing.T) {
	for _, c := range []struct {
		entries []raft.Term
		commit  raft.Index
		want    raft.Index
	}{
		{[]raft.Term{1}, 1, 1}, {[]raft.Term{1}, 9, 1}, {[]raft.Term{1, 1}, 1, 1}, {[]raft.Term{1, 1}, 3, 2}, {nil, 3, 0},
	} {
		l := server(t, 3, 1, 1, 1)
		span := raft.Span{Entries: entriesOf(c.entries...)}
		l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 2, Span: span, Commit: c.commit})
		if got := l.core.CommitIndex(); got != c.want {
			t.Errorf("%d entries, leader's commit index %d: committed %d, want %d", len(c.entries), c.commit, got, c.want)
		}
	}
}

// §5.2: a heartbeat tells no follower to commit more than it is known to share with its leader.
func TestHeartbeatCommitsWhatWasAcknowledged(t *testing.T) {
	l := server(t, 3, 1, 1)
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 2, Match: 3})
	l.take()
	for range electionTicks / 3 {
		l.core.Tick()
	}
	l.pay()
	for _, m := range l.take() {
		if want := map[raft.NodeID]raft.Index{2: 3, 3: 0}[m.To]; m.Kind == raft.MsgHeartbeat && m.Commit != want {
			t.Errorf("heartbeat to %d with commit index %d, want %d", m.To, m.Commit, want)
		}
	}
}

// §5.3: "A log entry is committed once the leader that created the entry has replicated it on a majority of
// the servers."
func TestLeaderCommitsOnAMajority(t *testing.T) {
	for voters := 1; voters <= 5; voters++ {
		l := server(t, voters)
		l.lead(t, voters)
		for others := range voters {
			want := raft.Index(0)
			if 2*(others+1) > voters {
				want = 1
			}
			if got := l.core.CommitIndex(); got != want {
				t.Errorf("durable on %d of %d servers: committed %d, want %d", others+1, voters, got, want)
			}
			if others+1 < voters {
				l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: raft.NodeID(others + 2), Term: 1, Match: 1})
			}
		}
	}
}

// §5.3: acknowledgements come late, twice, and out of order: matchIndex never falls (Figure 2: "increases
// monotonically"), and one of an older term counts nothing.
func TestStaleAcknowledgementsChangeNothing(t *testing.T) {
	l := server(t, 3, 1, 1)
	l.lead(t, 3)
	match := func() raft.Index { return l.core.Status().Peers[0].Match }
	ack := func(term raft.Term, index raft.Index, reject bool) {
		l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: term, Match: index, Reject: reject})
	}
	ack(1, 2, false)
	if got := match(); got != 0 {
		t.Errorf("an acknowledgement of term 1 set match to %d in term 2", got)
	}
	ack(2, 3, false)
	ack(2, 1, false)
	ack(2, 2, true)
	ack(2, 1, true)
	if got, want := match(), raft.Index(3); got != want {
		t.Errorf("late answers set match to %d, want %d", got, want)
	}
	ack(2, 99, false)
	if got, want := match(), raft.Index(3); got != want {
		t.Errorf("an acknowledgement of what was never sent set match to %d, want %d", got, want)
	}
}

// thesis §10.2.1 (pipelining): nextIndex runs ahead of the acknowledgements, and does not count as one.
func TestSendingIsNotMatching(t *testing.T) {
	l := server(t, 3)
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 1})
	l.core.Propose(commands(3, 1))
	l.pay()
	if p := l.core.Status().Peers[0]; p.Match != 1 || p.Next != 5 {
		t.Errorf("got match %d, next %d; want 1, 5", p.Match, p.Next)
	}
	if got, want := l.core.CommitIndex(), raft.Index(1); got != want {
		t.Errorf("committed %d, want %d: nobody acknowledged more", got, want)
	}
}

// §5.4.1: "Raft determines which of two logs is more up-to-date by comparing the index and term of the last
// entries in the logs." The voter denies its vote when its own is more up-to-date.
func TestVotesGoToUpToDateLogs(t *testing.T) {
	for _, c := range []struct {
		own  []raft.Term
		last raft.EntryID
		want bool
	}{
		{nil, raft.EntryID{}, true},
		{[]raft.Term{1}, raft.EntryID{Term: 1, Index: 1}, true},
		{[]raft.Term{1}, raft.EntryID{Term: 1, Index: 2}, true},
		{[]raft.Term{1, 1}, raft.EntryID{Term: 1, Index: 1}, false},
		{[]raft.Term{1, 1, 1}, raft.EntryID{Term: 2, Index: 1}, true},
		{[]raft.Term{1, 2}, raft.EntryID{Term: 1, Index: 9}, false},
		{[]raft.Term{2}, raft.EntryID{Term: 1, Index: 1}, false},
		{[]raft.Term{2}, raft.EntryID{}, false},
	} {
		for _, kind := range []raft.MessageKind{raft.MsgPreVote, raft.MsgVote} {
			l := server(t, 3, c.own...)
			sent := l.get(t, raft.Message{Kind: kind, From: 2, Term: 7, Last: c.last})
			if len(sent) != 1 || sent[0].Reject == c.want {
				t.Errorf("%v with a log up to %v, own log %v: got %+v, want yes: %v", kind, c.last, c.own, sent, c.want)
			}
		}
	}
}

// §5.4.2: "Raft never commits log entries from previous terms by counting replicas. Only log entries from the
// leader's current term are committed by counting replicas."
func TestLeaderCommitsOnlyCurrentTerm(t *testing.T) {
	l := server(t, 5, 1, 2)
	l.lead(t, 5)
	for id := raft.NodeID(2); id <= 5; id++ {
		l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: id, Term: 3, Match: 2})
	}
	if got := l.core.CommitIndex(); got != 0 {
		t.Errorf("committed %d: entry 2.2 is on all servers, and of an older term", got)
	}
	for id := raft.NodeID(2); id <= 3; id++ {
		l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: id, Term: 3, Match: 3})
	}
	if got, want := l.core.CommitIndex(), raft.Index(3); got != want {
		t.Errorf("committed %d, want %d with all before it", got, want)
	}
}

// §8: "each leader commit[s] a blank no-op entry into the log at the start of its term."
func TestTermBeginsWithANoop(t *testing.T) {
	l := server(t, 3, 1)
	l.lead(t, 3)
	if last := l.log[len(l.log)-1]; len(l.log) != 2 || last.Kind != raft.EntryNoop || last.Term != 2 {
		t.Errorf("the log of a new leader of term 2 is %+v, want one no-op more", l.log)
	}
	if l.core.TermCommitted() {
		t.Error("the no-op counts as committed before anybody has it")
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 2, Match: 2})
	if !l.core.TermCommitted() {
		t.Error("the no-op is durable on two of three and not committed")
	}
}

// thesis §4.2.3: "if a server receives a RequestVote request within the minimum election timeout of hearing
// from a current leader, it does not update its term or grant its vote." A leader is such a server itself.
func TestServerThatHearsALeaderHelpsNoCandidate(t *testing.T) {
	for _, lead := range []bool{false, true} {
		l := server(t, 3)
		if lead {
			l.lead(t, 3)
		} else {
			l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
		}
		ask := raft.Message{From: 3, Term: 2, Last: raft.EntryID{Term: 1, Index: 9}}
		ask.Kind = raft.MsgVote
		if sent := l.get(t, ask); len(sent) != 0 || l.core.Term() != 1 {
			t.Errorf("leader %v, RequestVote: got %+v and term %d, want nothing and term 1", lead, sent, l.core.Term())
		}
		ask.Kind = raft.MsgPreVote
		if sent := l.get(t, ask); len(sent) != 1 || !sent[0].Reject || l.core.Term() != 1 {
			t.Errorf("leader %v, PreVote: got %+v and term %d, want a refusal and term 1", lead, sent, l.core.Term())
		}
		if lead {
			continue
		}
		for range electionTicks {
			l.core.Tick()
		}
		l.take()
		ask.Kind = raft.MsgVote
		if sent := l.get(t, ask); len(sent) != 1 || sent[0].Reject {
			t.Errorf("RequestVote %d ticks after the leader was heard: got %+v, want a vote", electionTicks, sent)
		}
	}
}

// thesis §6.2: "a leader [...] steps down if an election timeout elapses without a successful round of
// heartbeats to a majority of its cluster."
func TestLeaderWithoutAMajorityStepsDown(t *testing.T) {
	for answering := range 4 {
		l := server(t, 5)
		l.lead(t, 5)
		for range 5 * electionTicks {
			l.core.Tick()
			l.pay()
			for i := range answering {
				m := raft.Message{Kind: raft.MsgHeartbeatReply, From: raft.NodeID(2 + i), To: 1, Term: l.core.Term()}
				if err := l.core.Step(m); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, want := l.core.Role() == raft.Leader, answering >= 2; got != want {
			t.Errorf("%d of 4 followers answer: leads %v, want %v", answering, got, want)
		}
	}
}

// thesis §9.6: "the Pre-Vote phase [...] a candidate only increments its term if it first learns from a
// majority of the cluster that they would be willing to grant the candidate their votes."
func TestPreVoteInflatesNoTerm(t *testing.T) {
	l := server(t, 3, 1)
	for range 100 * electionTicks {
		l.core.Tick()
		l.pay()
	}
	if got := l.core.Term(); got != 1 {
		t.Errorf("a server that nobody answers is in term %d, want 1", got)
	}
	voter := server(t, 3, 1)
	reply := one(t, voter.get(t, raft.Message{
		Kind: raft.MsgPreVote, From: 2, Term: 9, Last: raft.EntryID{Term: 1, Index: 1},
	}), raft.MsgPreVoteReply)
	if s := voter.core.Status(); reply.Reject || reply.Term != 9 || s.Term != 1 || s.Vote != raft.None {
		t.Errorf("got %+v, term %d, vote %d; want yes for term 9, and term 1 without a vote", reply, s.Term, s.Vote)
	}
}

// Figure 2: "Persistent state on all servers: (Updated on stable storage before responding to RPCs)".
func TestPromisesWaitForTheDisk(t *testing.T) {
	for _, c := range []struct {
		name string
		m    raft.Message
		want raft.MessageKind
	}{
		{"vote", raft.Message{Kind: raft.MsgVote, Term: 2, Last: raft.EntryID{Term: 1, Index: 1}}, raft.MsgVoteReply},
		{"refused vote of a new term", raft.Message{Kind: raft.MsgVote, Term: 2}, raft.MsgVoteReply},
		{"append", raft.Message{Kind: raft.MsgAppend, Term: 2, Span: raft.Span{
			Prev: raft.EntryID{Term: 1, Index: 1}, Entries: entriesOf(2),
		}}, raft.MsgAppendReply},
	} {
		l := server(t, 3, 1)
		c.m.From, c.m.To = 2, 1
		if err := l.core.Step(c.m); err != nil {
			t.Fatal(err)
		}
		var r raft.Ready
		if !l.core.Ready(&r) || len(r.SendNow) != 0 || r.Write == 0 || r.HardState == nil {
			t.Fatalf("%s: got %+v, want a write and nothing to be sent now", c.name, r)
		}
		if len(r.SendAfterSync) != 1 || r.SendAfterSync[0].Kind != c.want || r.HardState.Term != 2 {
			t.Errorf("%s: got %+v, want %v after term 2 is durable", c.name, r, c.want)
		}
		// An answer that needs no write of its own waits for the earlier ones.
		if c.want == raft.MsgAppendReply {
			again := raft.Message{Kind: raft.MsgAppend, From: 2, To: 1, Term: 2, Span: raft.Span{
				Prev: raft.EntryID{Term: 2, Index: 2},
			}}
			if err := l.core.Step(again); err != nil {
				t.Fatal(err)
			}
			if !l.core.Ready(&r) || len(r.SendNow) != 0 || len(r.SendAfterSync) != 1 || r.Write != 0 {
				t.Errorf("an AppendEntries without entries: got %+v, want an answer that waits", r)
			}
		}
	}
}

// thesis §10.2.1: "The leader can write to its disk in parallel with replicating to the followers", and
// counts itself only when it has: "the leader may even commit an entry before it has been written to its own
// disk".
func TestLeaderWritesInParallel(t *testing.T) {
	l := server(t, 3)
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 1})
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 3, Term: 1, Match: 1})
	l.core.Propose(commands(1, 1))
	var r raft.Ready
	if !l.core.Ready(&r) || len(r.SendNow) != 2 || len(r.Append) != 1 || len(r.SendAfterSync) != 0 {
		t.Fatalf("got %+v, want two AppendEntries now beside the write", r)
	}
	ack := raft.Message{Kind: raft.MsgAppendReply, From: 2, To: 1, Term: 1, Match: 2}
	if err := l.core.Step(ack); err != nil {
		t.Fatal(err)
	}
	if got := l.core.CommitIndex(); got != 1 {
		t.Errorf("committed %d: durable on one of three servers only, the leader's own write is under way", got)
	}
	ack.From = 3
	if err := l.core.Step(ack); err != nil {
		t.Fatal(err)
	}
	if got := l.core.CommitIndex(); got != 2 {
		t.Errorf("committed %d, want 2: durable on both followers, without the leader", got)
	}
	write := r.Write
	l.core.Ready(&r)
	if len(r.Apply) != 0 {
		t.Errorf("got %+v to apply, and the leader's own log does not have it yet", r.Apply)
	}
	l.core.Synced(write)
	if !l.core.Ready(&r) || len(r.Apply) != 1 || r.Apply[0].Upto != 2 {
		t.Errorf("got %+v, want entry 2 to be applied", r.Apply)
	}
}

// Figure 3, Leader Append-Only: "a leader never overwrites or deletes entries in its log; it only appends new
// entries."
func TestLeaderRefusesAppendsOfItsTerm(t *testing.T) {
	l := server(t, 3, 1)
	l.lead(t, 3)
	err := l.core.Step(raft.Message{
		Kind: raft.MsgAppend, From: 2, To: 1, Term: 2, Span: raft.Span{Entries: entriesOf(2)},
	})
	if err == nil || l.core.Role() != raft.Leader || l.core.LastIndex() != 2 {
		t.Errorf("got error %v, %v with a log up to %d; want an error and nothing changed",
			err, l.core.Role(), l.core.LastIndex())
	}
}
