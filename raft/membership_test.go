package raft_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// The tests of this file are claims of §6 of the paper and chapter 4 of the thesis, in their order.

// serverIn returns server 1 of a cluster that begins with a configuration.
func serverIn(t *testing.T, c raft.Configuration) *lone {
	t.Helper()
	return newLone(t, raft.Config{ElectionTicksMin: electionTicks, Bootstrap: c}, raft.Boot{})
}

// with returns what changes to a configuration lead to.
func with(t *testing.T, c raft.Configuration, changes ...raft.Change) raft.Configuration {
	t.Helper()
	next, err := c.With(changes)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// jointOf returns C_old,new of two sets of voters.
func jointOf(old, next []raft.NodeID) raft.Configuration {
	members := map[raft.NodeID]*raft.Member{}
	c := raft.Configuration{}
	for id := range raft.NodeID(20) {
		members[id] = &raft.Member{ID: id}
	}
	for _, id := range old {
		members[id].Outgoing = true
	}
	for _, id := range next {
		members[id].Voter = true
	}
	for id := range raft.NodeID(20) {
		if m := members[id]; m.Voter || m.Outgoing {
			c.Members, c.LastID = append(c.Members, *m), id
		}
	}
	return c
}

func configEntry(term raft.Term, c raft.Configuration) raft.Entry {
	return raft.Entry{Term: term, Kind: raft.EntryConfig, Data: c.AppendTo(nil)}
}

// standWith lets the server ask for votes; all are willing.
func (l *lone) standWith(t *testing.T, others []raft.NodeID) {
	t.Helper()
	for range 2*electionTicks + 1 {
		if l.core.Role() == raft.Follower {
			l.core.Tick()
		}
	}
	l.pay()
	term := l.core.Term() + 1
	for _, id := range others {
		if l.core.Role() == raft.PreCandidate {
			l.get(t, raft.Message{Kind: raft.MsgPreVoteReply, From: id, Term: term})
		}
	}
	l.take()
}

func (l *lone) configuration() string {
	c, _ := l.core.Configuration()
	return c.String()
}

// §6: "Once a given server adds the new configuration entry to its log, it uses that configuration for all
// future decisions (a server always uses the latest configuration in its log, regardless of whether the
// entry is committed)."
func TestConfigurationCountsAsSoonAsItIsAppended(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.join(1, 4)
	c.isolate(1)
	c.change(1, raft.Change{Kind: raft.Promote, ID: 4})
	if s := c.core(1).Status(); s.Configuration.String() != "1 2 3 4" || s.ConfigurationIndex <= s.CommitIndex {
		t.Errorf("leader: got %q at %d, committed %d; want 1 2 3 4, not committed",
			s.Configuration, s.ConfigurationIndex, s.CommitIndex)
	}
	l := server(t, 3, 1)
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Span: raft.Span{
		Prev: l.id(1), Entries: []raft.Entry{configEntry(1, raft.NewConfiguration(1, 2, 3, 4, 5))},
	}})
	if got, want := l.configuration(), "1 2 3 4 5"; got != want {
		t.Errorf("follower: got %q, want %q", got, want)
	}
	l.standWith(t, []raft.NodeID{2, 3}) // two of five, and itself
	l.get(t, raft.Message{Kind: raft.MsgVoteReply, From: 2, Term: 2})
	if got := l.core.Role(); got != raft.Candidate {
		t.Errorf("%v with two votes of five, want a candidate", got)
	}
}

// thesis §4.1: "a server must be prepared to fall back to the previous configuration in its log": the entry
// can be removed as any other, and more than one.
func TestRemovedConfigurationNoLongerCounts(t *testing.T) {
	l := server(t, 3, 1)
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Span: raft.Span{Prev: l.id(1), Entries: []raft.Entry{
		configEntry(1, raft.NewConfiguration(1, 2, 3, 4)), {Term: 1, Kind: raft.EntryCommand},
		configEntry(1, raft.NewConfiguration(1, 2, 3, 4, 5)),
	}}})
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 3, Term: 2, Span: raft.Span{Prev: l.id(3), Entries: entriesOf(2)}})
	if got, want := l.configuration(), "1 2 3 4"; got != want {
		t.Errorf("the last of two was removed: got %q, want %q", got, want)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 3, Span: raft.Span{Prev: l.id(1), Entries: entriesOf(3)}})
	if got, want := l.configuration(), "1 2 3"; got != want {
		t.Errorf("both were removed: got %q, want %q", got, want)
	}
	if _, at := l.core.Configuration(); at != 0 {
		t.Errorf("the configuration of the begin is said to be from entry %d", at)
	}
}

