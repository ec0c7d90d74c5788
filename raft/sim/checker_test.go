package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// calmWorld returns a cluster of three that has run without trouble for half a second, its leader and a follower.
func calmWorld(t *testing.T) (w *world, leader, follower *node) {
	t.Helper()
	w = newWorld(Options{Seed: 3}.WithDefaults(), scriptedPlan(3))
	w.plan.classes = 0
	for _, n := range w.nodes {
		w.start(n)
	}
	w.nextArrival()
	w.runUntil(time.Second)
	leader = w.leader()
	if committed := w.check.committedIndex(); w.violation != nil || leader == nil || committed < 20 {
		t.Fatalf("got violation %v, leader %v, %d committed; want a quiet cluster", w.violation, leader, committed)
	}
	return w, leader, w.nodes[int(leader.id)%3]
}

// breach is an invariant that is broken by hand.
type breach struct {
	rule rule
	name string
	make func(w *world, leader, follower *node)
}

func logBreaches() []breach {
	return []breach{
		{ruleElectionSafety, "two leaders of a term", func(w *world, l, f *node) { w.check.elected(f, l.core.Term()) }},
		{ruleElectionSafety, "a leader without a vote", func(w *world, l, _ *node) {
			l.log.configurations[0].Configuration = raft.NewConfiguration(8, 9)
			w.check.elected(l, l.core.Term())
		}},
		{ruleAppendOnly, "a leader writes over its log", func(w *world, l, _ *node) {
			w.check.appends(l, []raft.Span{{Prev: l.log.id(5), Entries: []raft.Entry{{Term: 9, Kind: raft.EntryNoop}}}})
		}},
		{ruleAppendOnly, "a leader's log gets shorter", func(w *world, l, _ *node) {
			l.seen.last = l.core.LastIndex() + 5
			w.observe(l)
		}},
		{ruleLogMatching, "one EntryID, two entries", func(w *world, l, f *node) {
			last := f.log.last()
			entry := []raft.Entry{{Term: last.Term, Kind: raft.EntryCommand, Data: []byte("a")}}
			w.check.appends(f, []raft.Span{{Prev: last, Entries: entry}})
			other := []raft.Entry{{Term: last.Term, Kind: raft.EntryCommand, Data: []byte("b")}}
			w.check.appends(f, []raft.Span{{Prev: last, Entries: other}})
		}},
		{ruleLogMatching, "a gap", func(w *world, _, f *node) {
			prev := raft.EntryID{Term: 1, Index: f.log.lastIndex() + 7}
			w.check.appends(f, []raft.Span{{Prev: prev, Entries: []raft.Entry{{Term: 9}}}})
		}},
		{ruleLeaderCompleteness, "a leader lacks what was committed", func(w *world, l, f *node) {
			f.log.truncate(w.check.committedIndex() - 1)
			w.check.elected(f, l.core.Term()+1)
		}},
		{ruleStateMachineSafety, "another entry is committed", func(w *world, l, _ *node) {
			w.check.committed[l.core.CommitIndex()-1].sum++
			l.seen.commit--
			w.observe(l)
		}},
		{ruleOwnTerm, "an entry of an older term is counted", func(w *world, l, _ *node) {
			w.check.committed = w.check.committed[:10]
			w.check.commits(l, observed{role: raft.Leader, term: l.core.Term() + 1, commit: l.core.CommitIndex()}, true)
		}},
		{ruleDurableQuorum, "two of three disks do not have it", func(w *world, l, _ *node) {
			w.check.committed = w.check.committed[:10]
			for _, n := range w.nodes {
				if n != l {
					n.disk.log.truncate(9)
				}
			}
			w.check.commits(l, observed{role: raft.Leader, term: l.core.Term(), commit: l.core.CommitIndex()}, true)
		}},
		{ruleAcknowledged, "an answer before the commit", func(w *world, l, _ *node) {
			w.check.acknowledges(l, w.check.committedIndex()+1)
		}},
	}
}

