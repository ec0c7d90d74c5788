package raft_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/rafttest"
)

// leading returns a core that has just committed the no-op of term 1 as the only voter.
func leading(t *testing.T, cfg raft.Config) *lone {
	t.Helper()
	cfg.ID, cfg.Voters = 1, []raft.NodeID{1}
	l := newLone(t, cfg, raft.Boot{})
	for l.core.Role() != raft.Leader {
		l.core.Tick()
		l.pay()
	}
	if got, want := l.core.CommitIndex(), raft.Index(1); got != want {
		t.Fatalf("got commit index %d, want %d", got, want)
	}
	return l
}

func commands(n, size int) []raft.Entry {
	entries := make([]raft.Entry, n)
	for i := range entries {
		entries[i].Data = make([]byte, size)
	}
	return entries
}

func TestProposeAtTheCapTakesAPrefix(t *testing.T) {
	for _, c := range []struct {
		name            string
		cfg             raft.Config
		offered, taken  int
		offeredAndTaken int // in a second call, without anything committed in between
	}{
		{"entries", raft.Config{UncommittedEntriesMax: 5}, 7, 5, 0},
		{"entries, in two calls", raft.Config{UncommittedEntriesMax: 5}, 3, 3, 2},
		{"bytes: one over the cap", raft.Config{UncommittedBytesMax: 3 * (10 + raft.EntryOverheadBytes)}, 7, 3, 0},
		{"one entry larger than the cap", raft.Config{UncommittedBytesMax: 1}, 7, 1, 0},
		{"no cap reached", raft.Config{}, 7, 7, 7},
	} {
		l := leading(t, c.cfg)
		entries := commands(c.offered, 10)
		entries[0].Data[0] = 'a'
		if got := l.core.Propose(entries); got != c.taken {
			t.Errorf("%s: took %d of %d, want %d", c.name, got, c.offered, c.taken)
		}
		if got := l.core.Propose(commands(7, 10)); got != c.offeredAndTaken {
			t.Errorf("%s: then took %d of 7, want %d", c.name, got, c.offeredAndTaken)
		}
		l.pay()
		want := raft.Index(1 + c.taken + c.offeredAndTaken)
		if got := l.core.CommitIndex(); got != want {
			t.Errorf("%s: committed %d, want %d", c.name, got, want)
		}
		if len(l.log) < 2 || l.log[1].Data[0] != 'a' || l.log[1].Kind != raft.EntryCommand || l.log[1].Term != 1 {
			t.Errorf("%s: got log %v, want the first proposal at index 2", c.name, l.log)
		}
		if got := l.core.Propose(commands(1, 10)); got != 1 {
			t.Errorf("%s: took %d of 1 when all is committed, want 1", c.name, got)
		}
	}
}

func TestProposeTakesNothingWithoutLeadership(t *testing.T) {
	l := newLone(t, raft.Config{}, raft.Boot{})
	if got := l.core.Propose(commands(3, 1)); got != 0 || l.core.LastIndex() != 0 {
		t.Errorf("a follower took %d proposals, its log ends at %d; want 0 and 0", got, l.core.LastIndex())
	}
}

func TestTailIsBounded(t *testing.T) {
	for _, cfg := range []raft.Config{{TailEntriesMax: 8}, {TailBytesMax: 8 * (10 + raft.EntryOverheadBytes)}} {
		l := leading(t, cfg)
		for range 100 {
			l.core.Propose(commands(7, 10))
			l.pay()
			if s := l.core.Status(); s.TailEntries > 8 {
				t.Fatalf("%d committed entries of %d bytes in memory, at most 8", s.TailEntries, s.TailBytes)
			}
		}
		if got, want := l.applied, raft.Index(701); got != want {
			t.Errorf("applied %d, want %d", got, want)
		}
	}
}

