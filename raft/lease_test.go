package raft_test

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are claims of thesis §6.4.1 (using clocks to reduce messaging for read-only queries).

// leasing returns a leader of three that holds a lease of 100 from time 1000 on, at time 1000.
func leasing(t *testing.T) *lone {
	t.Helper()
	l := reading(t, raft.Config{LeaseNanos: 100}, 3)
	l.core.SetClock(1000)
	l.answer(t, 2, l.beat(t))
	return l
}

// beat lets a heartbeat's time pass and returns its round.
func (l *lone) beat(t *testing.T) uint64 {
	t.Helper()
	for range electionTicks / 3 {
		l.core.Tick()
	}
	l.pay()
	return round(t, l.take(), 2)
}

// atOnce reports whether a read is answered without a message.
func (l *lone) atOnce(token uint64) bool {
	l.reads = nil
	l.core.ReadIndex(token)
	l.pay()
	return len(l.reads) == 1 && l.reads[0].Err == nil && l.reads[0].Token == token && len(l.take()) == 0
}

// "Once the leader's heartbeats were acknowledged by a majority of the cluster, the leader would extend its
// lease to start + election timeout / clock drift bound": from when they were sent, not from when they were
// answered.
func TestLeaseBeginsWhenItsHeartbeatsAreSent(t *testing.T) {
	l := reading(t, raft.Config{LeaseNanos: 100}, 3)
	l.core.SetClock(1000)
	seq := l.beat(t)
	if l.atOnce(1) {
		t.Fatal("a lease before anybody answered")
	}
	l.core.SetClock(1090)
	l.answer(t, 2, seq)
	if !l.atOnce(2) {
		t.Error("no lease at 1090 from heartbeats sent at 1000")
	}
	l.core.SetClock(1099)
	if !l.atOnce(3) {
		t.Error("no lease at 1099")
	}
	l.core.SetClock(1100)
	if l.atOnce(4) {
		t.Error("a lease of 100 from 1000 is trusted at 1100")
	}
}

// A clock that is told to go back does not: a lease never grows by it.
func TestLeaseIgnoresAClockThatGoesBack(t *testing.T) {
	l := leasing(t)
	l.core.SetClock(1100)
	l.core.SetClock(1001)
	if l.atOnce(1) {
		t.Error("the clock went back, and the lease came back")
	}
}

// A lease is renewed by the heartbeats that are sent anyway, and by any round that a majority answers.
func TestHeartbeatsRenewTheLease(t *testing.T) {
	l := leasing(t)
	for now := int64(1050); now < 3000; now += 50 {
		l.core.SetClock(now)
		seq := l.beat(t)
		l.core.SetClock(now + 20)
		l.answer(t, 3, seq)
		l.core.SetClock(now + 99)
		if !l.atOnce(uint64(now)) {
			t.Fatalf("no lease at %d from heartbeats at %d", now+99, now)
		}
	}
}

// Off by default: a clock is trusted by choice only.
func TestNoLeaseByDefault(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	l.core.SetClock(1000)
	l.answer(t, 2, l.beat(t))
	if l.atOnce(1) {
		t.Error("a read was answered without a round")
	}
}

// §8 holds under a lease too: nothing is read before an entry of the term is committed.
func TestNoLeaseBeforeTheNoopIsCommitted(t *testing.T) {
	l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, LeaseNanos: 100}, raft.Boot{})
	l.lead(t, 3)
	l.core.SetClock(1000)
	l.answer(t, 2, l.beat(t))
	if l.atOnce(1) {
		t.Error("a read before the term has committed anything")
	}
}

// "the leader's lease [...] leadership transfer": a lease says that nobody else leads, and TimeoutNow asks
// another to.
func TestTransferEndsTheLease(t *testing.T) {
	l := leasing(t)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 1})
	if err := l.core.Transfer(2); err != nil {
		t.Fatal(err)
	}
	l.pay()
	one(t, l.take(), raft.MsgTimeoutNow)
	if l.atOnce(1) {
		t.Error("a lease after another was told to campaign")
	}
	for range electionTicks {
		l.core.Tick()
	}
	l.pay()
	l.take()
	l.core.SetClock(1010)
	l.answer(t, 3, l.beat(t))
	if l.core.Role() != raft.Leader || l.core.TransferTo() != raft.None {
		t.Fatalf("got %+v, want a leader that has given the transfer up", l.core.Status())
	}
	if l.atOnce(2) {
		t.Error("the TimeoutNow may be still on its way: no lease in this term any more")
	}
}

// A transfer that has not sent TimeoutNow has asked nobody yet.
func TestLeaseOutlivesATransferThatNeverBegan(t *testing.T) {
	l := leasing(t)
	l.core.Propose(commands(1, 1))
	l.pay()
	l.take()
	if err := l.core.Transfer(2); err != nil {
		t.Fatal(err)
	}
	if !l.atOnce(1) {
		t.Error("the successor's log is not complete, it was told nothing, and the lease is gone")
	}
}

