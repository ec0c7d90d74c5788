package raft_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are claims of thesis §3.10 (leadership transfer), and of what picks a leader.

func kinds(sent []raft.Message) map[raft.MessageKind]int {
	n := map[raft.MessageKind]int{}
	for _, m := range sent {
		n[m.Kind]++
	}
	return n
}

// "1. The prior leader stops accepting new client requests. 2. The prior leader fully updates the target
// server's log to match its own [...] 3. The prior leader sends a TimeoutNow request to the target server."
func TestTransferCompletesTheLogFirst(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	l.core.Propose(commands(2, 1))
	if err := l.core.Transfer(2); err != nil {
		t.Fatal(err)
	}
	if n := l.core.Propose(commands(1, 1)); n != 0 || l.core.TransferTo() != 2 {
		t.Errorf("took %d commands, transfers to %d; want none from the first moment on, and 2", n, l.core.TransferTo())
	}
	l.pay()
	if got := kinds(l.take()); got[raft.MsgTimeoutNow] > 0 || got[raft.MsgAppend] != 2 {
		t.Errorf("sent %v, want the entries and no TimeoutNow", got)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 3, Term: 1, Match: 3})
	if got := kinds(l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1,
		Match: 2})); got[raft.MsgTimeoutNow] > 0 {
		t.Error("TimeoutNow to a server that lacks an entry")
	}
	sent := l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 3})
	if m := one(t, sent, raft.MsgTimeoutNow); m.To != 2 || m.Term != 1 {
		t.Errorf("got %+v, want TimeoutNow to 2 in term 1", m)
	}
	if got := kinds(l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1,
		Match: 3})); got[raft.MsgTimeoutNow] > 0 {
		t.Error("TimeoutNow twice")
	}
	l.get(t, raft.Message{Kind: raft.MsgVote, From: 2, Term: 2, Last: raft.EntryID{Term: 1, Index: 3}, Transfer: true})
	if s := l.core.Status(); s.Role != raft.Follower || s.TransferTo != raft.None || s.Vote != 2 {
		t.Errorf("got %+v, want a follower that votes for its successor", s)
	}
}

// "This request has the same effect as the target server's election timer firing: the target server starts
// a new election (incrementing its term and becoming a candidate)." It does not ask before (§9.6), and does
// not wait.
func TestTimeoutNowBeginsAnElection(t *testing.T) {
	l := server(t, 3, 1)
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
	sent := l.get(t, raft.Message{Kind: raft.MsgTimeoutNow, From: 2, Term: 1})
	if s := l.core.Status(); s.Role != raft.Candidate || s.Term != 2 || s.Vote != 1 {
		t.Errorf("got %+v, want a candidate in term 2", s)
	}
	if got := kinds(sent); got[raft.MsgVote] != 2 || len(got) != 1 {
		t.Fatalf("sent %v, want RequestVote to two", got)
	}
	for _, m := range sent {
		if !m.Transfer {
			t.Errorf("%+v does not say that the leader wants it: whoever hears the leader will refuse", m)
		}
	}
	// The next try is its own.
	for range 6 * electionTicks {
		l.core.Tick()
		l.pay()
	}
	for _, m := range l.take() {
		if m.Transfer || m.Kind == raft.MsgVote {
			t.Errorf("an election later: got %+v, want pre-votes", m)
		}
	}
}

// Only the leader that a server follows can tell it to campaign.
func TestTimeoutNowOfOthersIsIgnored(t *testing.T) {
	for name, m := range map[string]raft.Message{
		"older term": {Kind: raft.MsgTimeoutNow, From: 2, Term: 1},
		"newer term": {Kind: raft.MsgTimeoutNow, From: 3, Term: 3},
	} {
		l := server(t, 3, 1, 2)
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 2})
		l.get(t, m)
		if s := l.core.Status(); s.Role != raft.Follower || s.Vote != raft.None {
			t.Errorf("%s: got %+v, want a follower", name, s)
		}
	}
	l := server(t, 3, 1, 2)
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 2})
	if err := l.core.Step(raft.Message{Kind: raft.MsgTimeoutNow, From: 3, To: 1, Term: 2}); err == nil ||
		l.core.Role() != raft.Follower {
		t.Errorf("not the leader: got %v and %v, want it refused", err, l.core.Role())
	}
	alone := server(t, 3, 1)
	alone.get(t, raft.Message{Kind: raft.MsgTimeoutNow, From: 2, Term: 1})
	if got := alone.core.Role(); got != raft.Follower {
		t.Errorf("a server that follows nobody: %v, want a follower", got)
	}
}