// A restart finds the latest configuration of the log, committed or not (raft-dev: a new leader must adopt it).
func TestConfigurationsOutliveARestart(t *testing.T) {
	log := []raft.Entry{
		{Term: 1, Kind: raft.EntryNoop}, configEntry(1, raft.NewConfiguration(1, 2, 3, 4)),
		configEntry(1, raft.NewConfiguration(1, 2, 3, 4, 5)),
	}
	boot := raft.Boot{
		Log:  raft.LogState{HardState: raft.HardState{Term: 1, Commit: 2}, Last: raft.EntryID{Term: 1, Index: 3}},
		Tail: raft.Span{Prev: raft.EntryID{Term: 1, Index: 2}, Entries: log[2:]},
		Configurations: []raft.ConfigurationAt{
			{Index: 2, Configuration: raft.NewConfiguration(1, 2, 3, 4)},
			{Index: 3, Configuration: raft.NewConfiguration(1, 2, 3, 4, 5)},
		},
	}
	l := newLone(t, raft.Config{}, boot)
	l.log = log
	if got, want := l.configuration(), "1 2 3 4 5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 2, Span: raft.Span{Prev: l.id(2), Entries: entriesOf(2)}})
	if got, want := l.configuration(), "1 2 3 4"; got != want {
		t.Errorf("without the entry that is not committed: got %q, want %q", got, want)
	}
	boot.Log.First, boot.Applied = raft.EntryID{Term: 1, Index: 2}, 2
	boot.Log.Configuration, boot.Log.ConfigurationIndex = raft.NewConfiguration(1, 7), 2
	boot.Configurations = nil
	if l = newLone(t, raft.Config{}, boot); l.configuration() != "1 7" {
		t.Errorf("got %q, want 1 7, as of what the log begins after", l.configuration())
	}
}

// §6: "the cluster leader may not be part of the new configuration. In this case, the leader steps down
// (returns to follower state) once it has committed the C_new log entry. [...] there will be a period of
// time (while it is committing C_new) when the leader is managing a cluster that does not include itself;
// it replicates log entries but does not count itself in majorities." thesis §4.2.2, §3.10: it hands over.
func TestLeaderThatRemovesItself(t *testing.T) {
	for _, changes := range [][]raft.Change{
		{{Kind: raft.Remove, ID: 1}},
		{{Kind: raft.Demote, ID: 1}},
		{{Kind: raft.Remove, ID: 1}, {Kind: raft.Remove, ID: 4}}, // joint
	} {
		c := newCrowd(t, raft.Config{}, 1, 2, 3, 4)
		c.elect(1)
		c.isolate(1, 2)
		c.change(1, changes...)
		c.settle()
		leader := c.core(1)
		if got := c.core(2).LastIndex(); got != leader.LastIndex() || leader.Role() != raft.Leader {
			t.Fatalf("%v: %v, and a follower holds %d of %d", changes, leader.Role(), got, leader.LastIndex())
		}
		if got := leader.CommitIndex(); got != 1 {
			t.Errorf("%v: committed %d on itself and one of three others", changes, got)
		}
		c.heal()
		c.tick(1, 1)
		c.tick(electionTicks)
		if s := leader.Status(); s.Role == raft.Leader || s.CommitIndex < 2 {
			t.Errorf("%v: %v with commit index %d; want its own going committed, and a follower", changes, s.Role, s.CommitIndex)
		}
		successor := raft.None
		for _, id := range []raft.NodeID{2, 3} {
			if c.core(id).Role() == raft.Leader {
				successor = id
			}
		}
		if successor == raft.None {
			t.Fatalf("%v: nobody leads after the leader went", changes)
		}
		if got := c.core(successor).Term(); got != 2 {
			t.Errorf("%v: led in term %d, want 2: it was handed over", changes, got)
		}
	}
}

