package raft_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are rules that only progress depends on: no agreement is lost without them, and a
// cluster stands still, or is disturbed without need.

// appends returns the AppendEntries to a server among what was sent.
func appends(sent []raft.Message, to raft.NodeID) []raft.Message {
	return slices.DeleteFunc(slices.Clone(sent), func(m raft.Message) bool {
		return m.Kind != raft.MsgAppend ||
			m.To != to
	})
}

// thesis §9.6: a server that was cut off "does not [...] disrupt the cluster when it rejoins": no term
// grows while a majority hears its leader, whoever is cut off, for however long, and in which direction.
func TestPartitionedServersInflateNoTerm(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 41))
		n := 3 + 2*rng.IntN(2)
		ids := []raft.NodeID{1, 2, 3, 4, 5}[:n]
		c := newCrowd(t, raft.Config{}, ids...)
		c.elect(1)
		term := c.core(1).Term()
		for range 20 {
			away := ids[1 : 1+n/2]
			if rng.IntN(2) == 0 {
				away = ids[n-n/2:]
			}
			both, in := rng.IntN(3) > 0, rng.IntN(2) == 0
			c.cut = func(m raft.Message) bool {
				from, to := slices.Contains(away, m.From), slices.Contains(away, m.To)
				return from != to && (both || to == in)
			}
			c.tick(1 + rng.IntN(5*electionTicks))
			c.propose(1, 1)
			c.heal()
			c.tick(1 + rng.IntN(5))
		}
		c.tick(electionTicks)
		for _, id := range ids {
			if s := c.core(id).Status(); s.Term != term || s.Leader != 1 {
				t.Fatalf("seed %d: server %d is in term %d under %d, want %d under 1", seed, id, s.Term, s.Leader, term)
			}
		}
		c.sameLogs(ids...)
	}
}

// §5.3: "the leader retries AppendEntries RPCs indefinitely". Whichever one message is lost, all servers
// agree a few heartbeats later, by the same leader.
func TestAnyOneLostMessageIsMadeGood(t *testing.T) {
	for lost := range 60 {
		c := newCrowd(t, raft.Config{MessageEntriesMax: 2, InflightMessagesMax: 2, AdaptiveWindow: lost%2 == 0}, 1, 2, 3)
		c.elect(1)
		c.tick(electionTicks)
		n := 0
		c.cut = func(raft.Message) bool { n++; return n == lost+1 }
		for range 3 {
			c.propose(1, 5)
			c.settle()
		}
		c.core(1).ReadIndex(1)
		c.tick(4 * (electionTicks / 3))
		c.sameLogs(1, 2, 3)
		if len(c.nodes[1].reads) != 1 || c.nodes[1].reads[0].Err != nil || c.core(1).Term() != 1 {
			t.Errorf("message %d was lost: reads %+v in term %d", lost+1, c.nodes[1].reads, c.core(1).Term())
		}
		if t.Failed() {
			t.Fatalf("message %d was lost", lost+1)
		}
	}
}

// The same when all that is in flight is lost, at any depth of the pipeline: a full window does not wedge
// (etcd's replicate_pause), and nothing is sent twice to a follower that is only slow.
func TestLostWindowIsMadeGood(t *testing.T) {
	for _, window := range []int{1, 2, 64} {
		l := reading(t, raft.Config{InflightMessagesMax: window, MessageEntriesMax: 1}, 3)
		l.core.Propose(commands(5, 1))
		l.pay()
		first := appends(l.take(), 2)
		if len(first) != min(window, 5) {
			t.Fatalf("window of %d: %d messages in flight", window, len(first))
		}
		// Slow: two heartbeats are answered before the entries are on its disk. It is asked, and given
		// nothing twice.
		var asked []raft.Message
		for range 2 {
			for range electionTicks / 3 {
				l.core.Tick()
			}
			l.pay()
			for _, m := range l.take() {
				if m.To == 2 && m.Kind == raft.MsgHeartbeat {
					asked = append(asked, appends(l.get(t, raft.Message{
						Kind: raft.MsgHeartbeatReply, From: 2, Term: 1, Seq: m.Seq,
					}), 2)...)
				}
			}
		}
		if len(asked) == 0 || len(asked[0].Span.Entries) > 0 {
			t.Fatalf("window of %d: a follower that is silent about its window got %+v, want an empty AppendEntries", window,
				asked)
		}
		// Lost: it refuses what follows, and gets all again.
		sent := l.get(t, raft.Message{
			Kind: raft.MsgAppendReply, From: 2, Term: 1, Seq: asked[0].Seq, Reject: true,
			Match: asked[0].Span.Prev.Index, Last: raft.EntryID{Term: 1, Index: 1},
		})
		again := appends(sent, 2)
		if len(again) != 1 || again[0].Span.Prev.Index != 1 || len(again[0].Span.Entries) != 1 {
			t.Errorf("window of %d: got %+v, want the first entry again", window, again)
		}
	}
}