// thesis §4.2.3: "the leadership transfer mechanism [...] In this case, a server should process the
// RequestVote request even when it believes a current cluster leader exists. Those RequestVote requests can
// include a special flag."
func TestTransferPassesTheLeadersLease(t *testing.T) {
	for _, transfer := range []bool{false, true} {
		l := server(t, 3, 1)
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
		sent := l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: 2, Last: l.id(1), Transfer: transfer})
		if voted := len(sent) == 1 && !sent[0].Reject; voted != transfer {
			t.Errorf("with the flag %v: got %+v", transfer, sent)
		}
	}
	// The flag is no way around the election restriction.
	l := server(t, 3, 1, 1)
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
	if m := one(t, l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: 2, Last: l.id(1), Transfer: true}),
		raft.MsgVoteReply); !m.Reject {
		t.Error("a vote for a shorter log")
	}
}

// "If leadership transfer does not complete after about an election timeout, the prior leader aborts the
// transfer and resumes accepting client requests": when the target cannot be brought up to date, and when
// TimeoutNow is lost.
func TestTransferThatFailsIsGivenUp(t *testing.T) {
	for _, lost := range []raft.MessageKind{raft.MsgAppend, raft.MsgTimeoutNow} {
		c := newCrowd(t, raft.Config{}, 1, 2, 3)
		c.elect(1)
		c.cut = func(m raft.Message) bool { return m.Kind == lost && (m.To == 2 || m.From == 2) }
		c.propose(1, 1)
		if err := c.core(1).Transfer(2); err != nil {
			t.Fatal(err)
		}
		c.settle()
		ticks := 0
		for c.core(1).Propose(commands(1, 1)) == 0 && ticks < 10*electionTicks {
			if c.core(1).Role() != raft.Leader {
				break
			}
			c.tick(1, 1, 3)
			ticks++
		}
		if ticks != electionTicks || c.core(1).Role() != raft.Leader {
			t.Errorf("without %v: %v, took commands again after %d ticks; want %d", lost, c.core(1).Role(), ticks, electionTicks)
		}
		c.heal()
		if err := c.core(1).Transfer(3); err != nil {
			t.Errorf("without %v, a second try: %v", lost, err)
		}
		c.settle()
		if c.core(3).Role() != raft.Leader {
			t.Errorf("without %v, the second try: server 3 is %v", lost, c.core(3).Role())
		}
	}
}

func TestTransferNeedsNoElectionTimeout(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.propose(1, 5)
	if err := c.core(1).Transfer(3); err != nil {
		t.Fatal(err)
	}
	c.settle() // no tick
	if s := c.core(3).Status(); s.Role != raft.Leader || s.Term != 2 || !s.TermCommitted {
		t.Errorf("got %+v, want server 3 to lead term 2", s)
	}
	if c.core(1).Leader() != 3 || c.core(2).Leader() != 3 {
		t.Errorf("the others follow %d and %d, want 3", c.core(1).Leader(), c.core(2).Leader())
	}
	c.tick(electionTicks)
	c.sameLogs(3, 1, 2)
}

// None asks for the best: the highest priority, then the longest log.
func TestTransferToTheBest(t *testing.T) {
	for _, c := range []struct {
		name       string
		priorities map[raft.NodeID]uint8
		match      map[raft.NodeID]raft.Index
		want       raft.NodeID
	}{
		{"the longest log", nil, map[raft.NodeID]raft.Index{2: 2, 3: 3, 4: 1}, 3},
		{"priority", map[raft.NodeID]uint8{4: 9}, map[raft.NodeID]raft.Index{2: 2, 3: 3, 4: 1}, 4},
		{"of equal priority", map[raft.NodeID]uint8{4: 9, 2: 9}, map[raft.NodeID]raft.Index{2: 2, 3: 3, 4: 1}, 2},
		{"never a learner", map[raft.NodeID]uint8{5: 9}, map[raft.NodeID]raft.Index{2: 1, 3: 1, 4: 2, 5: 3}, 4},
	} {
		configuration := with(t, raft.NewConfiguration(1, 2, 3, 4), raft.Change{Kind: raft.AddLearner, ID: 5})
		for i := range configuration.Members {
			configuration.Members[i].Priority = c.priorities[configuration.Members[i].ID]
		}
		l := serverIn(t, configuration)
		for l.core.Role() == raft.Follower {
			l.core.Tick()
		}
		l.pay()
		l.lead(t, 4)
		l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 5, Term: 1, Seq: 1})
		l.core.Propose(commands(3, 1))
		l.pay()
		for id, match := range c.match {
			l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: id, Term: 1, Match: match})
		}
		if err := l.core.Transfer(raft.None); err != nil || l.core.TransferTo() != c.want {
			t.Errorf("%s: got %v and %d, want %d", c.name, err, l.core.TransferTo(), c.want)
		}
	}
}