// thesis §4.2.2: the leader goes when its removal is committed, and not sooner, whatever else commits
// meanwhile.
func TestLeaderStaysUntilItsRemovalIsCommitted(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	leader := c.core(1)
	c.propose(1, 1)
	c.change(1, raft.Change{Kind: raft.Remove, ID: 1})
	c.nodes[1].pay()
	for _, id := range []raft.NodeID{2, 3} {
		c.nodes[1].get(t, raft.Message{Kind: raft.MsgAppendReply, From: id, Term: 1, Match: 2})
	}
	if leader.Role() != raft.Leader || leader.CommitIndex() != 2 || leader.TransferTo() != raft.None {
		t.Errorf("got %+v, want a leader of two others that has committed what came before its removal", leader.Status())
	}
	if n := leader.Propose(commands(1, 1)); n != 1 {
		t.Error("a leader that is going, and has not gone, takes no commands: the cluster stands still until it has")
	}
}

// §6: "servers disregard RequestVote RPCs when they believe a current leader exists [...] if a server
// receives a RequestVote RPC within the minimum election timeout of hearing from a current leader, it does
// not update its term or grant its vote." Also from servers that it has never heard of, and in every role
// that a member has.
func TestStrangersCannotDeposeALeader(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.join(1, 4)
	for _, id := range c.ids {
		for _, from := range []raft.NodeID{3, 9} {
			if from == id {
				continue
			}
			before := c.core(id).Status()
			sent := c.nodes[id].get(t, raft.Message{Kind: raft.MsgVote, From: from, Term: 7,
				Last: raft.EntryID{Term: 6, Index: 99}})
			after := c.core(id).Status()
			if len(sent) > 0 || after.Term != before.Term || after.Role != before.Role || after.Leader != before.Leader {
				t.Errorf("server %d is asked for its vote by %d: sent %+v, was %+v, is %+v", id, from, sent, before, after)
			}
		}
	}
}

// thesis §4.1: "Raft [...] allows only one server to be added or removed from the cluster at once": the
// next change waits for the commitment of the one before. The joint one waits until it is left.
func TestOneChangeAtATime(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.isolate(1)
	c.change(1, raft.Change{Kind: raft.AddLearner, ID: 4})
	again := []raft.Change{{Kind: raft.AddLearner, ID: 5}}
	if err := c.core(1).ChangeConfig(again); !errors.Is(err, raft.ErrChangePending) ||
		!strings.Contains(err.Error(), "1 2 3 +4") {
		t.Errorf("got %v, want %v with the one under way", err, raft.ErrChangePending)
	}
	c.heal()
	c.tick(electionTicks)
	if err := c.core(1).ChangeConfig(again); err != nil {
		t.Errorf("the one before is committed: got %v", err)
	}
	c.settle()
	// Joint: the first acknowledgements commit C_old,new, whose leader appends C_new in the same call.
	c.change(1, raft.Change{Kind: raft.Remove, ID: 2}, raft.Change{Kind: raft.Remove, ID: 3})
	if err := c.core(1).ChangeConfig(again); !errors.Is(err, raft.ErrChangePending) ||
		!strings.Contains(err.Error(), "→") {
		t.Errorf("got %v, want %v with the joint one", err, raft.ErrChangePending)
	}
	c.nodes[1].pay()
	last := c.core(1).LastIndex()
	c.nodes[1].get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: last})
	if err := c.core(1).ChangeConfig([]raft.Change{{Kind: raft.AddLearner, ID: 6}}); err != nil {
		// server 1 is its own majority in C_new, so that it is committed when it is durable
		t.Errorf("the joint one was left: got %v, %+v", err, c.core(1).Status())
	}
}

// thesis §4.1, and the bug in it (raft-dev, 2015): "a leader may not append a new configuration entry until
// it has committed an entry from its current term".
func TestNoChangeBeforeTheTermHasCommitted(t *testing.T) {
	l := server(t, 3, 1)
	l.lead(t, 3)
	change := []raft.Change{{Kind: raft.AddLearner, ID: 4}}
	err := l.core.ChangeConfig(change)
	if !errors.Is(err, raft.ErrTermNotCommitted) || l.core.LastIndex() != 2 {
		t.Errorf("got %v and a log up to %d, want %v and 2", err, l.core.LastIndex(), raft.ErrTermNotCommitted)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 2, Match: 1})
	if err := l.core.ChangeConfig(change); !errors.Is(err, raft.ErrTermNotCommitted) {
		t.Errorf("an entry of an older term is on a majority: got %v, want %v", err, raft.ErrTermNotCommitted)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 2, Match: 2})
	if err := l.core.ChangeConfig(change); err != nil {
		t.Errorf("the no-op is committed: got %v", err)
	}
}

