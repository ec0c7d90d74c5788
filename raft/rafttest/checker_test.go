package rafttest

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// logOf returns a log of commands with these terms.
func logOf(t *testing.T, data string, terms ...raft.Term) chainLog {
	t.Helper()
	l := chainLog{configurations: []raft.ConfigurationAt{{Configuration: raft.NewConfiguration(1, 2, 3)}}}
	var entries []raft.Entry
	for _, term := range terms {
		entries = append(entries, raft.Entry{Term: term, Kind: raft.EntryCommand, Data: []byte(data)})
	}
	if err := l.store(raft.Span{Entries: entries}); err != nil {
		t.Fatal(err)
	}
	return l
}

// appendConfig has node 1, which leads, append a configuration, as far as the checker can see.
func appendConfig(c *Cluster, k *Checker, next raft.Configuration) {
	n := c.Node(1)
	k.appends(n, []raft.Span{{Prev: n.log.last(), Entries: []raft.Entry{
		{Term: n.core.Term(), Kind: raft.EntryConfig, Data: next.AppendTo(nil)},
	}}})
}

// breachCase breaks one rule by hand.
type breachCase struct {
	rule   string
	breach func(t *testing.T, c *Cluster, k *Checker)
}

// TestCheckerSeesEachBreach breaks each rule by hand: a checker that sees nothing makes every run look safe.
func TestCheckerSeesEachBreach(t *testing.T) {
	checkBreaches(t, []breachCase{
		{"Election Safety", func(_ *testing.T, c *Cluster, k *Checker) {
			k.leaders[7] = 1
			k.elected(c.Node(2), 7)
		}},
		{"Leader Append-Only", func(t *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			k.appends(c.Node(1), []raft.Span{{Entries: []raft.Entry{{Term: 1}}}})
		}},
		{"Log Matching", func(t *testing.T, c *Cluster, k *Checker) {
			for id, data := range []string{"a", "b"} {
				log := logOf(t, data, 1)
				k.holds(c.nodes[id], &log, 1)
			}
		}},
		{"Leader Completeness", func(t *testing.T, c *Cluster, k *Checker) {
			log := logOf(t, "a", 1)
			k.committed = []commitment{{sum: log.sums[0], term: 1}}
			k.elected(c.Node(2), 2)
		}},
		{"State Machine Safety", func(t *testing.T, c *Cluster, k *Checker) {
			for id, data := range []string{"a", "b"} {
				n := c.nodes[id]
				n.disk.log = logOf(t, data, 1)
				k.applies(n, raft.Apply{Span: n.disk.log.span(0, 1), Upto: 1})
			}
		}},
		{"one vote a term", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Node(1).disk.hard = raft.HardState{Term: 5}
			k.sends(c.Node(1), raft.Message{Kind: raft.MsgVoteReply, From: 1, To: 2, Term: 4})
			k.sends(c.Node(1), raft.Message{Kind: raft.MsgVoteReply, From: 1, To: 3, Term: 4})
		}},
		{"no promise before durable", func(_ *testing.T, c *Cluster, k *Checker) {
			k.sends(c.Node(1), raft.Message{Kind: raft.MsgVoteReply, From: 1, To: 2, Term: 4})
		}},
		{"no promise before durable", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Node(1).disk.hard.Term = 4
			k.sends(c.Node(1), raft.Message{Kind: raft.MsgAppendReply, From: 1, To: 2, Term: 4, Match: 1})
		}},
		{"commits are durable on a majority", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			c.Propose(1, "x")
			c.Sync(1)
			c.Node(2).format()
			c.Node(3).format()
			k.committed = nil
			k.commits(c.Node(1), true)
		}},
		{"match is durable", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			c.Node(2).format()
			k.checkPeers(c.Node(1))
		}},
		{"immutable messages", func(_ *testing.T, c *Cluster, _ *Checker) {
			c.Timeout(1)
			for c.Leader() == nil {
				c.settleOnce()
			}
			for i := range c.net.packets {
				if entries := c.net.packets[i].message.Span.Entries; len(entries) > 0 {
					entries[0].Kind = raft.EntryConfig
				}
			}
			c.Settle()
		}},
	})
}

