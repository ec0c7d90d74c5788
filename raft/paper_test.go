package raft_test

import (
	"fmt"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are claims of the paper and of the thesis about one server, in their order. Each
// drives one core by hand; the claims about clusters are in testdata and in random_test.go.

const electionTicks = 10

// server returns server 1 of voters, with a log of the given terms on disk, in the last of them.
func server(t *testing.T, voters int, terms ...raft.Term) *lone {
	t.Helper()
	cfg := raft.Config{ElectionTicksMin: electionTicks}
	for id := range voters {
		cfg.Voters = append(cfg.Voters, raft.NodeID(id+1))
	}
	var boot raft.Boot
	for _, term := range terms {
		boot.Tail.Entries = append(boot.Tail.Entries, raft.Entry{Term: term, Kind: raft.EntryCommand})
		boot.Log.HardState.Term = term
	}
	boot.Log.Last = boot.Tail.Last()
	l := newLone(t, cfg, boot)
	l.log = append(l.log, boot.Tail.Entries...)
	return l
}

// get gives a message to the server, pays its debts, and returns what it sends.
func (l *lone) get(t *testing.T, m raft.Message) []raft.Message {
	t.Helper()
	m.To = l.core.Status().ID
	if err := l.core.Step(m); err != nil {
		t.Fatalf("%+v was refused: %v", m, err)
	}
	l.pay()
	return l.take()
}

// stand lets the election timeout pass and answers yes to what is asked before the election.
func (l *lone) stand(t *testing.T, voters int) {
	t.Helper()
	term := l.core.Term()
	for range 10 * electionTicks {
		if l.core.Role() != raft.Follower {
			break
		}
		l.core.Tick()
	}
	l.pay()
	for id := 2; id <= voters && l.core.Role() == raft.PreCandidate; id++ {
		l.get(t, raft.Message{Kind: raft.MsgPreVoteReply, From: raft.NodeID(id), Term: term + 1})
	}
	if l.core.Role() == raft.PreCandidate || l.core.Term() != term+1 {
		t.Fatalf("%v in term %d, want a candidate in term %d", l.core.Role(), l.core.Term(), term+1)
	}
}

// lead makes the server the leader of the next term.
func (l *lone) lead(t *testing.T, voters int) {
	t.Helper()
	l.stand(t, voters)
	for id := 2; id <= voters && l.core.Role() == raft.Candidate; id++ {
		l.get(t, raft.Message{Kind: raft.MsgVoteReply, From: raft.NodeID(id), Term: l.core.Term()})
	}
	if l.core.Role() != raft.Leader {
		t.Fatalf("%v, want a leader", l.core.Role())
	}
	l.take()
}

func (l *lone) terms() string {
	var terms []raft.Term
	for _, e := range l.log {
		terms = append(terms, e.Term)
	}
	return fmt.Sprint(terms)
}

func one(t *testing.T, sent []raft.Message, kind raft.MessageKind) raft.Message {
	t.Helper()
	if len(sent) != 1 || sent[0].Kind != kind {
		t.Fatalf("got %+v, want one %v", sent, kind)
	}
	return sent[0]
}

func entriesOf(terms ...raft.Term) []raft.Entry {
	var entries []raft.Entry
	for _, term := range terms {
		entries = append(entries, raft.Entry{Term: term, Kind: raft.EntryCommand})
	}
	return entries
}

// §5.1: "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state."
func TestNewerTermMakesAFollower(t *testing.T) {
	for _, role := range []raft.Role{raft.Follower, raft.Candidate, raft.Leader} {
		for _, kind := range []raft.MessageKind{
			raft.MsgAppend, raft.MsgAppendReply, raft.MsgHeartbeat, raft.MsgHeartbeatReply, raft.MsgVoteReply,
		} {
			l := server(t, 3, 1)
			switch role {
			case raft.Candidate:
				l.stand(t, 3)
			case raft.Leader:
				l.lead(t, 3)
			}
			l.get(t, raft.Message{Kind: kind, From: 2, Term: 7, Reject: true})
			if s := l.core.Status(); s.Role != raft.Follower || s.Term != 7 || s.Vote != raft.None {
				t.Errorf("%v after %v of term 7: %v in term %d, vote %d; want a follower in term 7 that has not voted",
					role, kind, s.Role, s.Term, s.Vote)
			}
		}
	}
}

// §5.1: "If a server receives a request with a stale term number, it rejects the request."
func TestRequestsOfAnOlderTermAreRefused(t *testing.T) {
	for _, kind := range []raft.MessageKind{raft.MsgPreVote, raft.MsgVote, raft.MsgAppend, raft.MsgHeartbeat} {
		l := server(t, 3, 1, 5)
		sent := l.get(t, raft.Message{
			Kind: kind, From: 2, Term: 4, Last: raft.EntryID{Term: 4, Index: 9}, Commit: 2,
			Span: raft.Span{Prev: raft.EntryID{Term: 1, Index: 1}, Entries: entriesOf(4)},
		})
		if len(sent) != 1 || !sent[0].Reject || sent[0].Term != 5 {
			t.Errorf("%v of term 4 in term 5: got %+v, want a refusal of term 5", kind, sent)
		}
		s := l.core.Status()
		if s.Term != 5 || s.Leader != raft.None || s.CommitIndex != 0 || s.Vote != raft.None || l.terms() != "[1 5]" {
			t.Errorf("%v of term 4 changed the server to %+v, log %s", kind, s, l.terms())
		}
	}
}

// §5.2: "When servers start up, they begin as followers", also one that led before it crashed.
func TestServersBeginAsFollowers(t *testing.T) {
	boot := raft.Boot{Log: raft.LogState{HardState: raft.HardState{Term: 3, Vote: 1}}}
	l := newLone(t, raft.Config{}, boot)
	if s := l.core.Status(); s.Role != raft.Follower || s.Leader != raft.None || s.Vote != 1 {
		t.Errorf("got %+v, want a follower without a leader that remembers its vote", s)
	}
}

// §5.2: "A server remains in follower state as long as it receives valid RPCs from a leader or candidate."
func TestHeartbeatsKeepAFollower(t *testing.T) {
	for _, m := range []raft.Message{
		{Kind: raft.MsgHeartbeat, From: 2, Term: 1},
		{Kind: raft.MsgAppend, From: 2, Term: 1},
		// A refused one, too: the leader is there.
		{Kind: raft.MsgAppend, From: 2, Term: 1, Span: raft.Span{Prev: raft.EntryID{Term: 1, Index: 9}}},
	} {
		l := server(t, 3)
		for range 20 {
			for range electionTicks - 1 {
				l.core.Tick()
			}
			if got := l.core.Role(); got != raft.Follower {
				t.Fatalf("with %v every %d ticks: %v, want a follower", m.Kind, electionTicks-1, got)
			}
			l.get(t, m)
		}
	}
}

// §5.2: "To begin an election, a follower increments its current term [...] votes for itself and issues
// RequestVote RPCs in parallel to each of the other servers." The thesis (§9.6) asks before; so there are two
// rounds.
func TestElectionTimeoutBeginsAnElection(t *testing.T) {
	l := server(t, 3, 1, 4)
	for range 2 * electionTicks {
		l.core.Tick()
	}
	l.pay()
	for i, m := range l.take() {
		if want := (raft.EntryID{Term: 4, Index: 2}); m.Kind != raft.MsgPreVote || m.Term != 5 || m.Last != want {
			t.Errorf("message %d: got %+v, want a pre-vote for term 5 with a log up to %v", i, m, want)
		}
	}
	if s := l.core.Status(); s.Term != 4 || s.Vote != raft.None {
		t.Errorf("asking before an election changed term and vote to %d and %d", s.Term, s.Vote)
	}
	sent := l.get(t, raft.Message{Kind: raft.MsgPreVoteReply, From: 2, Term: 5})
	if s := l.core.Status(); s.Term != 5 || s.Vote != 1 || s.Role != raft.Candidate {
		t.Errorf("got %+v, want a candidate in term 5 that voted for itself", s)
	}
	if len(sent) != 2 || sent[0].Kind != raft.MsgVote || sent[0].To != 2 || sent[1].To != 3 {
		t.Errorf("got %+v, want RequestVote to 2 and 3", sent)
	}
}

// §5.2: "A candidate wins an election if it receives votes from a majority of the servers in the full cluster for the
// same term."
func TestMajorityOfVotesWins(t *testing.T) {
	for _, c := range []struct {
		voters, yes, no int
		want            raft.Role
	}{
		{1, 0, 0, raft.Leader},
		{2, 0, 0, raft.Candidate}, {2, 1, 0, raft.Leader}, {2, 0, 1, raft.Follower},
		{3, 0, 0, raft.Candidate}, {3, 1, 0, raft.Leader}, {3, 0, 1, raft.Candidate}, {3, 0, 2, raft.Follower},
		{4, 1, 0, raft.Candidate}, {4, 2, 0, raft.Leader}, {4, 1, 2, raft.Follower},
		{5, 1, 2, raft.Candidate}, {5, 2, 2, raft.Leader}, {5, 1, 3, raft.Follower},
	} {
		l := server(t, c.voters)
		l.stand(t, c.voters)
		for i := range c.yes + c.no {
			reply := raft.Message{Kind: raft.MsgVoteReply, From: raft.NodeID(i + 2), Term: 1, Reject: i >= c.yes}
			if l.core.Role() == raft.Candidate {
				l.get(t, reply)
				l.get(t, reply) // a copy counts once
			}
		}
		if got := l.core.Role(); got != c.want {
			t.Errorf("%d of %d others say yes, %d no: %v, want %v", c.yes, c.voters-1, c.no, got, c.want)
		}
	}
}

// §5.2: "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis."
func TestOneVoteATerm(t *testing.T) {
	l := server(t, 3)
	ask := func(from raft.NodeID, term raft.Term) bool {
		m := raft.Message{Kind: raft.MsgVote, From: from, Term: term}
		return !one(t, l.get(t, m), raft.MsgVoteReply).Reject
	}
	if !ask(2, 1) {
		t.Error("the first to ask in term 1 was refused")
	}
	if ask(3, 1) {
		t.Error("two votes in term 1")
	}
	if !ask(2, 1) {
		t.Error("the same candidate asks again, as the answer was lost, and is refused")
	}
	if !ask(3, 2) {
		t.Error("the vote of term 1 binds in term 2")
	}
}

// §5.2, and Figure 2 (votedFor): a server that gives up within a term has still voted in it.
func TestStepDownKeepsTheVote(t *testing.T) {
	for _, role := range []raft.Role{raft.Candidate, raft.Leader} {
		l := server(t, 3)
		if role == raft.Candidate {
			l.stand(t, 3)
			l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
		} else {
			l.lead(t, 3)
			for range 2 * electionTicks { // nobody answers
				l.core.Tick()
			}
			l.pay()
		}
		for range electionTicks {
			l.core.Tick() // so that it hears no leader
		}
		l.take()
		if s := l.core.Status(); s.Role == role || s.Term != 1 || s.Vote != 1 {
			t.Fatalf("a %v gives up: got %+v, want a vote for itself in term 1", role, s)
		}
		l.core.Step(raft.Message{Kind: raft.MsgVote, From: 3, To: 1, Term: 1, Last: raft.EntryID{Term: 1, Index: 9}})
		l.pay()
		for _, m := range l.take() {
			if m.Kind == raft.MsgVoteReply && !m.Reject {
				t.Errorf("a %v of term 1 gave up and voted for another in term 1", role)
			}
		}
	}
}

// §5.2: "If the leader's term [...] is at least as large as the candidate's current term, then the candidate
// recognizes the leader as legitimate and returns to follower state. If the term in the RPC is smaller [...]
// continues in candidate state."
func TestCandidateFollowsALeaderOfItsTerm(t *testing.T) {
	for term, want := range map[raft.Term]raft.Role{1: raft.Candidate, 2: raft.Follower, 3: raft.Follower} {
		for _, kind := range []raft.MessageKind{raft.MsgAppend, raft.MsgHeartbeat} {
			l := server(t, 3, 1)
			l.stand(t, 3)
			l.get(t, raft.Message{Kind: kind, From: 2, Term: term})
			if got := l.core.Role(); got != want {
				t.Errorf("candidate of term 2 after %v of term %d: %v, want %v", kind, term, got, want)
			}
		}
	}
}

// §5.2: "Raft uses randomized election timeouts to ensure that split votes are rare [...] chosen randomly
// from a fixed interval." Each is drawn anew.
func TestElectionTimeoutsAreRandom(t *testing.T) {
	l := server(t, 3)
	seen := map[int]int{}
	for range 1000 {
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: l.core.Term() + 1})
		ticks := 0
		for l.core.Role() == raft.Follower {
			l.core.Tick()
			ticks++
		}
		seen[ticks]++
		if ticks < electionTicks || ticks > 2*electionTicks {
			t.Fatalf("an election timeout of %d ticks, want %d to %d", ticks, electionTicks, 2*electionTicks)
		}
	}
	for ticks := electionTicks; ticks <= 2*electionTicks; ticks++ {
		if seen[ticks] < 1000/(electionTicks+1)/3 {
			t.Errorf("%d of 1000 election timeouts are %d ticks: not uniform", seen[ticks], ticks)
		}
	}
}

