package raft_test

import (
	"math/rand/v2"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The claims of §6 about the joint phase.

// drawJoint draws halves of up to five servers each; server 1 is in at least one of them.
func drawJoint(rng *rand.Rand) (old, next []raft.NodeID) {
	for len(old) == 0 || len(next) == 0 || (old[0] != 1 && next[0] != 1) {
		old, next = nil, nil
		for id := raft.NodeID(1); id <= 6; id++ {
			if rng.IntN(2) == 0 {
				old = append(old, id)
			}
			if rng.IntN(2) == 0 {
				next = append(next, id)
			}
		}
	}
	return old, next
}

func others(c raft.Configuration) []raft.NodeID {
	var ids []raft.NodeID
	for _, m := range c.Members {
		if m.ID != 1 {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// §6: "Agreement (for elections and entry commitment) requires separate majorities from both the old and new
// configurations." Elections: random halves, random votes, against counting.
func TestJointElectionNeedsBothMajorities(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	won, lost := 0, 0
	for range 3000 {
		old, next := drawJoint(rng)
		c := jointOf(old, next)
		l := serverIn(t, c)
		l.standWith(t, others(c))
		yes, no := uint64(1)<<1, uint64(0)
		for _, id := range others(c) {
			answer := rng.IntN(3)
			if answer == 0 || l.core.Role() != raft.Candidate {
				continue
			}
			if answer == 1 {
				yes |= 1 << id
			} else {
				no |= 1 << id
			}
			l.get(t, raft.Message{Kind: raft.MsgVoteReply, From: id, Term: l.core.Term(), Reject: answer == 2})
		}
		want := raft.Candidate
		switch {
		case decides(c, yes):
			want = raft.Leader
			won++
		case !decides(c, ^no):
			want = raft.Follower
			lost++
		}
		if got := l.core.Role(); got != want {
			t.Fatalf("%v, yes %b, no %b: %v, want %v", c, yes, no, got, want)
		}
	}
	if won < 300 || lost < 300 {
		t.Errorf("%d elections won, %d lost: the test has lost its teeth", won, lost)
	}
}

// The same for commitment: random acknowledgements, against the largest index that both halves have.
func TestJointCommitNeedsBothMajorities(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 20))
	committed := 0
	for range 3000 {
		old, next := drawJoint(rng)
		c := jointOf(old, next)
		if len(others(c)) == 0 {
			continue // it has committed all before anybody is asked
		}
		l := serverIn(t, c)
		l.standWith(t, others(c))
		for _, id := range others(c) {
			if l.core.Role() == raft.Candidate {
				l.get(t, raft.Message{Kind: raft.MsgVoteReply, From: id, Term: 1})
			}
		}
		l.core.Propose(commands(5, 1))
		l.pay()
		match := map[raft.NodeID]raft.Index{1: 6}
		for _, id := range others(c) {
			match[id] = raft.Index(rng.IntN(7))
			if l.core.CommitIndex() > 0 || match[id] == 0 {
				match[id] = 0 // the first commit ends the joint phase
				continue
			}
			ack := raft.Message{Kind: raft.MsgAppendReply, From: id, To: 1, Term: 1, Match: match[id]}
			if err := l.core.Step(ack); err != nil {
				t.Fatal(err)
			}
		}
		want := raft.Index(0)
		for index := raft.Index(1); index <= 6; index++ {
			set := uint64(0)
			for id, m := range match {
				if m >= index {
					set |= 1 << id
				}
			}
			if decides(c, set) {
				want = index
			}
		}
		if got := l.core.CommitIndex(); got != want {
			t.Fatalf("%v with %v: committed %d, want %d", c, match, got, want)
		}
		if want > 0 {
			committed++
		}
	}
	if committed < 300 {
		t.Errorf("%d committed anything: the test has lost its teeth", committed)
	}
}

// The votes of a candidate count only in the half that it is in (scylladb#10618): outgoing, it cannot win
// C_new alone.
func TestCandidateVotesOnlyWhereItIsAMember(t *testing.T) {
	l := serverIn(t, jointOf([]raft.NodeID{1}, []raft.NodeID{2}))
	l.standWith(t, []raft.NodeID{2})
	if got := l.core.Role(); got != raft.Candidate {
		t.Errorf("%v with its own vote; server 2 alone is the new configuration", got)
	}
	l.get(t, raft.Message{Kind: raft.MsgVoteReply, From: 2, Term: 1})
	if got := l.core.Role(); got != raft.Leader {
		t.Errorf("%v with both votes, want a leader", got)
	}
}

// §6: "Once C_old,new has been committed [...] it is now safe for the leader to create a log entry
// describing C_new": not before, by this leader or the next, and once. "Log entries are replicated to all
// servers in both configurations."
func TestNewConfigurationFollowsTheCommittedJointOne(t *testing.T) {
	for _, successor := range []raft.NodeID{1, 2, 4} {
		c := newCrowd(t, raft.Config{}, 1, 2, 3)
		c.elect(1)
		for _, id := range []raft.NodeID{4, 5} {
			c.join(1, id)
		}
		finals := map[raft.NodeID]int{}
		c.seen = func(m raft.Message) {
			for _, e := range m.Span.Entries {
				if final, err := raft.DecodeConfiguration(e.Data); err == nil && e.Kind == raft.EntryConfig && !final.Joint() {
					finals[m.From]++
				}
			}
		}
		changes := []raft.Change{
			{Kind: raft.Promote, ID: 4}, {Kind: raft.Promote, ID: 5}, {Kind: raft.Remove, ID: 2}, {Kind: raft.Remove, ID: 3},
		}
		if successor == 2 {
			changes = changes[:2]
		}
		// The joint entry gets everywhere, and no acknowledgement comes back.
		c.cut = func(m raft.Message) bool { return m.Kind == raft.MsgAppendReply && m.To == 1 }
		c.change(1, changes...)
		c.tick(2)
		if joint, _ := c.core(1).Configuration(); !joint.Joint() || len(finals) > 0 {
			t.Fatalf("the joint entry is not committed: got %q, and %v sent the final one", joint, finals)
		}
		if successor != 1 {
			c.elect(successor)
		}
		c.heal()
		c.tick(2 * electionTicks)
		want := map[bool]string{true: "1 2 3 4 5", false: "1 4 5"}[successor == 2]
		if got := c.configuration(successor); got != want || c.core(successor).Role() != raft.Leader {
			t.Errorf("led by %d: got %q, want %q", successor, got, want)
		}
		configs := 0
		for _, e := range c.nodes[successor].log {
			if e.Kind == raft.EntryConfig {
				configs++
			}
		}
		if configs != 4 || len(finals) != 1 || finals[successor] == 0 {
			t.Errorf("led by %d: %d configurations in the log, final ones sent by %v; want 4, by %d",
				successor, configs, finals, successor)
		}
		c.sameLogs(1, 4, 5)
	}
}