// TestCheckerSeesBreachesOfMembership does the same for configurations, snapshots and reads.
func TestCheckerSeesBreachesOfMembership(t *testing.T) {
	checkBreaches(t, []breachCase{
		{"leaders have the votes of a majority", func(_ *testing.T, c *Cluster, k *Checker) {
			k.elected(c.Node(1), 7)
		}},
		{"committed entries stay", func(t *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			c.Node(1).seen.role = raft.Follower
			c.Node(2).seen.commit = 1
			k.appends(c.Node(2), []raft.Span{{Entries: []raft.Entry{{Term: 1}}}})
		}},
		{"no change before the own term is committed", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			for c.Leader() == nil {
				c.settleOnce()
			}
			appendConfig(c, k, raft.NewConfiguration(1, 2, 3, 4))
		}},
		{"one change at a time", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			appendConfig(c, k, raft.NewConfiguration(1, 2, 3, 4))
			appendConfig(c, k, raft.NewConfiguration(1, 2, 3, 4, 5))
		}},
		{"quorums of adjacent configurations intersect", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			appendConfig(c, k, raft.NewConfiguration(1, 2, 3, 4, 5))
		}},
		{"names are given once", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			c.Node(1).log.configurations[0].Configuration.LastID = 4
			next := raft.NewConfiguration(1, 2, 3, 4)
			appendConfig(c, k, next)
		}},
		{"the log's last configuration counts", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Node(1).log.configurations[0].Configuration = raft.NewConfiguration(1, 2)
			k.observe(c.Node(1))
		}},
		{"reads see all that was committed", func(_ *testing.T, c *Cluster, k *Checker) {
			k.committed = make([]commitment, 2)
			k.asked(c.Node(1), 1)
			k.answered(c.Node(1), raft.Read{Token: 1, Index: 1})
		}},
		{"reads are answered once", func(_ *testing.T, c *Cluster, k *Checker) {
			k.asked(c.Node(1), 1)
			k.answered(c.Node(1), raft.Read{Token: 1})
			k.answered(c.Node(1), raft.Read{Token: 1})
		}},
		{"snapshots are of what is committed", func(_ *testing.T, c *Cluster, k *Checker) {
			k.named(c.Node(1), raft.Snapshot{Last: raft.EntryID{Term: 1, Index: 1}})
		}},
		{"snapshots have the configuration as of them", func(_ *testing.T, c *Cluster, k *Checker) {
			k.committed = []commitment{{entry: 1}}
			k.named(c.Node(1), raft.Snapshot{
				Last: raft.EntryID{Term: 1, Index: 1}, Configuration: raft.NewConfiguration(1, 2),
			})
		}},
		{"installs keep what agrees", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			k.installs(c.Node(2), raft.Snapshot{
				Last: raft.EntryID{Term: 1, Index: 1}, Configuration: raft.NewConfiguration(1, 2, 3),
			})
		}},
		{"the log is forgotten after the state is durable", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			k.compacts(c.Node(1), raft.Snapshot{
				Last: raft.EntryID{Term: 1, Index: 1}, Configuration: raft.NewConfiguration(1, 2, 3),
			})
		}},
		{"State Machine Safety", func(_ *testing.T, c *Cluster, k *Checker) {
			c.Timeout(1)
			c.Settle()
			k.restored(c.Node(2), raft.Snapshot{Last: raft.EntryID{Term: 1, Index: 1}})
		}},
	})
}

func checkBreaches(t *testing.T, cases []breachCase) {
	t.Helper()
	for _, c := range cases {
		cluster, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.breach(t, cluster, cluster.checker)
		if err := cluster.Err(); err == nil || !strings.HasPrefix(err.Error(), c.rule+":") {
			t.Errorf("got %v, want a breach of %q", err, c.rule)
		}
	}
}

// TestSameCallsGiveTheSameRun compares two traces of one run.
func TestSameCallsGiveTheSameRun(t *testing.T) {
	run := func() string {
		var b strings.Builder
		c, err := New(Options{Nodes: 5, Trace: func(line string) { b.WriteString(line + "\n") }})
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			for _, n := range c.Nodes() {
				c.Tick(n.ID())
				c.Propose(n.ID(), "x")
			}
			c.settleOnce()
		}
		return b.String()
	}
	first := run()
	if !strings.Contains(first, "commits up to 100") {
		t.Error("little happened in this run")
	}
	if run() != first {
		t.Error("the same calls gave another run")
	}
}