// thesis §4.1: "A server accepts AppendEntries requests from a leader that is not part of the server's latest
// configuration", and "A server also grants its vote to a candidate that is not part of the server's latest
// configuration": its own may be the older one.
func TestRequestsAreProcessedWithoutTheConfiguration(t *testing.T) {
	l := server(t, 3, 1)
	sent := l.get(t, raft.Message{Kind: raft.MsgAppend, From: 9, Term: 2,
		Span: raft.Span{Prev: l.id(1), Entries: entriesOf(2)}})
	if m := one(t, sent, raft.MsgAppendReply); m.Reject || m.To != 9 || m.Match != 2 || l.core.Leader() != 9 {
		t.Errorf("got %+v and leader %d, want entry 2 taken from leader 9", m, l.core.Leader())
	}
	for _, kind := range []raft.MessageKind{raft.MsgPreVote, raft.MsgVote} {
		voter := server(t, 3, 1)
		sent = voter.get(t, raft.Message{Kind: kind, From: 9, Term: 2, Last: voter.id(1)})
		if len(sent) != 1 || sent[0].Reject || sent[0].To != 9 {
			t.Errorf("%v from a stranger: got %+v, want yes", kind, sent)
		}
	}
}

// thesis §4.2.1 (learners): a server without a vote is sent the log; it must still give the vote that it
// may have got by an entry that it has not seen (raft-rs#57, etcd#10998), and never stands itself.
func TestLearnersVoteWhenAskedAndNeverStand(t *testing.T) {
	c := with(t, raft.NewConfiguration(2, 3), raft.Change{Kind: raft.AddLearner, ID: 4})
	cfg := raft.Config{ID: 4, ElectionTicksMin: electionTicks, Bootstrap: c}
	l := newLone(t, cfg, raft.Boot{})
	for range 10 * electionTicks {
		l.core.Tick()
	}
	l.pay()
	if s := l.core.Status(); s.Role != raft.Follower || s.Term != 0 || len(l.take()) != 0 {
		t.Errorf("a learner that hears nobody: got %+v, want a silent follower in term 0", s)
	}
	if m := one(t, l.get(t, raft.Message{Kind: raft.MsgVote, From: 2, Term: 1}), raft.MsgVoteReply); m.Reject {
		t.Error("a learner refused its vote")
	}
	l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1})
	if sent := l.get(t, raft.Message{Kind: raft.MsgTimeoutNow, From: 2, Term: 1}); len(sent) > 0 ||
		l.core.Role() != raft.Follower {
		t.Errorf("a learner was told to campaign: %v, sent %+v", l.core.Role(), sent)
	}
	nobody := newLone(t, raft.Config{ID: 7, Voters: []raft.NodeID{}, ElectionTicksMin: electionTicks}, raft.Boot{})
	for range 10 * electionTicks {
		nobody.core.Tick()
	}
	nobody.pay()
	if got := nobody.core.Role(); got != raft.Follower || len(nobody.take()) > 0 {
		t.Errorf("a server that knows nobody is %v, want a silent follower", got)
	}
}

// thesis §4.2.1: "a new server joins the cluster as a non-voting member: the leader replicates log entries
// to it, but it is not yet counted towards majorities for voting or commitment purposes".
func TestLearnersCountNowhere(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	for _, id := range []raft.NodeID{4, 5} {
		c.join(1, id)
	}
	c.tick(electionTicks)
	c.sameLogs(1, 2, 3, 4, 5)
	before := c.core(1).CommitIndex()
	c.isolate(1, 4, 5)
	c.propose(1, 1)
	c.settle()
	if got := c.core(1).CommitIndex(); got != before {
		t.Errorf("committed %d on a leader and two learners, want %d", got, before)
	}
	if got, want := c.core(5).LastIndex(), c.core(1).LastIndex(); got != want {
		t.Errorf("a learner holds %d, want %d", got, want)
	}
	c.core(1).ReadIndex(1)
	c.settle()
	if len(c.nodes[1].reads) > 0 {
		t.Errorf("learners confirmed a read: %+v", c.nodes[1].reads)
	}
	c.tick(3 * electionTicks)
	if c.core(1).Role() == raft.Leader {
		t.Error("learners alone keep a leader")
	}
}

