package raft_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

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
	lease := int64(rng.IntN(2))
	l := newLone(t, raft.Config{
		ElectionTicksMin: 3, NoCheckQuorum: lease == 0 && rng.IntN(2) == 0, NoPreVote: rng.IntN(2) == 0, Seed: seed,
		UncommittedEntriesMax: 1 + rng.IntN(20), TailEntriesMax: 1 + rng.IntN(20), MessageEntriesMax: 1 + rng.IntN(5),
		InflightMessagesMax: 1 + rng.IntN(3),
		SnapshotChunkBytes:  1 + rng.IntN(4), SnapshotInflightBytes: 1 + rng.IntN(9), LeaseNanos: lease,
		AdaptiveWindow: rng.IntN(2) == 0,
	}, raft.Boot{})
	for i := range int64(300) {
		switch rng.IntN(10) {
		case 0:
			l.core.Tick()
			l.core.SetClock(i)
		case 8:
			l.core.ReadIndex(uint64(i))
			l.core.Transfer(raft.NodeID(rng.IntN(5)))
		case 9:
			l.core.ChangeConfig([]raft.Change{{Kind: raft.ChangeKind(rng.IntN(7)), ID: raft.NodeID(rng.IntN(6))}})
			if term, ok := l.core.TermAt(l.applied); ok {
				l.core.Compact(raft.EntryID{Term: term, Index: l.applied})
			}
		case 1:
			l.core.Propose([]raft.Entry{{Data: []byte("x")}, {Data: []byte("y")}})
		case 2, 3:
			l.pay()
		default:
			m = garbage(rng, l.core)
			stranger := isStranger(l.core, m)
			before := l.core.Status()
			err := l.core.Step(m)
			after := l.core.Status()
			if stranger && (err == nil || after.Term != before.Term || after.LastIndex != before.LastIndex) {
				t.Fatalf("a message from %d, which is no other member, was taken: %+v", m.From, m)
			}
			// Three more: a message may make it leader, with a no-op, and commit a configuration that asks for the next.
			if m.Kind != raft.MsgSnapshot && after.LastIndex > before.LastIndex+raft.Index(len(m.Span.Entries))+3 {
				t.Fatalf("the log grew from %d to %d by a message of %d entries",
					before.LastIndex, after.LastIndex, len(m.Span.Entries))
			}
		}
	}
	return l.core.Status().Dropped
}

// isStranger reports whether the sender is nobody whom the core may listen to.
func isStranger(c *raft.Core, m raft.Message) bool {
	configuration, _ := c.Configuration()
	_, member := configuration.Member(m.From)
	switch m.Kind {
	case raft.MsgPreVote, raft.MsgVote, raft.MsgAppend, raft.MsgHeartbeat, raft.MsgSnapshot, raft.MsgTimeoutNow:
		return m.From == 1 || m.From == raft.None // requests are taken from those that this server has not heard of yet
	default:
		return m.From == 1 || m.From == raft.None || (!member && m.From != c.Leader())
	}
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
		Kind: raft.MessageKind(rng.IntN(15)), From: raft.NodeID(2 + rng.IntN(2)), To: 1, Term: term(),
		Last: raft.EntryID{Term: term(), Index: index()}, Match: index(), Commit: index(), Reject: rng.IntN(2) == 0,
		Span: raft.Span{Prev: raft.EntryID{Term: term(), Index: index()}},
	}
	if rng.IntN(2) == 0 {
		voters := []raft.NodeID{1, 2, 3, 4, 5, 6}[rng.IntN(3) : 3+rng.IntN(4)]
		m.Chunk = &raft.Chunk{
			Snapshot: raft.Snapshot{
				Last:               raft.EntryID{Term: term(), Index: index()},
				Configuration:      raft.NewConfiguration(voters...),
				ConfigurationIndex: index(),
			},
			Offset: number(2), Data: make([]byte, rng.IntN(5)), Done: rng.IntN(2) == 0,
		}
		m.Transfer = rng.IntN(2) == 0
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
		e := raft.Entry{Term: entry, Kind: raft.EntryKind(rng.IntN(5)), Data: fmt.Append(nil, rng.IntN(9))}
		if e.Kind == raft.EntryConfig && rng.IntN(8) > 0 {
			e.Data = raft.NewConfiguration([]raft.NodeID{1, 2, 3, 4}[rng.IntN(3):]...).AppendTo(nil)
		}
		m.Span.Entries = append(m.Span.Entries, e)
	}
	if rng.IntN(2) == 0 && entry < 1<<40 {
		m.Term = max(m.Term, entry)
	}
	return m
}
