package raft_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are claims of §8 of the paper and §6.4 of the thesis about reads that make no log
// entry.

// reading returns the leader of term 1 of some voters, whose no-op is committed and whose followers have
// nothing in flight.
func reading(t *testing.T, cfg raft.Config, voters int) *lone {
	t.Helper()
	cfg.ElectionTicksMin = electionTicks
	for id := range voters {
		cfg.Voters = append(cfg.Voters, raft.NodeID(id+1))
	}
	l := newLone(t, cfg, raft.Boot{})
	l.lead(t, voters)
	for id := 2; id <= voters; id++ {
		l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: raft.NodeID(id), Term: 1, Match: 1})
	}
	l.take()
	return l
}

// round returns the Seq of the heartbeats among what was sent, which must be one round to all others.
func round(t *testing.T, sent []raft.Message, others int) uint64 {
	t.Helper()
	seqs := map[uint64]int{}
	for _, m := range sent {
		if m.Kind == raft.MsgHeartbeat {
			seqs[m.Seq]++
		}
	}
	for seq, n := range seqs {
		if len(seqs) == 1 && n == others {
			return seq
		}
	}
	t.Fatalf("got %+v, want one round of heartbeats to %d others", sent, others)
	return 0
}

// read asks for a read and returns the round that it began.
func (l *lone) read(t *testing.T, token uint64, others int) uint64 {
	t.Helper()
	l.core.ReadIndex(token)
	l.pay()
	return round(t, l.take(), others)
}

// answer gives the leader an answer to a round of heartbeats, and returns the reads answered.
func (l *lone) answer(t *testing.T, from raft.NodeID, seq uint64) []raft.Read {
	t.Helper()
	l.reads = nil
	l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: from, Term: l.core.Term(), Seq: seq})
	return l.reads
}

func tokens(reads []raft.Read) string {
	var list []uint64
	for _, r := range reads {
		if r.Err == nil {
			list = append(list, r.Token)
		}
	}
	return fmt.Sprint(list)
}

// §8: "a leader must have the latest information on which entries are committed. [...] Raft handles this by
// having each leader commit a blank no-op entry into the log at the start of its term."
func TestReadWaitsForTheNoop(t *testing.T) {
	l := server(t, 3, 1)
	l.lead(t, 3)
	l.core.ReadIndex(1)
	for seq := range uint64(20) {
		l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 2, Term: 2, Seq: seq})
	}
	if len(l.reads) > 0 {
		t.Fatalf("got %+v before an entry of the term was committed", l.reads)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 3, Term: 2, Match: 2})
	if len(l.reads) > 0 {
		t.Fatalf("got %+v: the round has begun only now", l.reads)
	}
	l.core.ReadIndex(2)
	l.pay()
	var last uint64
	for _, m := range l.take() {
		last = max(last, m.Seq)
	}
	l.answer(t, 2, last)
	if got := tokens(l.reads); got != "[1 2]" || l.reads[0].Index != 2 {
		t.Errorf("got %+v, want both reads at 2", l.reads)
	}
}

// §8: "a leader must check whether it has been deposed before processing a read-only request [...] by
// having the leader exchange heartbeat messages with a majority of the cluster before responding to
// read-only requests."
func TestReadNeedsARoundOfHeartbeats(t *testing.T) {
	for voters := 1; voters <= 5; voters++ {
		l := reading(t, raft.Config{}, voters)
		l.core.ReadIndex(7)
		l.pay()
		answers := 0
		if voters > 1 {
			seq := round(t, l.take(), voters-1)
			for len(l.reads) == 0 && answers < voters-1 {
				answers++
				l.answer(t, raft.NodeID(answers+1), seq-1) // and something old
				if len(l.reads) > 0 {
					t.Errorf("%d voters: an old answer counted", voters)
				}
				l.answer(t, raft.NodeID(answers+1), seq)
			}
		}
		if want := voters / 2; answers != want {
			t.Errorf("%d voters: answered after %d others, want %d", voters, answers, want)
		}
	}
}