// (M53, M61) A window that is full admits nothing, and the moment that a place is free the next message
// leaves: nobody waits for a tick.
func TestAcknowledgementOpensTheWindow(t *testing.T) {
	l := reading(t, raft.Config{InflightMessagesMax: 2, MessageEntriesMax: 1}, 3)
	l.core.Propose(commands(9, 1))
	l.pay()
	if got := len(appends(l.take(), 2)); got != 2 {
		t.Fatalf("%d messages in flight, want 2", got)
	}
	for match := raft.Index(2); match <= 8; match++ {
		sent := appends(l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: match}), 2)
		if len(sent) != 1 || sent[0].Span.LastIndex() != match+2 {
			t.Fatalf("acknowledged %d: got %+v, want entry %d", match, sent, match+2)
		}
	}
}

// (M54) One acknowledgement ends the probing: the entries then follow each other without waiting.
func TestProbeEndsWithAnAcknowledgement(t *testing.T) {
	l := server(t, 3, 1, 1, 1)
	l.lead(t, 3)
	refuse := func(index raft.Index, hint raft.EntryID) []raft.Message {
		return appends(l.get(t, raft.Message{
			Kind: raft.MsgAppendReply, From: 2, Term: 2, Reject: true, Match: index, Last: hint, Seq: 1,
		}), 2)
	}
	sent := refuse(3, raft.EntryID{Term: 1, Index: 1})
	if len(sent) != 1 || sent[0].Span.Prev.Index != 1 || l.core.Status().Peers[0].State != "probe" {
		t.Fatalf("got %+v, want a probe after entry 1", sent)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 2, Match: 4})
	for i := range 3 {
		l.core.Propose(commands(1, 1))
		l.pay()
		if got := len(appends(l.take(), 2)); got != 1 || l.core.Status().Peers[0].State != "replicate" {
			t.Errorf("command %d: %d messages in state %s", i, got, l.core.Status().Peers[0].State)
		}
	}
}

// (M59) There is no batch that waits for company: a lone command leaves with the next Ready.
func TestLoneCommandLeavesAtOnce(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	l.core.Propose(commands(1, 1))
	var r raft.Ready
	l.core.Ready(&r)
	if len(appends(r.SendNow, 2)) != 1 || len(appends(r.SendNow, 3)) != 1 || len(r.Append) != 1 {
		t.Errorf("got %+v, want the command sent and written", r)
	}
}

// (M60) A pipeline whose messages change places, as when a connection is made anew, loses nothing and
// stores nothing out of order.
func TestReorderedPipelineConverges(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 43))
		c := newCrowd(t, raft.Config{MessageEntriesMax: 1, InflightMessagesMax: 1 + rng.IntN(8)}, 1, 2, 3)
		c.elect(1)
		var late []raft.Message
		c.cut = func(m raft.Message) bool {
			late = append(late, m)
			return true
		}
		for range 10 {
			c.propose(1, 1+rng.IntN(3))
			c.settle()
			rng.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
			now := late
			late = nil
			for _, m := range now {
				_ = c.nodes[m.To].core.Step(m)
				if rng.IntN(3) == 0 {
					_ = c.nodes[m.To].core.Step(m)
				}
			}
			c.settle()
		}
		c.heal()
		c.tick(electionTicks)
		c.sameLogs(1, 2, 3)
		if t.Failed() || c.core(1).Term() != 1 {
			t.Fatalf("seed %d, term %d", seed, c.core(1).Term())
		}
	}
}

// (B13) A server that is silent is sent heartbeats as often as the others, for ever: it must not time out
// when it is back.
func TestHeartbeatsToTheDeadNeverSlowDown(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	beats := map[raft.NodeID]int{}
	for range 100 * electionTicks {
		l.core.Tick()
		l.pay()
		for _, m := range l.take() {
			if m.Kind == raft.MsgHeartbeat {
				beats[m.To]++
				if m.To == 2 {
					l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 2, Term: 1, Seq: m.Seq})
				}
			}
		}
	}
	if want := 100 * electionTicks / (electionTicks / 3); beats[2] != want || beats[3] != want {
		t.Errorf("heartbeats %v, want %d to each", beats, want)
	}
}

// (B12) Any contact with the leader counts, also a chunk of a snapshot that is refused.
func TestRefusedChunksKeepAFollower(t *testing.T) {
	l := server(t, 3, 1)
	for i := range uint64(20) {
		for range electionTicks - 1 {
			l.core.Tick()
		}
		sent := l.get(t, raft.Message{
			Kind: raft.MsgSnapshot, From: 2, Term: 1, Seq: i, Chunk: chunkOf(snapshotUpto(1, 9), 5+i, "x", false),
		})
		if m := one(t, sent, raft.MsgSnapshotReply); !m.Reject || m.Chunk.Offset != 0 || l.core.Leader() != 2 {
			t.Fatalf("got %+v under %d, want a refusal from 0 on, under 2", m, l.core.Leader())
		}
	}
}