// thesis §4.2.1: "the leader [...] waits for the new server to catch up" before it gets a vote.
func TestPromotionWaitsForTheLog(t *testing.T) {
	c := newCrowd(t, raft.Config{PromoteLagMax: 5}, 1, 2, 3)
	c.elect(1)
	c.join(1, 4)
	c.isolate(4)
	c.propose(1, 6)
	c.settle()
	promote := []raft.Change{{Kind: raft.Promote, ID: 4}}
	err := c.core(1).ChangeConfig(promote)
	if !errors.Is(err, raft.ErrNotCaughtUp) || !strings.Contains(fmt.Sprint(err),
		"server 4 matches up to 2 of 8; want at most 5") {
		t.Errorf("got %v, want %v with what it has and the bound", err, raft.ErrNotCaughtUp)
	}
	c.heal()
	c.tick(electionTicks)
	c.isolate(4)
	c.propose(1, 5)
	c.settle()
	if err := c.core(1).ChangeConfig(promote); err != nil {
		t.Errorf("5 entries behind: got %v", err)
	}
	c.tick(electionTicks)
	if got, want := c.configuration(1), "1 2 3 4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	silent := newCrowd(t, raft.Config{}, 1, 2, 3)
	silent.elect(1)
	silent.join(1, 4)
	silent.isolate(4)
	silent.tick(3 * electionTicks)
	if err := silent.core(1).ChangeConfig(promote); !errors.Is(err, raft.ErrNotCaughtUp) {
		t.Errorf("a learner that is not heard: got %v, want %v", err, raft.ErrNotCaughtUp)
	}
}

// thesis §4.4 (availability): a change must not leave a majority that nobody hears.
func TestChangeLeavesAMajorityThatIsHeard(t *testing.T) {
	c := newCrowd(t, raft.Config{}, 1, 2, 3)
	c.elect(1)
	c.isolate(3)
	c.tick(3 * electionTicks)
	err := c.core(1).ChangeConfig([]raft.Change{{Kind: raft.Remove, ID: 2}})
	if !errors.Is(err, raft.ErrNoQuorum) || !strings.Contains(fmt.Sprint(err), "1 of 2, with 1 3") {
		t.Errorf("got %v, want %v with the count of those heard", err, raft.ErrNoQuorum)
	}
	c.change(1, raft.Change{Kind: raft.Remove, ID: 3})
	c.settle()
	if s := c.core(1).Status(); s.ConfigurationIndex > s.CommitIndex || s.Configuration.String() != "1 2" {
		t.Errorf("got %q, want the dead one removed", s.Configuration)
	}
}

// thesis §4.2.3: "servers that are not in C_new [...] will not receive heartbeats, so they will time out
// and start new elections", and must not disturb: not even without pre-vote, and by any number of terms.
func TestRemovedServerDisturbsNobody(t *testing.T) {
	for _, noPreVote := range []bool{false, true} {
		c := newCrowd(t, raft.Config{NoPreVote: noPreVote}, 1, 2, 3, 4)
		c.elect(1)
		c.cut = func(m raft.Message) bool { return m.To == 4 } // it never learns
		c.change(1, raft.Change{Kind: raft.Remove, ID: 4})
		c.settle()
		c.heal()
		term := c.core(1).Term()
		for range 20 {
			c.tick(electionTicks / 2)
			c.propose(1, 1)
		}
		if got := c.core(4).Term(); noPreVote && got < term+5 {
			t.Errorf("the removed server is in term %d: it has not tried", got)
		} else if !noPreVote && got != term {
			t.Errorf("pre-vote let the removed server into term %d, want %d", got, term)
		}
		for _, id := range []raft.NodeID{1, 2, 3} {
			if s := c.core(id).Status(); s.Term != term || s.Leader != 1 {
				t.Errorf("without pre-vote %v: server %d is in term %d under %d, want %d under 1", noPreVote, id, s.Term,
					s.Leader, term)
			}
		}
		if c.core(2).Status().Dropped == 0 {
			t.Error("what the removed server sent was not counted")
		}
		// Nor when nobody leads: it is known to be gone.
		c.isolate(1)
		c.tick(3 * electionTicks)
		for _, id := range []raft.NodeID{2, 3} {
			err := c.core(id).Step(raft.Message{Kind: raft.MsgVote, From: 4, To: id, Term: 99,
				Last: raft.EntryID{Term: 98, Index: 99}})
			if err == nil || c.core(id).Term() > 20 {
				t.Errorf("server %d takes a vote of term 99 from a removed one: %v, term %d", id, err, c.core(id).Term())
			}
		}
	}
}