// thesis §6.4, step 2 and 3: the index is the commit index when the round begins, and the round begins
// after the read: an answer to an earlier round, or a copy of one, confirms nothing (etcd#20418).
func TestLateAnswersConfirmNoLaterRead(t *testing.T) {
	l := reading(t, raft.Config{}, 5)
	first := l.read(t, 1, 4)
	l.core.Propose(commands(1, 1))
	l.pay()
	l.take()
	second := l.read(t, 2, 4)
	if second <= first {
		t.Fatalf("the round of the second read is %d, of the first %d", second, first)
	}
	for range 3 {
		l.answer(t, 2, first)
	}
	if got := l.answer(t, 3, first); tokens(got) != "[1]" || got[0].Index != 1 {
		t.Errorf("got %+v, want the first read at 1", got)
	}
	for id := raft.NodeID(2); id <= 5; id++ {
		if got := l.answer(t, id, first); len(got) > 0 {
			t.Errorf("copies of answers to the first round: got %+v", got)
		}
	}
	l.answer(t, 4, second)
	if got := l.answer(t, 5, second); tokens(got) != "[2]" {
		t.Errorf("got %+v, want the second read", got)
	}
}

// An answer to anything that was sent after the read serves: its sender followed this leader then.
func TestAnyLaterAnswerConfirmsARead(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	l.read(t, 1, 2)
	l.core.Propose(commands(1, 1))
	l.pay()
	var seq uint64
	for _, m := range l.take() {
		if m.Kind == raft.MsgAppend {
			seq = m.Seq
		}
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 2, Seq: seq})
	if got := tokens(l.reads); got != "[1]" {
		t.Errorf("got %s, want [1]", got)
	}
	// But not one that this leader never sent.
	l.read(t, 2, 2)
	if got := l.answer(t, 2, 1<<40); len(got) > 0 {
		t.Errorf("an answer to what was never sent: got %+v", got)
	}
}

// An answer to a leader of an older term names no message: the number is of another term, and might be one
// of this one's.
func TestAnswersToOlderTermsConfirmNothing(t *testing.T) {
	for _, kind := range []raft.MessageKind{raft.MsgAppend, raft.MsgHeartbeat, raft.MsgSnapshot} {
		l := server(t, 3, 1, 5)
		m := raft.Message{Kind: kind, From: 2, Term: 4, Seq: 9}
		if kind == raft.MsgSnapshot {
			m.Chunk = &raft.Chunk{Snapshot: raft.Snapshot{
				Last: raft.EntryID{Term: 4, Index: 9}, Configuration: raft.NewConfiguration(1, 2, 3),
			}}
		}
		reply := one(t, l.get(t, m), raft.MsgAppendReply)
		if reply.Seq != 0 || !reply.Reject || reply.Term != 5 {
			t.Errorf("%v: got %+v, want a refusal of term 5 without a number", kind, reply)
		}
	}
}

// thesis §6.4: "the leader can use a single round of heartbeats to satisfy any number of queries"; and
// while rounds are under way more wait for the next, so that the number of rounds is bounded.
func TestReadsShareRounds(t *testing.T) {
	l := reading(t, raft.Config{}, 3)
	beats := 0
	for token := range uint64(1000) {
		l.core.ReadIndex(token)
		if token%10 == 0 {
			l.pay()
			for _, m := range l.take() {
				if m.Kind == raft.MsgHeartbeat && m.To == 2 {
					beats++
				}
			}
		}
	}
	if beats < 1 || beats > 4 {
		t.Errorf("%d rounds under way for 1000 reads, want at most 4", beats)
	}
	for range 5 {
		l.core.Tick()
		l.pay()
		for _, m := range l.take() {
			if m.Kind == raft.MsgHeartbeat && m.To == 2 {
				l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 2, Term: 1, Seq: m.Seq})
			}
		}
	}
	if got := len(l.reads); got != 1000 {
		t.Errorf("%d reads were answered, want 1000", got)
	}
}

// A read that is asked for at a server without followers is its own majority.
func TestOneServerReadsAtOnce(t *testing.T) {
	l := reading(t, raft.Config{}, 1)
	l.core.ReadIndex(3)
	l.pay()
	if got := tokens(l.reads); got != "[3]" || l.reads[0].Index != 1 {
		t.Errorf("got %+v, want the read at 1", l.reads)
	}
}