// thesis §4.2.2: "a server that is not part of its own latest configuration should still start new
// elections, as it might still be needed until the C_new entry is committed. [...] It does not count its
// own vote in elections unless it is part of its latest configuration."
func TestRemovedServerStandsUntilItsRemovalIsCommitted(t *testing.T) {
	for _, change := range []raft.ChangeKind{raft.Remove, raft.Demote} {
		c := newCrowd(t, raft.Config{}, 1, 2)
		c.elect(1)
		c.isolate(1)
		c.change(1, raft.Change{Kind: change, ID: 1}) // and 2, whose log is shorter now, cannot win
		c.settle()
		c.core(1).StepDown()
		c.heal()
		for range 20 * electionTicks {
			c.tick(1)
			if c.core(2).Role() == raft.Leader && c.core(2).TermCommitted() {
				break
			}
		}
		if s := c.core(2).Status(); s.Role != raft.Leader || s.ConfigurationIndex > s.CommitIndex {
			t.Errorf("%v: got %+v, want server 2 to lead what the other has committed", change, s)
		}
		if s := c.core(1).Status(); s.Role == raft.Leader || c.configuration(1) != c.configuration(2) {
			t.Errorf("%v: got %+v, want it gone", change, s)
		}
		term := c.core(1).Term()
		c.isolate(1)
		c.tick(5*electionTicks, 1)
		if got := c.core(1).Role(); got != raft.Follower || c.core(1).Term() != term {
			t.Errorf("%v: %v in term %d when all is over, want a follower in %d", change, got, c.core(1).Term(), term)
		}
	}
}

// A leader whose driver says that its disk hangs goes, keeps its vote, and does not come back before others
// had a turn.
func TestStepDownMakesAFollower(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	l.core.StepDown()
	if s := l.core.Status(); s.Role != raft.Follower || s.Leader != raft.None || s.Term != 1 || s.Vote != 1 {
		t.Errorf("got %+v, want a follower of nobody that voted for itself", s)
	}
	for range electionTicks - 1 {
		l.core.Tick()
	}
	if got := l.core.Role(); got != raft.Follower {
		t.Errorf("%v after less than an election timeout", got)
	}
	before := l.core.Status()
	l.core.StepDown()
	if after := l.core.Status(); after.Role != before.Role || after.Term != before.Term {
		t.Errorf("a follower stepped down to %+v", after)
	}
}

// A server that refuses what it has acknowledged is not who it was: its disk was replaced. For the rest of the term it
// counts for nothing, neither for entries nor for reads, and gets neither entries nor leadership.
func TestServerThatLostItsDiskCountsForNothing(t *testing.T) {
	l := reading(t, raft.Config{}, 5)
	ack := func(from raft.NodeID) {
		l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: from, Term: 1, Match: 4})
	}
	l.core.Propose(commands(3, 1))
	l.pay()
	ack(2)
	refusal := raft.Message{
		Kind: raft.MsgAppendReply, From: 2, Term: 1, Reject: true, Match: 4, Last: raft.EntryID{Term: 1, Index: 1},
	}
	for _, stale := range []uint64{0, 1} { // of a message that was sent before it acknowledged, or of an older term
		refusal.Seq = stale
		if l.get(t, refusal); l.core.Status().Peers[0].Lost {
			t.Fatalf("a stale refusal, number %d, was taken for a lost disk", stale)
		}
	}
	l.core.Propose(commands(1, 1))
	l.pay()
	refusal.Seq = appends(l.take(), 2)[0].Seq
	l.get(t, refusal)
	if p := l.core.Status().Peers[0]; !p.Lost {
		t.Fatalf("got %+v, want it lost", p)
	}
	ack(3)
	if got := l.core.CommitIndex(); got != 1 {
		t.Errorf("committed %d on this leader, one other, and one that has lost it, of five", got)
	}
	l.reads = nil
	seq := l.read(t, 1, 4)
	l.answer(t, 2, seq)
	if got := l.answer(t, 3, seq); len(got) > 0 {
		t.Errorf("got %+v: the one that forgot its promises has none to keep", got)
	}
	if got := l.answer(t, 4, seq); tokens(got) != "[1]" {
		t.Errorf("got %+v, want the read", got)
	}
	if err := l.core.Transfer(2); !errors.Is(err, raft.ErrNoQuorum) {
		t.Errorf("transfer to it: got %v, want %v", err, raft.ErrNoQuorum)
	}
	l.core.Propose(commands(1, 1))
	l.pay()
	if sent := appends(l.take(), 2); len(sent) > 0 {
		t.Errorf("it was sent %+v", sent)
	}
	ack(4)
	if got := l.core.CommitIndex(); got != 4 {
		t.Errorf("committed %d, want 4 on three that have it", got)
	}
}
