package raft_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// lone is one core whose debts are paid at once, and whose peers do not exist.
type lone struct {
	core    *raft.Core
	log     []raft.Entry
	sent    []raft.Message
	applied raft.Index
}

func newLone(t *testing.T, cfg raft.Config, boot raft.Boot) *lone {
	t.Helper()
	if cfg.ID == raft.None {
		cfg.ID = 1
	}
	if cfg.Voters == nil {
		cfg.Voters = []raft.NodeID{1, 2, 3}
	}
	core, err := raft.New(cfg, boot)
	if err != nil {
		t.Fatal(err)
	}
	return &lone{core: core, applied: boot.Applied}
}

// pay pays all debts, except that there is nobody to send to.
func (l *lone) pay() {
	var r raft.Ready
	for l.core.Ready(&r) {
		l.sent = append(append(l.sent, r.SendNow...), r.SendAfterSync...)
		for _, s := range r.Append {
			l.log = append(l.log[:s.Prev.Index:s.Prev.Index], s.Entries...)
		}
		fetches := slices.Clone(r.Fetch)
		for _, a := range r.Apply {
			l.applied = a.Upto
		}
		if r.Write != 0 {
			l.core.Synced(r.Write)
		}
		l.core.Applied(l.applied)
		for _, f := range fetches {
			span := raft.Span{Prev: raft.EntryID{Index: f.After}, Entries: slices.Clone(l.log[f.After : f.After+1])}
			if f.After > 0 {
				span.Prev.Term = l.log[f.After-1].Term
			}
			l.core.Fetched(f, span, nil)
		}
	}
}

// take returns what was sent since the last call.
func (l *lone) take() []raft.Message {
	sent := l.sent
	l.sent = nil
	return sent
}

// TestStepTakesAnyMessage gives cores what no correct server sends: members that lie about everything,
// strangers, numbers at the ends of their ranges. Agreement cannot survive lying members, but the process
// must.
func TestStepTakesAnyMessage(t *testing.T) {
	seeds := uint64(2000)
	if testing.Short() || raceEnabled {
		seeds = 200
	}
	dropped := uint64(0)
	for seed := range seeds {
		if *seedFlag == 0 || *seedFlag == seed {
			dropped += stepGarbage(t, seed)
		}
		if t.Failed() {
			return
		}
	}
	if dropped == 0 {
		t.Error("nothing was dropped: the garbage is not bad enough")
	}
}

func stepGarbage(t *testing.T, seed uint64) (dropped uint64) {
	t.Helper()
	var m raft.Message
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v, at %+v\n%s\ngo test ./raft -tags invariants -run TestStepTakesAnyMessage -seed=%d",
				p, m, debug.Stack(), seed)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 1))
	l := newLone(t, raft.Config{
		ElectionTicksMin: 3, NoCheckQuorum: rng.IntN(2) == 0, NoPreVote: rng.IntN(2) == 0, Seed: seed,
		UncommittedEntriesMax: 1 + rng.IntN(20), TailEntriesMax: 1 + rng.IntN(20), MessageEntriesMax: 1 + rng.IntN(5),
		InflightMessagesMax: 1 + rng.IntN(3),
	}, raft.Boot{})
	for range 300 {
		switch rng.IntN(8) {
		case 0:
			l.core.Tick()
		case 1:
			l.core.Propose([]raft.Entry{{Data: []byte("x")}, {Data: []byte("y")}})
		case 2, 3:
			l.pay()
		default:
			m = garbage(rng, l.core)
			stranger := m.From == 1 || m.From > 3 || m.From == 0
			before := l.core.Status()
			err := l.core.Step(m)
			after := l.core.Status()
			if stranger && (err == nil || after.Term != before.Term || after.LastIndex != before.LastIndex) {
				t.Fatalf("a message from %d, which is no other member, was taken: %+v", m.From, m)
			}
			// One more: a message may make it leader, with a no-op.
			if after.LastIndex > before.LastIndex+raft.Index(len(m.Span.Entries))+1 {
				t.Fatalf("the log grew from %d to %d by a message of %d entries",
					before.LastIndex, after.LastIndex, len(m.Span.Entries))
			}
		}
	}
	return l.core.Status().Dropped
}

// garbage draws a message; most of its numbers are near what the core would find plausible.
func garbage(rng *rand.Rand, c *raft.Core) raft.Message {
	number := func(near uint64) uint64 {
		switch rng.IntN(12) {
		case 0:
			return math.MaxUint64 - rng.Uint64N(3)
		case 1:
			return rng.Uint64()
		case 2:
			return 0
		default:
			return near + rng.Uint64N(5) - min(near, 2)
		}
	}
	term := func() raft.Term { return raft.Term(number(uint64(c.Term()))) }
	index := func() raft.Index {
		if rng.IntN(2) == 0 {
			return raft.Index(number(uint64(c.CommitIndex())))
		}
		return raft.Index(number(uint64(c.LastIndex())))
	}
	m := raft.Message{
		Kind: raft.MessageKind(rng.IntN(12)), From: raft.NodeID(2 + rng.IntN(2)), To: 1, Term: term(),
		Last: raft.EntryID{Term: term(), Index: index()}, Match: index(), Commit: index(), Reject: rng.IntN(2) == 0,
		Span: raft.Span{Prev: raft.EntryID{Term: term(), Index: index()}},
	}
	if rng.IntN(4) > 0 {
		m.Term = c.Term() + raft.Term(rng.IntN(2))
	}
	if rng.IntN(20) == 0 {
		m.From = raft.NodeID(rng.IntN(6))
	}
	entry := m.Span.Prev.Term
	for range rng.IntN(6) {
		if rng.IntN(3) == 0 {
			entry += raft.Term(rng.IntN(2))
		}
		if rng.IntN(30) == 0 {
			entry = term()
		}
		m.Span.Entries = append(m.Span.Entries, raft.Entry{
			Term: entry, Kind: raft.EntryKind(rng.IntN(5)), Data: fmt.Append(nil, rng.IntN(9)),
		})
	}
	if rng.IntN(2) == 0 && entry < 1<<40 {
		m.Term = max(m.Term, entry)
	}
	return m
}