// §6: a round of a joint configuration is one in both halves.
func TestJointReadNeedsBothMajorities(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.join(1, 4)
	c.join(1, 5)
	c.tick(electionTicks)
	c.cut = func(m raft.Message) bool { return m.Kind == raft.MsgAppendReply || m.From > 3 }
	c.change(1, raft.Change{Kind: raft.Promote, ID: 4}, raft.Change{Kind: raft.Promote, ID: 5},
		raft.Change{Kind: raft.Remove, ID: 2}, raft.Change{Kind: raft.Remove, ID: 3})
	c.core(1).ReadIndex(1)
	c.settle()
	if got := c.nodes[1].reads; len(got) > 0 {
		t.Errorf("the old servers alone confirmed %+v", got)
	}
	c.cut = func(m raft.Message) bool { return m.Kind == raft.MsgAppendReply || m.From == 2 || m.From == 3 }
	c.core(1).ReadIndex(2)
	c.settle()
	c.tick(electionTicks/3, 1)
	if got := tokens(c.nodes[1].reads); got != "[1]" {
		t.Errorf("got %s, want [1], which both halves have answered", got)
	}
	c.heal()
	c.tick(electionTicks, 1)
	if got := tokens(c.nodes[1].reads); got != "[1 2]" {
		t.Errorf("got %s, want both", got)
	}
}

// thesis §6.4: a leader that is deposed answers no reads; whoever asked is told, once.
func TestDeposedLeaderFailsItsReads(t *testing.T) {
	for name, depose := range map[string]func(*lone){
		"newer term": func(l *lone) { l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 2}) },
		"no quorum": func(l *lone) {
			for range 3 * electionTicks {
				l.core.Tick()
			}
		},
		"its driver": func(l *lone) { l.core.StepDown() },
	} {
		l := reading(t, raft.Config{}, 3)
		l.read(t, 1, 2)
		l.core.ReadIndex(2) // not in a round yet
		l.get(t, raft.Message{Kind: raft.MsgReadIndex, From: 3, Term: 1, Seq: 77})
		depose(l)
		l.pay()
		if len(l.reads) != 2 || !errors.Is(l.reads[0].Err, raft.ErrNotLeader) ||
			!errors.Is(l.reads[1].Err, raft.ErrNotLeader) {
			t.Errorf("%s: got %+v, want both refused", name, l.reads)
		}
		told := slices.ContainsFunc(l.take(), func(m raft.Message) bool {
			return m.Kind == raft.MsgReadIndexReply && m.To == 3 && m.Seq == 77 && m.Reject
		})
		if name == "its driver" && !told {
			t.Errorf("%s: the follower that asked was not told", name)
		}
	}
}

// thesis §6.4: "followers [...] issue a request to the leader that just asked for the current readIndex;
// the leader would execute steps 1–3".
func TestFollowerReadsThroughItsLeader(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.propose(1, 3)
	c.settle()
	c.core(2).ReadIndex(5)
	c.settle()
	if got := c.nodes[2].reads; len(got) != 1 || got[0].Err != nil || got[0].Token != 5 || got[0].Index != 4 {
		t.Fatalf("got %+v, want token 5 at 4", got)
	}
	// The answer brings the commit index with it: the read need not wait for the next heartbeat.
	if got := c.core(2).CommitIndex(); got != 4 {
		t.Errorf("committed %d at the follower, want 4", got)
	}
	c.isolate(1)
	c.core(3).ReadIndex(6)
	c.tick(1, 3)
	if got := c.nodes[3].reads; len(got) > 0 {
		t.Errorf("without its leader: got %+v so soon", got)
	}
	c.tick(electionTicks, 3)
	if got := c.nodes[3].reads; len(got) != 1 || !errors.Is(got[0].Err, raft.ErrNotLeader) {
		t.Errorf("without its leader: got %+v, want a refusal within an election timeout", got)
	}
}

