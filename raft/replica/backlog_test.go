package replica

import (
	"errors"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// leading returns the loop of a node that leads nodes 2 and 3, whose queues hold so many proposals and bytes.
func leading(t *testing.T, entriesMax, bytesMax int) *loop {
	t.Helper()
	core, err := raft.New(raft.Config{ID: 1, Voters: []raft.NodeID{1, 2, 3}, NoPreVote: true}, raft.Boot{})
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{core: core, Replica: &Replica{inbox: newInbox(entriesMax, bytesMax), meter: newMeter()}}
	for core.Role() != raft.Candidate {
		core.Tick()
	}
	core.Ready(&l.ready)
	core.Synced(l.ready.Write)
	l.hear(t, raft.Message{Kind: raft.MsgVoteReply, From: 2})
	if core.Role() != raft.Leader {
		t.Fatalf("is %v, want leader", core.Role())
	}
	return l
}

func (l *loop) hear(t *testing.T, m raft.Message) {
	t.Helper()
	m.To, m.Term = 1, l.core.Term()
	if err := l.core.Step(m); err != nil {
		t.Fatal(err)
	}
}

// The followers commit everything at once; the leader's own disk never finishes a write, so nothing is applied.
func TestProposalsAreBoundedWhileTheLeadersDiskStalls(t *testing.T) {
	const size = 100
	for _, c := range []struct {
		name                 string
		entriesMax, bytesMax int
		want                 int // in pending, and again in the backlog
	}{
		{"entries", 10, 1 << 30, 10},
		{"bytes", 1 << 30, 5 * (size + raft.EntryOverheadBytes), 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := leading(t, c.entriesMax, c.bytesMax)
			busy := 0
			for range 100 {
				l.work.proposals = []*Proposal{{Data: make([]byte, size), Done: func(p *Proposal) {
					if !errors.Is(p.Err, ErrBusy) {
						t.Errorf("got %v, want ErrBusy", p.Err)
					}
					busy++
				}}}
				l.propose()
				l.core.Ready(&l.ready)
				for _, from := range []raft.NodeID{2, 3} {
					l.hear(t, raft.Message{Kind: raft.MsgAppendReply, From: from, Match: l.core.LastIndex()})
				}
			}
			if l.core.CommitIndex() != l.core.LastIndex() {
				t.Fatalf("committed %d of %d: the followers should not wait", l.core.CommitIndex(), l.core.LastIndex())
			}
			if len(l.pending) != c.want || len(l.backlog) != c.want || busy != 100-2*c.want {
				t.Errorf("got %d pending, %d waiting, %d refused; want %d, %d and the rest",
					len(l.pending), len(l.backlog), busy, c.want, c.want)
			}
		})
	}
}

func TestProposalsAreTakenAgainWhenTheDiskIsBack(t *testing.T) {
	l := leading(t, 2, 1<<20)
	l.applies = newQueue[applyTask]()
	l.writes, l.fetches = newQueue[writeTask](), newQueue[raft.Fetch]()
	for range 4 {
		l.work.proposals = append(l.work.proposals, &Proposal{Done: func(p *Proposal) { t.Errorf("ended with %v", p.Err) }})
	}
	l.propose()
	l.work.reset()
	l.core.Ready(&l.ready)
	l.core.Synced(l.ready.Write)
	l.hear(t, raft.Message{Kind: raft.MsgAppendReply, From: 2, Match: l.core.LastIndex()})
	l.ready.SendNow, l.ready.Append, l.ready.Write = nil, nil, 0
	if l.core.Ready(&l.ready); len(l.ready.Apply) == 0 {
		t.Fatal("nothing to apply")
	}
	for _, a := range l.ready.Apply {
		l.applies.put(applyTask{apply: a, waiting: l.takePending(a.Upto)})
	}
	l.propose()
	if len(l.pending) != 2 || len(l.backlog) != 0 || l.backlogBytes != 0 || l.pendingBytes != sizeOf(l.pending) {
		t.Errorf("got %d pending of %d bytes, %d waiting of %d bytes; want 2 and none",
			len(l.pending), l.pendingBytes, len(l.backlog), l.backlogBytes)
	}
}