func promiseBreaches() []breach {
	return []breach{
		{ruleVotes, "two votes in a term", func(w *world, _, f *node) {
			w.check.votesFor(f, f.disk.hard.Term, f.disk.hard.Vote)
			w.check.votesFor(f, f.disk.hard.Term, f.disk.hard.Vote+1)
		}},
		{ruleVotes, "a term that falls", func(w *world, l, _ *node) {
			l.seen.term = l.core.Term() + 1
			w.observe(l)
		}},
		{rulePromises, "a vote that is not durable", func(w *world, _, f *node) {
			w.check.votesFor(f, f.disk.hard.Term+1, f.id)
		}},
		{rulePromises, "an acknowledgement that is not durable", func(w *world, l, f *node) {
			w.check.sends(f, &raft.Message{
				Kind: raft.MsgAppendReply, From: f.id, To: l.id, Term: l.core.Term(), Match: f.disk.log.lastIndex() + 1,
			})
		}},
		{ruleOrder, "a commit index that falls", func(w *world, l, _ *node) {
			l.seen.commit = l.core.CommitIndex() + 1
			w.observe(l)
		}},
		{ruleSameState, "another state at the same index", func(w *world, l, _ *node) {
			w.check.sameState(l)
			w.check.states[l.machine.applied] = "another"
			w.check.sameState(l)
		}},
		{ruleSameState, "an entry is applied again", func(w *world, _, f *node) {
			w.check.applies(f, f.log.span(f.machine.applied-1, f.machine.applied), f.machine.applied)
		}},
		{ruleMatch, "a follower lost what it acknowledged", func(w *world, l, f *node) {
			f.disk.log.truncate(f.disk.log.first.Index + 1)
			w.check.peers(l)
		}},
		{ruleConfigurations, "two voters at once", func(w *world, l, _ *node) {
			change := raft.NewConfiguration(1, 2, 3, 4, 5)
			data := []raft.Entry{{Term: l.core.Term(), Kind: raft.EntryConfig, Data: change.AppendTo(nil)}}
			w.check.appends(l, []raft.Span{{Prev: l.log.last(), Entries: data}})
		}},
		{ruleConfigurations, "a snapshot with another configuration", func(w *world, l, _ *node) {
			w.check.named(l, raft.Snapshot{Last: l.log.id(l.machine.applied), Configuration: raft.NewConfiguration(1)})
		}},
		{ruleReadIndex, "a read before what was committed", func(w *world, l, _ *node) {
			l.reads.asked[1] = asked{op: &op{floor: w.check.committedIndex()}}
			w.takeReads(l, &raft.Ready{Reads: []raft.Read{{Token: 1, Index: 1}}})
		}},
		{ruleReadIndex, "a read answered twice", func(w *world, l, _ *node) {
			w.takeReads(l, &raft.Ready{Reads: []raft.Read{{Token: 1, Index: 1}}})
		}},
		{ruleTerms, "a candidate whom nobody wanted", func(w *world, _, f *node) {
			f.disk.hard.Term, f.disk.hard.Vote = f.disk.hard.Term+1, f.id
			f.preVotes = preVotes{}
			w.check.sends(f, &raft.Message{Kind: raft.MsgVote, From: f.id, To: 1, Term: f.disk.hard.Term})
		}},
		{ruleBounded, "a message beyond its cap", func(w *world, l, f *node) {
			w.config.MessageEntriesMax = 1
			span := l.log.span(l.log.first.Index, l.log.first.Index+2)
			w.check.sends(l, &raft.Message{Kind: raft.MsgAppend, From: l.id, To: f.id, Term: l.core.Term(), Span: span})
		}},
		{ruleBounded, "more in memory than the caps", func(w *world, l, _ *node) {
			w.config.TailEntriesMax, w.config.UncommittedEntriesMax = -slackEntries, -1
			w.check.bounded(l)
		}},
		{ruleLiveness, "no leader ever", func(w *world, _, _ *node) {
			w.await("a miracle", time.Millisecond, func() bool { return false })
		}},
		{ruleOnce, "a command is executed twice", func(w *world, _, _ *node) {
			w.clients.ended = true
			for _, o := range w.clients.ops {
				if o.kind == opIncr && o.result == ok {
					o.got += 2
				}
			}
			w.settle()
		}},
		{ruleLinearizable, "a client sees another value", func(w *world, _, _ *node) {
			w.clients.ended = true
			for _, o := range w.clients.ops {
				if o.kind == opGet && o.result == ok && !isCounter(o.key) {
					o.got = 1 << 40
				}
			}
			w.settle()
		}},
	}
}