// TestFollowerTakesNoMoreThanItsCap: a leader with a larger cap than the follower's cannot fill the
// follower's memory.
func TestFollowerTakesNoMoreThanItsCap(t *testing.T) {
	l := newLone(t, raft.Config{UncommittedEntriesMax: 4}, raft.Boot{})
	entries := []raft.Entry{{Term: 1, Kind: raft.EntryNoop}}
	for range 9 {
		entries = append(entries, raft.Entry{Term: 1, Kind: raft.EntryCommand})
	}
	m := raft.Message{Kind: raft.MsgAppend, From: 2, To: 1, Term: 1, Span: raft.Span{Entries: entries}}
	if err := l.core.Step(m); err != nil {
		t.Fatal(err)
	}
	l.pay()
	if got, want := l.core.LastIndex(), raft.Index(4); got != want {
		t.Errorf("the follower holds %d uncommitted entries, want %d", got, want)
	}
	if sent := l.take(); len(sent) != 1 || sent[0].Reject || sent[0].Match != 4 {
		t.Errorf("got answers %+v, want one that says match 4", sent)
	}
}

// A cap that was lowered does not keep the log from being committed: what earlier leaders left is taken, and the no-op
// of the term that commits it (§5.4.2).
func TestLoweredCapTakesWhatEarlierLeadersLeft(t *testing.T) {
	l := newLone(t, raft.Config{UncommittedEntriesMax: 4, UncommittedBytesMax: 100}, raft.Boot{})
	prev := raft.EntryID{}
	for range 40 {
		span := raft.Span{Prev: prev, Entries: entriesOf(slices.Repeat([]raft.Term{1}, 10)...)}
		l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 2, Span: span})
		prev = span.Last()
	}
	noop := raft.Span{Prev: prev, Entries: []raft.Entry{{Term: 2, Kind: raft.EntryNoop}}}
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 2, Term: 2, Span: noop})
	if got := l.core.LastIndex(); got != 401 {
		t.Errorf("the log ends at %d, want 401", got)
	}
}

// A leader whose disk hangs, and has too much to do already, does not keep others from knowing that another one leads.
func TestLeaderWithAFullDiskGivesWay(t *testing.T) {
	const most = 300 // writes under way
	l := newLone(t, raft.Config{ElectionTicksMin: electionTicks, UncommittedEntriesMax: most}, raft.Boot{})
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: l.core.Term(), Match: 1})
	for range most {
		l.core.Propose(entriesOf(1))
		l.core.Ready(&raft.Ready{}) // a write of its own each, and none is ever done
	}
	term := l.core.Term()
	far := raft.EntryID{Term: term, Index: 999}
	for _, c := range []struct {
		m    raft.Message
		want raft.Role
	}{
		{raft.Message{Kind: raft.MsgPreVote, From: 2, To: 1, Term: term + 1, Last: far}, raft.Leader},
		{raft.Message{Kind: raft.MsgVote, From: 2, To: 1, Term: term + 1, Last: far}, raft.Leader},
		{raft.Message{Kind: raft.MsgHeartbeat, From: 2, To: 1, Term: term + 1}, raft.Follower},
	} {
		if err := l.core.Step(c.m); err != nil {
			t.Fatal(err)
		}
		if got := l.core.Role(); got != c.want || l.core.Term() != term {
			t.Errorf("after %v: %v in term %d, want %v in term %d", c.m.Kind, got, l.core.Term(), c.want, term)
		}
	}
}

// TestTruncationIsAlwaysWritten: a follower over its cap that removes entries takes at least one in their
// place, so that the disk never holds a longer log than the core.
func TestTruncationIsAlwaysWritten(t *testing.T) {
	terms := []raft.Entry{{Term: 1, Kind: raft.EntryCommand}, {Term: 1, Kind: raft.EntryCommand}}
	boot := raft.Boot{
		Log:  raft.LogState{HardState: raft.HardState{Term: 1}, Last: raft.EntryID{Term: 1, Index: 2}},
		Tail: raft.Span{Entries: terms},
	}
	l := newLone(t, raft.Config{UncommittedEntriesMax: 1}, boot)
	l.log = slices.Clone(terms)
	m := raft.Message{Kind: raft.MsgAppend, From: 2, To: 1, Term: 2, Span: raft.Span{
		Prev: raft.EntryID{Term: 1, Index: 1}, Entries: entriesOf(2, 2),
	}}
	if err := l.core.Step(m); err != nil {
		t.Fatal(err)
	}
	l.pay()
	if got, want := l.terms(), "[1 2]"; got != want || l.core.LastIndex() != 2 {
		t.Errorf("on disk %s and in memory %d entries, want %s and 2", got, l.core.LastIndex(), want)
	}
}