func TestTransferRefusals(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3, 4)
	c.elect(1)
	c.join(1, 5)
	c.isolate(4)
	c.tick(3 * electionTicks)
	last := c.core(1).LastIndex()
	refused := func(name string, by, to raft.NodeID, is error, words string) {
		t.Helper()
		err := c.core(by).Transfer(to)
		if !errors.Is(err, is) || !strings.Contains(fmt.Sprint(err), words) ||
			!strings.Contains(fmt.Sprint(err), fmt.Sprint(to)) {
			t.Errorf("%s: got %v, want %v with %q", name, err, is, words)
		}
	}
	refused("at a follower", 2, 3, raft.ErrNotLeader, "transfer leadership to 3")
	refused("to a stranger", 1, 9, raft.ErrNotMember, "the members are 1 2 3 4 +5")
	refused("to itself", 1, 1, raft.ErrNotVoter, "it leads already")
	refused("to a learner", 1, 5, raft.ErrNotVoter, "the members are 1 2 3 4 +5")
	refused("to one that is not heard", 1, 4, raft.ErrNoQuorum, "cannot be heard")
	if got := c.core(1); got.TransferTo() != raft.None || got.LastIndex() != last || got.Role() != raft.Leader {
		t.Errorf("refusals changed the leader to %+v", got.Status())
	}
	c.cut = func(raft.Message) bool { return true }
	c.propose(1, 1)
	if err := c.core(1).Transfer(2); err != nil {
		t.Fatal(err)
	}
	refused("twice", 1, 3, raft.ErrTransferring, "to 2")
	if err := c.core(1).ChangeConfig([]raft.Change{{Kind: raft.AddLearner, ID: 6}}); !errors.Is(err,
		raft.ErrTransferring) {
		t.Errorf("a change while leadership is handed over: got %v, want %v", err, raft.ErrTransferring)
	}
	alone := newCrowd(t, raft.Config{}, 1)
	alone.elect(1)
	if err := alone.core(1).Transfer(raft.None); !errors.Is(err, raft.ErrNoQuorum) {
		t.Errorf("of one server, to whoever is best: got %v, want %v", err, raft.ErrNoQuorum)
	}
	if err := c.core(2).ChangeConfig(nil); !errors.Is(err, raft.ErrNotLeader) {
		t.Errorf("a change at a follower: got %v, want %v", err, raft.ErrNotLeader)
	}
}

// prioritized returns three servers of which only server 3 has a high priority, and 2 a middle one.
func prioritized(t *testing.T, own raft.NodeID) *lone {
	t.Helper()
	c := raft.NewConfiguration(1, 2, 3)
	c.Members[1].Priority, c.Members[2].Priority = 5, 200
	return newLone(t, raft.Config{ID: own, ElectionTicksMin: electionTicks, ElectionTicksMax: electionTicks,
		Bootstrap: c}, raft.Boot{})
}

// Election priority with decay: a server lets as many election timeouts more pass as there are higher
// priorities, once; then it stands as any other, for those above it may be gone.
func TestPriorityDecays(t *testing.T) {
	for id, want := range map[raft.NodeID]int{3: 1, 2: 2, 1: 3} {
		l := prioritized(t, id)
		timeouts := func() int {
			ticks := 0
			for l.pay(); len(l.take()) == 0; l.pay() {
				l.core.Tick()
				if ticks++; ticks > 10*electionTicks {
					t.Fatalf("server %d never stands", id)
				}
			}
			return ticks / electionTicks
		}
		if got := timeouts(); got != want {
			t.Errorf("server %d stands after %d election timeouts, want %d", id, got, want)
		}
		if got := timeouts(); got != 1 {
			t.Errorf("server %d stands again after %d election timeouts, want 1", id, got)
		}
		// A leader that is heard gives those of higher priority their turn again.
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: id%3 + 1, Term: 1})
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: id%3 + 1, Term: 1})
		l.take()
		if got := timeouts(); got != want {
			t.Errorf("after a leader, server %d stands after %d election timeouts, want %d", id, got, want)
		}
	}
}

// Priority is patience only: it never stands in the way of a vote, or of the leader's wish.
func TestPriorityDeniesNoVote(t *testing.T) {
	l := prioritized(t, 3)
	if m := one(t, l.get(t, raft.Message{Kind: raft.MsgVote, From: 1, Term: 1}), raft.MsgVoteReply); m.Reject {
		t.Error("a server of high priority refused its vote to one of low priority")
	}
	low := prioritized(t, 1)
	low.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 3, Term: 1})
	sent := low.get(t, raft.Message{Kind: raft.MsgTimeoutNow, From: 3, Term: 1})
	if !slices.ContainsFunc(sent, func(m raft.Message) bool { return m.Kind == raft.MsgVote }) {
		t.Errorf("got %+v: a server of low priority waits although the leader wants it", sent)
	}
}