// TestCheckersSeeBreaches breaks each invariant by hand, behind the cores' backs, and demands that its checker, and no
// other, says so first. A checker that sees nothing would let every run pass.
func TestCheckersSeeBreaches(t *testing.T) {
	for _, c := range append(logBreaches(), promiseBreaches()...) {
		t.Run(string(c.rule)+" "+c.name, func(t *testing.T) {
			w, leader, follower := calmWorld(t)
			w.guarded(func() { c.make(w, leader, follower) })
			if w.violation == nil || w.violation.Rule != string(c.rule) {
				t.Errorf("got %v, want a breach of %q", w.violation, c.rule)
			}
		})
	}
}

// TestCoverageRefusesNoTrouble makes runs without trouble, and ones whose trouble does nothing: neither is a proof.
func TestCoverageRefusesNoTrouble(t *testing.T) {
	calm := CampaignOptions{Seeds: 4, Run: Options{Duration: 2 * time.Second, Without: classesAll}}
	sum, err := Campaign(t.Context(), calm, time.Now)
	if err != nil || len(sum.Failures) > 0 {
		t.Fatal(err, sum.Failures)
	}
	for _, want := range []string{"partitions", "crashes", "messages duplicated", "class loss", "snapshots installed"} {
		if missing := strings.Join(sum.Coverage.Missing(), ","); !strings.Contains(missing, want) {
			t.Errorf("%q is not among what was never exercised: %s", want, missing)
		}
	}
	o := Options{Seed: 1}.WithDefaults()
	p := drawPlan(o)
	p.classes, p.duration = classesAll, 2*time.Second
	idle := newWorld(o, p)
	idle.healed = true // every injector is off, although the plan has them all
	idle.guarded(idle.runPhases)
	if missing := idle.cov.Missing(); len(missing) == 0 {
		t.Error("a run whose trouble does nothing counts as one with trouble")
	}
}

// TestCheckersCount shows that a run whose checkers are off is refused, like one whose trouble is.
func TestCheckersCount(t *testing.T) {
	o := Options{Seed: 1}.WithDefaults()
	w := newWorld(o, scriptedPlan(1))
	w.check.off = true
	w.guarded(w.runPhases)
	w.cov.Checks = w.check.checked
	if missing := strings.Join(w.cov.Missing(), ","); w.violation != nil || !strings.Contains(missing, "checks") {
		t.Errorf("got %v, missing %s; want the checks among them", w.violation, missing)
	}
}

// TestEveryTroubleHappens makes one run with every class of trouble, often, and wants each of them counted.
func TestEveryTroubleHappens(t *testing.T) {
	o := Options{Seed: 2}.WithDefaults()
	p := scriptedPlan(2)
	p.classes, p.duration, p.servers, p.every = classesAll, 60*time.Second, 5, map[Class]time.Duration{}
	p.network.datagrams, p.network.loss, p.network.duplicate, p.network.replay = true, 0.02, 0.02, 0.1
	for _, c := range classesAll.List() {
		p.every[c] = 2 * time.Second
	}
	w := newWorld(o, p)
	w.guarded(w.runPhases)
	if w.violation != nil {
		t.Error(w.violation)
	}
	c := &w.cov
	for name, count := range map[string]uint64{
		"messages lost": c.Dropped, "messages duplicated": c.Duplicates, "messages replayed": c.Replays,
		"connections reset": c.Resets, "links clogged": c.Clogs, "one-way cuts": c.Cuts, "partitions": c.Partitions,
		"flapping links": c.Flaps, "crashes": c.Crashes, "crashes of all": c.CrashesAll, "disk stalls": c.Stalls,
		"syncs failed": c.DiskErrors, "freezes": c.Freezes, "clock drifts": c.Drifts, "disks lost": c.Wipes,
		"changes asked for": c.ChangesSimple + c.ChangesJoint + c.ChangesRefused, "transfers": c.Transfers,
		"writes lost": c.LostWrites, "states persisted": c.Persists,
	} {
		if count == 0 {
			t.Errorf("no %s in a minute of all troubles", name)
		}
	}
}