// TestTruncationBeforeTheWrite: what was removed before it was handed over is not written at all, and what
// was handed over is not touched.
func TestTruncationBeforeTheWrite(t *testing.T) {
	l := newLone(t, raft.Config{}, raft.Boot{})
	give := func(term raft.Term, prev raft.EntryID, terms ...raft.Term) {
		t.Helper()
		m := raft.Message{Kind: raft.MsgAppend, From: 2, To: 1, Term: term}
		m.Span = raft.Span{Prev: prev, Entries: entriesOf(terms...)}
		if err := l.core.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	give(1, raft.EntryID{}, 1, 1, 1)
	give(1, raft.EntryID{Term: 1, Index: 3}, 1, 1)
	give(2, raft.EntryID{Term: 1, Index: 2}, 2)
	var r raft.Ready
	l.core.Ready(&r)
	var got []string
	for _, s := range r.Append {
		got = append(got, fmt.Sprintf("%d entries after %v", len(s.Entries), s.Prev))
	}
	if want := "[2 entries after 0.0 1 entries after 1.2]"; fmt.Sprint(got) != want {
		t.Errorf("got %v to write, want %s", got, want)
	}
}

// TestSentEntriesNeverChange: a leader that lost its term and overwrites its log leaves what it sent as it
// was, since a transport may still hold it.
func TestSentEntriesNeverChange(t *testing.T) {
	l := server(t, 3)
	l.lead(t, 3)
	l.get(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Term: 1, Match: 1})
	for range 3 {
		l.core.Propose(commands(1, 1)) // one by one, so that the log has room behind its end
		l.pay()
	}
	sent := l.take()
	l.get(t, raft.Message{Kind: raft.MsgAppend, From: 3, Term: 2, Span: raft.Span{
		Prev: raft.EntryID{Term: 1, Index: 1}, Entries: entriesOf(2, 2, 2),
	}})
	if got, want := l.terms(), "[1 2 2 2]"; got != want {
		t.Fatalf("got log %s, want %s", got, want)
	}
	for _, m := range sent {
		for _, e := range m.Span.Entries {
			if e.Term != 1 {
				t.Fatalf("a message of term 1 now carries an entry of term %d", e.Term)
			}
		}
	}
	if len(sent) != 3 {
		t.Errorf("got %d messages, want 3 to the follower that answered", len(sent))
	}
}

// TestOwnVoteCountsWhenDurable: the completion of an earlier write is not that of the vote.
func TestOwnVoteCountsWhenDurable(t *testing.T) {
	cfg := raft.Config{ID: 1, Voters: []raft.NodeID{1, 2}, ElectionTicksMin: 5, NoPreVote: true}
	core, err := raft.New(cfg, raft.Boot{})
	if err != nil {
		t.Fatal(err)
	}
	var r raft.Ready
	if err := core.Step(raft.Message{Kind: raft.MsgHeartbeat, From: 2, To: 1, Term: 1}); err != nil {
		t.Fatal(err)
	}
	core.Ready(&r)
	for core.Term() < 2 {
		core.Tick()
	}
	core.Ready(&r)
	core.Synced(1)
	if err := core.Step(raft.Message{Kind: raft.MsgVoteReply, From: 2, To: 1, Term: 2}); err != nil {
		t.Fatal(err)
	}
	if got := core.Role(); got != raft.Candidate {
		t.Errorf("%v when term 1 is durable, in term 2; want a candidate", got)
	}
	core.Synced(2)
	if got := core.Role(); got != raft.Leader {
		t.Errorf("%v when the vote of term 2 is durable; want a leader", got)
	}
}

