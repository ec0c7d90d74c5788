package raft_test

import (
	"math"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/progress"
)

// A: thesis §4.2.3 and §6.4.1
func TestProbeLateReplyOfANewerTermBreaksNoLease(t *testing.T) {
	for _, reply := range []raft.Message{
		{Kind: raft.MsgPreVoteReply, Reject: true}, {Kind: raft.MsgVoteReply, Reject: true}, {Kind: raft.MsgAppendReply, Reject: true},
		{Kind: raft.MsgHeartbeatReply}, {Kind: raft.MsgTimeoutNow}, {Kind: raft.MsgReadIndex}, {Kind: raft.MsgReadIndexReply},
	} {
		l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, LeaseNanos: 5}, raft.Boot{})
		l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 5, Seq: 1})
		reply.From, reply.Term = 3, 7
		l.get(t, reply)
		sent := l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: 8})
		for _, m := range sent {
			if m.Kind == raft.MsgVoteReply && !m.Reject {
				t.Errorf("%v of term 7, just after the leader was promised not to vote: voted in term 8", reply.Kind)
			}
		}
		sent = l.get(t, raft.Message{Kind: raft.MsgVote, From: 3, Term: 7})
		for _, m := range sent {
			if m.Kind == raft.MsgVoteReply && !m.Reject {
				t.Errorf("%v of term 7, just after the leader was promised not to vote: voted in term 7", reply.Kind)
			}
		}
	}
}

// B: thesis 6.4
func TestProbeSlowNetworkAnswersReads(t *testing.T) {
	l := newLone(t, raft.Config{ElectionTicksMin: 30, HeartbeatTicks: 1}, raft.Boot{})
	l.stand(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgVoteReply, From: 2, Term: 1})
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 1})
	l.take()
	l.core.ReadIndex(1)
	l.pay()
	var late [][]raft.Message
	for range 100 {
		l.core.Tick()
		l.pay()
		late = append(late, l.take())
		if len(late) > 10 {
			for _, m := range late[0] {
				if m.To == 2 && m.Kind == raft.MsgHeartbeat {
					l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 2, Term: 1, Seq: m.Seq})
				}
			}
			late = late[1:]
		}
	}
	if len(l.reads) != 1 || l.core.Role() != raft.Leader {
		t.Errorf("reads %v, %v: all heartbeats were answered after 10 ticks", l.reads, l.core.Role())
	}
}

// C
func TestProbeSlowDiskOfAFollowerIsNotFlooded(t *testing.T) {
	c := newCrowd(t, raft.Config{SnapshotChunkBytes: 1, SnapshotInflightBytes: 2, TailEntriesMax: 1}, 1, 2, 3)
	c.elect(1)
	c.isolate(3)
	c.propose(1, 9)
	c.settle()
	c.tick(3, 1, 2)
	c.nodes[1].compact(t, c.core(1).CommitIndex())
	c.heal()
	// the disk of 3 is slow
	slow := c.nodes[3]
	slow.stall = true
	lost := map[uint64]bool{}
	chunks := 0
	c.cut = func(m raft.Message) bool {
		if m.Kind == raft.MsgSnapshot {
			chunks++
			if (m.Chunk.Offset == 1 || m.Chunk.Offset == 2) && !lost[m.Chunk.Offset] && len(m.Chunk.Data) > 0 {
				lost[m.Chunk.Offset] = true
				return true
			}
		}
		return false
	}
	c.seen = func(m raft.Message) {
		if m.Chunk != nil {
			t.Log(m.Kind, m.Seq, m.Chunk.Offset, len(m.Chunk.Data), m.Reject)
		}
	}
	defer func() { t.Log(chunks, "chunks") }()
	c.tick(60)
}

func TestProbeAdaptive(t *testing.T) {
	w := progress.NewWindow(math.MaxInt, 100)
	w.MakeAdaptive()
	for range 100 {
		w.Widen()
	}
	if w.Limit() < 1 || w.Full() {
		t.Errorf("limit %d", w.Limit())
	}
}