// The question or the answer may be lost while the leader is heard: the read is failed, for its caller to ask again.
func TestForwardedReadExpires(t *testing.T) {
	l := server(t, 3, 1)
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
	l.core.ReadIndex(1)
	for tick := 1; tick <= electionTicks; tick++ {
		if l.pay(); len(l.reads) > 0 {
			t.Fatalf("tick %d: got %+v, want an answer waited for", tick, l.reads)
		}
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
		l.core.Tick()
	}
	l.pay()
	if len(l.reads) != 1 || !errors.Is(l.reads[0].Err, raft.ErrNotLeader) ||
		!strings.Contains(l.reads[0].Err.Error(), "server 2 does not answer") {
		t.Errorf("got %+v, want it failed after an election timeout", l.reads)
	}
}

// The follower takes no more of the leader's commit index than it is known to share with it.
func TestReadAnswerCommitsOnlyWhatIsShared(t *testing.T) {
	l := server(t, 3, 1, 1, 1)
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 2, Span: raft.Span{Prev: l.id(1)}})
	l.core.ReadIndex(1)
	l.pay()
	m := one(t, l.take(), raft.MsgReadIndex)
	answer := raft.Message{Kind: raft.MsgReadIndexReply, From: 2, Term: 2, Commit: 3, Seq: m.Seq}
	for name, wrong := range map[string]raft.Message{
		"another number": {Kind: raft.MsgReadIndexReply, From: 2, Term: 2, Commit: 3, Seq: m.Seq + 1},
		"not the leader": {Kind: raft.MsgReadIndexReply, From: 3, Term: 2, Commit: 3, Seq: m.Seq},
	} {
		if l.get(t, wrong); len(l.reads) > 0 {
			t.Errorf("%s: got %+v", name, l.reads)
		}
	}
	l.get(t, answer)
	l.get(t, answer)
	if len(l.reads) != 1 || l.reads[0].Index != 3 || l.core.CommitIndex() != 1 {
		t.Errorf("got %+v and commit index %d, want one read at 3, and 1", l.reads, l.core.CommitIndex())
	}
}

// Reads are numbered anew by each life of a server: an answer to an earlier one confirms nothing.
func TestReadNumbersNeverComeAgain(t *testing.T) {
	seen := map[uint64]bool{}
	for life := range uint64(3) {
		l := newLone(t, raft.Config{Incarnation: life}, raft.Boot{})
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
		for token := range uint64(5) {
			l.core.ReadIndex(token)
		}
		l.pay()
		for _, m := range l.take() {
			if seen[m.Seq] {
				t.Errorf("number %d was used in two lives", m.Seq)
			}
			seen[m.Seq] = true
		}
	}
	if len(seen) != 15 {
		t.Errorf("%d numbers, want 15", len(seen))
	}
}

func TestReadRefusals(t *testing.T) {
	l := newLone(t, raft.Config{ReadsMax: 2}, raft.Boot{})
	l.core.ReadIndex(1)
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
	for token := uint64(2); token <= 4; token++ {
		l.core.ReadIndex(token)
	}
	l.pay()
	if len(l.reads) != 2 || !errors.Is(l.reads[0].Err, raft.ErrNotLeader) || l.reads[0].Token != 1 ||
		!strings.Contains(l.reads[0].Err.Error(), "none is known") {
		t.Fatalf("got %+v, want token 1 refused for want of a leader", l.reads)
	}
	if r := l.reads[1]; r.Token != 4 || !errors.Is(r.Err, raft.ErrBusy) || !strings.Contains(r.Err.Error(), ": 2") {
		t.Errorf("got %+v, want token 4 refused with the cap", r)
	}
	// A leader at its cap refuses followers, too.
	l = reading(t, raft.Config{ReadsMax: 2}, 3)
	for seq := uint64(1); seq <= 3; seq++ {
		l.get(t, raft.Message{Kind: raft.MsgReadIndex, From: 2, Term: 1, Seq: seq})
	}
	l.core.ReadIndex(9)
	l.pay()
	if len(l.reads) != 1 || !errors.Is(l.reads[0].Err, raft.ErrBusy) {
		t.Errorf("got %+v, want %v", l.reads, raft.ErrBusy)
	}
	// And a follower that is asked by another.
	l = server(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
	if m := one(t, l.get(t, raft.Message{Kind: raft.MsgReadIndex, From: 3, Term: 1, Seq: 4}),
		raft.MsgReadIndexReply); !m.Reject || m.Seq != 4 {
		t.Errorf("got %+v, want a refusal of 4", m)
	}
}

// A network that takes longer than many heartbeats delays reads by that time, and no more.
func TestSlowNetworkAnswersReads(t *testing.T) {
	l := newLone(t, raft.Config{ElectionTicksMin: 30, HeartbeatTicks: 1, LeaseNanos: 1 << 40}, raft.Boot{})
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 1})
	l.take()
	l.core.ReadIndex(1)
	l.pay()
	var late [][]raft.Message
	for tick := range 100 {
		l.core.Tick()
		l.pay()
		late = append(late, l.take())
		if len(late) <= 25 {
			continue
		}
		for _, m := range late[0] {
			if m.To == 2 && m.Kind == raft.MsgHeartbeat {
				l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 2, Term: 1, Seq: m.Seq})
			}
		}
		late = late[1:]
		if len(l.reads) != 1 {
			t.Fatalf("tick %d: reads %v, and the heartbeats of 25 ticks before were answered", tick, l.reads)
		}
	}
	if l.core.Role() != raft.Leader || !l.atOnce(2) {
		t.Errorf("%v, want a leader with a lease, which any round that was answered gives", l.core.Role())
	}
}