// A server that was removed is still heard where its removal is not committed: it may be needed to commit it.
func TestServerIsHeardUntilItsRemovalIsCommitted(t *testing.T) {
	l := server(t, 3, 1)
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Span: raft.Span{
		Prev: l.id(1), Entries: []raft.Entry{configEntry(1, raft.Configuration{
			Members: []raft.Member{{ID: 1, Voter: true}, {ID: 2, Voter: true}}, LastID: 3,
		})},
	}})
	vote := raft.Message{Kind: raft.MsgVote, From: 3, To: 1, Term: 2, Last: raft.EntryID{Term: 1, Index: 2}}
	for range electionTicks {
		l.core.Tick()
	}
	l.take()
	if m := one(t, l.get(t, vote), raft.MsgVoteReply); m.Reject {
		t.Error("server 3 was refused, and its removal is not committed")
	}
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 3, Span: raft.Span{Prev: l.id(2)}, Commit: 2})
	vote.Term = 4
	if err := l.core.Step(vote); err == nil || l.core.Term() != 3 {
		t.Errorf("got %v and term %d: server 3 was removed for good", err, l.core.Term())
	}
}

// thesis §4.2.3 rests on the leader too: one that is not in the committed configuration any more finishes
// its work.
func TestRemovedLeaderIsFollowedUntilItGoes(t *testing.T) {
	l := server(t, 3, 1)
	without := raft.Configuration{Members: []raft.Member{{ID: 1, Voter: true}, {ID: 3, Voter: true}}, LastID: 3}
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 1, Commit: 2, Span: raft.Span{
		Prev: l.id(1), Entries: []raft.Entry{configEntry(1, without)},
	}})
	if got := l.core.CommitIndex(); got != 2 {
		t.Fatalf("committed %d, want the removal of the leader, at 2", got)
	}
	m := one(t, l.get(t, raft.Message{Kind: raft.MsgHeartbeat, From: 2, Term: 1, Seq: 5}), raft.MsgHeartbeatReply)
	if m.Seq != 5 {
		t.Errorf("got %+v, want an answer to the leader that is going", m)
	}
	if sent := l.get(t, raft.Message{Kind: raft.MsgTimeoutNow, From: 2, Term: 1}); len(sent) != 1 ||
		sent[0].Kind != raft.MsgVote {
		t.Errorf("got %+v, want the one left to stand at once: the leader handed over", sent)
	}
}

// Thesis §4.2.1: "a new server is caught up before it is added": one that never answered is not promoted,
// however short the log is.
func TestUnheardLearnerIsNotPromoted(t *testing.T) {
	l := server(t, 3)
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: l.core.Term(), Match: l.core.LastIndex()})
	l.pay()
	if err := l.core.ChangeConfig([]raft.Change{{Kind: raft.AddLearner, ID: 4}}); err != nil {
		t.Fatal(err)
	}
	l.pay()
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: l.core.Term(), Match: l.core.LastIndex()})
	promote := []raft.Change{{Kind: raft.Promote, ID: 4}}
	if err := l.core.ChangeConfig(promote); !errors.Is(err, raft.ErrNotCaughtUp) {
		t.Errorf("a learner that never answered: %v, want ErrNotCaughtUp", err)
	}
	l.get(t, raft.Message{Kind: raft.MsgHeartbeatReply, From: 4, Term: l.core.Term(), Seq: 1})
	if err := l.core.ChangeConfig(promote); !errors.Is(err, raft.ErrNotCaughtUp) {
		t.Errorf("a learner whose log is unknown: %v, want ErrNotCaughtUp", err)
	}
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 4, Term: l.core.Term(), Match: l.core.LastIndex()})
	if err := l.core.ChangeConfig(promote); err != nil {
		t.Errorf("a learner that has everything: %v", err)
	}
}