// Figure 2: an election is put off by hearing the leader and by granting a vote, and by nothing else. What another
// candidate cannot win, or this one has lost, would otherwise hold up who can win.
func TestOnlyLeadersAndGrantedVotesPutOffAnElection(t *testing.T) {
	const before = electionTicks - 1 // no timeout is shorter than electionTicks
	for _, c := range []struct {
		name  string
		event raft.Message
		delay bool
	}{
		{"heartbeat", raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 4}, true},
		{"granted vote", raft.Message{Kind: raft.MsgVote, From: 2, Term: 5, Last: raft.EntryID{Term: 4, Index: 2}}, true},
		{"refused vote", raft.Message{Kind: raft.MsgVote, From: 2, Term: 5, Last: raft.EntryID{Term: 1, Index: 1}}, false},
		{"reply of a newer term", raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 5, Reject: true}, false},
		{"pre-vote", raft.Message{Kind: raft.MsgPreVote, From: 2, Term: 5, Last: raft.EntryID{Term: 4, Index: 2}}, false},
	} {
		put := 0
		const rounds = 200
		for seed := range uint64(rounds) {
			boot := raft.Boot{Tail: raft.Span{Entries: []raft.Entry{{Term: 1}, {Term: 4}}}}
			boot.Log.HardState.Term, boot.Log.Last = 4, boot.Tail.Last()
			l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, Seed: seed}, boot)
			l.log = append(l.log, boot.Tail.Entries...)
			for range before {
				l.core.Tick()
			}
			l.get(t, c.event)
			ticks := 0
			for l.core.Role() == raft.Follower {
				l.core.Tick()
				ticks++
			}
			if ticks >= electionTicks { // a whole timeout from the event, and not what was left of one
				put++
			}
		}
		// Of timeouts from electionTicks to twice that, hardly any has as much left.
		if c.delay && put != rounds || !c.delay && put > rounds/4 {
			t.Errorf("%s: %d of %d elections were put off", c.name, put, rounds)
		}
	}
}

// §9.3 of the paper rests on servers drawing differently: the same seed gives different servers different timeouts.
func TestServersDrawDifferentTimeouts(t *testing.T) {
	first := func(id raft.NodeID) (ticks [20]int) {
		l := newLone(t, raft.Config{ID: id, ElectionTicksMin: 100, Seed: 1}, raft.Boot{})
		for i := range ticks {
			m := raft.Message{Kind: raft.MsgHeartbeat, From: id%3 + 1, To: id, Term: l.core.Term() + 1}
			if err := l.core.Step(m); err != nil {
				t.Fatal(err)
			}
			for ; l.core.Role() == raft.Follower; ticks[i]++ {
				l.core.Tick()
			}
		}
		return ticks
	}
	if first(1) == first(2) || first(2) == first(3) {
		t.Error("two servers draw the same election timeouts: they would stand at the same time for ever")
	}
	if again := first(1); again != first(1) {
		t.Error("the same server draws different timeouts from the same seed")
	}
}