// TestReadsAgainstAModel drives a leader of five with random answers, late, copied and lost: each token is
// answered once; none before a majority answered something that was sent after it was asked for; none below
// what was committed then.
func TestReadsAgainstAModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	type asked struct {
		sent   uint64 // the last Seq when it was asked for
		commit raft.Index
	}
	confirmed := 0
	for range 300 {
		l := reading(t, raft.Config{ReadsMax: 1 + rng.IntN(30)}, 5)
		waiting, answered := map[uint64]asked{}, map[uint64]int{}
		var sent uint64
		var flying []raft.Message
		acked := map[raft.NodeID]uint64{}
		for token := range uint64(200) {
			switch rng.IntN(6) {
			case 0, 1:
				waiting[token] = asked{sent: sent, commit: l.core.CommitIndex()}
				l.core.ReadIndex(token)
			case 2:
				l.core.Propose(commands(1, 1))
			case 3:
				l.core.Tick()
			default:
				if len(flying) == 0 {
					break
				}
				i := rng.IntN(len(flying))
				m := flying[i]
				reply := raft.Message{Kind: raft.MsgHeartbeatReply, From: m.To, Term: 1, Seq: m.Seq}
				if m.Kind == raft.MsgAppend {
					reply.Kind, reply.Match = raft.MsgAppendReply, m.Span.LastIndex()
				}
				acked[m.To] = max(acked[m.To], m.Seq)
				l.get(t, reply)
				flying = append(flying, l.take()...)
				if rng.IntN(4) > 0 {
					flying = slices.Delete(flying, i, i+1)
				}
			}
			l.pay()
			for _, m := range l.take() {
				sent = max(sent, m.Seq)
				flying = append(flying, m)
			}
			for _, m := range flying {
				sent = max(sent, m.Seq)
			}
			for _, r := range l.reads {
				answered[r.Token]++
				if r.Err != nil {
					continue
				}
				after := 0
				for _, seq := range acked {
					if seq > waiting[r.Token].sent {
						after++
					}
				}
				if a := waiting[r.Token]; after < 2 || r.Index < a.commit {
					t.Fatalf("token %d, asked for after %d at commit index %d, was answered with %d when %v had been answered",
						r.Token, a.sent, a.commit, r.Index, acked)
				}
				confirmed++
			}
			l.reads = nil
		}
		l.core.StepDown()
		l.pay()
		for _, r := range l.reads {
			answered[r.Token]++
		}
		for token := range waiting {
			if answered[token] != 1 {
				t.Fatalf("token %d was answered %d times", token, answered[token])
			}
		}
	}
	if confirmed < 1000 {
		t.Errorf("%d reads were confirmed: the test has lost its teeth", confirmed)
	}
}