// TestSlowDiskDelaysElection: a candidate whose disk is slower than the election timeout does not begin
// again and again, which would never end.
func TestSlowDiskDelaysElection(t *testing.T) {
	l := newLone(t, raft.Config{Voters: []raft.NodeID{1}, ElectionTicksMin: 5}, raft.Boot{})
	var r raft.Ready
	for range 100 {
		l.core.Tick()
		l.core.Ready(&r)
	}
	if got := l.core.Term(); got != 1 {
		t.Errorf("term %d while the vote of term 1 is being written; want 1", got)
	}
	l.core.Synced(1)
	if got := l.core.Role(); got != raft.Leader {
		t.Errorf("%v when the vote is durable; want a leader", got)
	}
}

func TestLargestLimitsAreNoLimits(t *testing.T) {
	const most = math.MaxInt
	cfg := raft.Config{
		ElectionTicksMin: 10, ElectionTicksMax: 20, MessageEntriesMax: raft.MessageEntriesLimit,
		MessageBytesMax: most, InflightMessagesMax: most,
		InflightBytesMax: most, UncommittedEntriesMax: most, UncommittedBytesMax: most, TailEntriesMax: most,
		TailBytesMax: most, ApplyBytesMax: most,
	}
	c, err := rafttest.New(rafttest.Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	c.Timeout(1)
	c.Settle()
	for range 3 {
		c.Propose(1, "a", "b")
		c.Settle()
	}
	if got, want := c.Committed(), raft.Index(7); got != want {
		t.Errorf("committed %d, want %d", got, want)
	}
	if got, want := c.Node(1).Core().Status().TailEntries, 7; got != want {
		t.Errorf("%d entries in memory, want %d", got, want)
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}

func TestConfigNamesEachFault(t *testing.T) {
	good := raft.Config{ID: 1, Voters: []raft.NodeID{1, 2, 3}}
	if err := good.WithDefaults().Validate(); err != nil {
		t.Fatalf("the defaults are invalid: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(*raft.Config)
		want   []string
	}{
		{"no ID", func(c *raft.Config) { c.ID = 0 }, []string{"ID: 0", "not one of the servers"}},
		{"foreign ID", func(c *raft.Config) { c.ID = 9 }, []string{"ID: 9 is not one of the servers 1 2 3"}},
		{"not a voter", func(c *raft.Config) { c.Voters = []raft.NodeID{2, 3} },
			[]string{"ID: 1 is not one of the servers 2 3"}},
		{"negative lease", func(c *raft.Config) { c.LeaseNanos = -1 }, []string{"LeaseNanos: -1; want at least 0"}},
		{"lease without denial", func(c *raft.Config) { c.LeaseNanos, c.NoCheckQuorum = 5, true },
			[]string{"LeaseNanos: 5 with NoCheckQuorum"}},
		{"voter 0", func(c *raft.Config) { c.Voters = []raft.NodeID{1, 0} }, []string{"Members: 0 is no server"}},
		{"twice", func(c *raft.Config) { c.Voters = []raft.NodeID{1, 2, 2} }, []string{"Members: 2 is named twice"}},
		{"election 1", func(c *raft.Config) { c.ElectionTicksMin = 1 }, []string{"ElectionTicksMin: 1; want at least 2"}},
		{"election range", func(c *raft.Config) { c.ElectionTicksMin, c.ElectionTicksMax = 9, 8 },
			[]string{"ElectionTicksMax: 8 is below ElectionTicksMin 9"}},
		{"heartbeat", func(c *raft.Config) { c.ElectionTicksMin, c.HeartbeatTicks = 9, 9 },
			[]string{"HeartbeatTicks: 9; want below ElectionTicksMin 9"}},
		{"heartbeat -1", func(c *raft.Config) { c.HeartbeatTicks = -1 }, []string{"HeartbeatTicks: -1; want at least 1"}},
		{"negative limits", func(c *raft.Config) {
			c.MessageEntriesMax, c.MessageBytesMax, c.InflightMessagesMax, c.InflightBytesMax = -1, -2, -3, -4
			c.UncommittedEntriesMax, c.UncommittedBytesMax, c.TailEntriesMax, c.TailBytesMax = -5, -6, -7, -8
			c.ApplyBytesMax = -9
		}, []string{"MessageEntriesMax: -1", "MessageBytesMax: -2", "InflightMessagesMax: -3", "InflightBytesMax: -4",
			"UncommittedEntriesMax: -5", "UncommittedBytesMax: -6", "TailEntriesMax: -7", "TailBytesMax: -8",
			"ApplyBytesMax: -9"}},
	} {
		cfg := good
		c.change(&cfg)
		_, err := raft.New(cfg, raft.Boot{})
		if err == nil {
			t.Errorf("%s: taken without an error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %q, want %q in it", c.name, err, want)
			}
		}
	}
}

func TestWithDefaultsChangesACopy(t *testing.T) {
	voters := []raft.NodeID{3, 1, 2}
	cfg := raft.Config{ID: 1, Voters: voters}
	set := cfg.WithDefaults()
	if cfg.ElectionTicksMin != 0 || !slices.Equal(voters, []raft.NodeID{3, 1, 2}) {
		t.Errorf("WithDefaults changed its receiver to %+v", cfg)
	}
	if got, want := fmt.Sprint(set.WithDefaults()), fmt.Sprint(set); got != want {
		t.Errorf("WithDefaults twice: got %s, want %s", got, want)
	}
}

func TestBootRefusesStorageThatContradictsItself(t *testing.T) {
	entries := []raft.Entry{{Term: 1, Kind: raft.EntryNoop}, {Term: 2, Kind: raft.EntryNoop}}
	good := raft.Boot{
		Log: raft.LogState{
			HardState: raft.HardState{Term: 3, Vote: 2, Commit: 1}, Last: raft.EntryID{Term: 2, Index: 2},
		},
		Tail:    raft.Span{Prev: raft.EntryID{Term: 1, Index: 1}, Entries: entries[1:]},
		Applied: 1,
	}
	cfg := raft.Config{ID: 1, Voters: []raft.NodeID{1, 2, 3}}
	if _, err := raft.New(cfg, good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*raft.Boot){
		"applied beyond the log":   func(b *raft.Boot) { b.Applied = 3 },
		"commit beyond the log":    func(b *raft.Boot) { b.Log.HardState.Commit = 3 },
		"term older than the log":  func(b *raft.Boot) { b.Log.HardState.Term = 1 },
		"tail too long":            func(b *raft.Boot) { b.Tail = raft.Span{Entries: entries} },
		"tail ends before the log": func(b *raft.Boot) { b.Tail.Entries = nil },
		"tail of another log":      func(b *raft.Boot) { b.Tail.Entries = entries[:1] },
	} {
		boot := good
		change(&boot)
		if _, err := raft.New(cfg, boot); err == nil {
			t.Errorf("%s: booted without an error", name)
		}
	}
}

// TestFetchErrorIsTriedAgain: entries that cannot be read now are asked for again at a later heartbeat.
func TestFetchErrorIsTriedAgain(t *testing.T) {
	c, err := rafttest.New(rafttest.Options{Config: raft.Config{TailEntriesMax: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c.Timeout(1)
	c.Settle()
	c.Crash(3, 0, 0)
	for range 5 {
		c.Propose(1, "x")
		c.Settle()
	}
	c.Restart(3)
	failed := 0
	for range 100 {
		if c.Node(1).Fetches() > 0 && failed < 3 {
			failed++
			c.Fetch(1, errors.New("disk on fire"))
		}
		for range c.Packets() {
			c.Deliver(0)
		}
		if failed == 3 {
			c.Settle()
		}
		c.Tick(1)
	}
	if failed != 3 || c.Node(3).Durable() != c.Node(1).Durable() {
		t.Errorf("after %d errors node 3 holds %v, want %v", failed, c.Node(3).Durable(), c.Node(1).Durable())
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}