// A lease is of one leadership: it does not come back with the next.
func TestLeaseEndsWithTheLeadership(t *testing.T) {
	l := leasing(t)
	l.core.StepDown()
	l.take()
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 2, Match: 2})
	l.take()
	if l.atOnce(1) {
		t.Error("the lease of term 1 is trusted in term 2")
	}
}

// The promise that a lease rests on (thesis §4.2.3) outlives a crash: a server that starts again may have
// given it just before. The leader's own wish is an exception (thesis §3.10): it trusts no lease then.
func TestRestartedServerKeepsTheLeasesPromise(t *testing.T) {
	boot := raft.Boot{Log: raft.LogState{HardState: raft.HardState{Term: 3}}}
	for _, lease := range []int64{0, 100} {
		l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, LeaseNanos: lease}, boot)
		for range electionTicks - 1 {
			l.core.Tick()
		}
		sent := l.get(t, raft.Message{Kind: raft.MsgVote, From: 2, Term: 4})
		if voted := len(sent) == 1 && !sent[0].Reject; voted != (lease == 0) {
			t.Errorf("lease %d: votes %d ticks after its start: %v", lease, electionTicks-1, voted)
		}
		sent = l.get(t, raft.Message{Kind: raft.MsgPreVote, From: 3, Term: 6})
		if willing := len(sent) == 1 && !sent[0].Reject; willing != (lease == 0) {
			t.Errorf("lease %d: is willing to vote %d ticks after its start: %v", lease, electionTicks-1, willing)
		}
		if sent = l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: 7, Transfer: true}); len(sent) != 1 ||
			sent[0].Reject {
			t.Errorf("lease %d: got %+v, want a vote for the leader's choice", lease, sent)
		}
	}
	l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, LeaseNanos: 100}, boot)
	for range electionTicks {
		l.core.Tick()
	}
	l.take()
	if sent := l.get(t, raft.Message{Kind: raft.MsgVote, From: 2, Term: 5}); len(sent) != 1 || sent[0].Reject {
		t.Errorf("got %+v, want a vote when the time is over", sent)
	}
	fresh := newLone(t, raft.Config{ElectionTicksMin: electionTicks, LeaseNanos: 100}, raft.Boot{})
	if sent := fresh.get(t, raft.Message{Kind: raft.MsgVote, From: 2, Term: 1}); len(sent) != 1 || sent[0].Reject {
		t.Errorf("got %+v from a server that never promised anything, want a vote", sent)
	}
}

// A lease of a majority: of both, in a joint configuration, and without learners (see
// TestLearnersCountNowhere).
func TestLeaseNeedsAMajority(t *testing.T) {
	l := reading(t, raft.Config{LeaseNanos: 100}, 5)
	l.core.SetClock(1000)
	for range electionTicks / 3 {
		l.core.Tick()
	}
	l.pay()
	seq := round(t, l.take(), 4)
	l.answer(t, 2, seq)
	if l.atOnce(1) {
		t.Error("a lease of two of five")
	}
	l.reads = nil
	l.answer(t, 3, seq)
	if !l.atOnce(2) {
		t.Error("no lease of three of five")
	}
}

// The promise holds against any message but the leader's own: a late answer of a newer term, from an election that this
// server has forgotten, moves no follower that hears its leader, and it votes for nobody.
func TestStrayMessagesBreakNoPromise(t *testing.T) {
	for _, stray := range []raft.Message{
		{Kind: raft.MsgPreVoteReply, Reject: true}, {Kind: raft.MsgVoteReply, Reject: true}, {Kind: raft.MsgVoteReply},
		{Kind: raft.MsgAppendReply, Reject: true}, {Kind: raft.MsgHeartbeatReply}, {Kind: raft.MsgTimeoutNow},
		{Kind: raft.MsgReadIndex}, {Kind: raft.MsgReadIndexReply},
		{Kind: raft.MsgSnapshotReply, Chunk: &raft.Chunk{}},
	} {
		l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, LeaseNanos: 5}, raft.Boot{})
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 5, Seq: 1})
		stray.From, stray.Term = 3, 7
		l.get(t, stray)
		for _, term := range []raft.Term{7, 8} {
			for _, m := range l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: term}) {
				if m.Kind == raft.MsgVoteReply && !m.Reject {
					t.Errorf("%v of term 7, just after the leader was heard: voted in term %d", stray.Kind, term)
				}
			}
		}
		if s := l.core.Status(); s.Term != 5 || s.Leader != 2 {
			t.Errorf("%v of term 7: now in term %d under %d, want 5 under 2", stray.Kind, s.Term, s.Leader)
		}
	}
}
