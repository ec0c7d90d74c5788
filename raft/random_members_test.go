package raft_test

import (
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/rafttest"
)

// The actions of random schedules about membership, snapshots, reads and transfers.

// asked returns the node that a request goes to: mostly the leader.
func (s *schedule) asked() *rafttest.Node {
	if l := s.c.Leader(); l != nil && s.rng.IntN(4) > 0 {
		return l
	}
	return s.node()
}

// change asks for one to three changes of membership, sensible or not.
func (s *schedule) change() {
	n := s.asked()
	if !n.Up() {
		return
	}
	now, _ := n.Core().Configuration()
	var changes []raft.Change
	for range 1 + s.rng.IntN(3) {
		changes = append(changes, s.drawChange(now))
	}
	if s.c.Change(n.ID(), changes...) != nil {
		return
	}
	s.sum.Changes++
	if next, _ := n.Core().Configuration(); next.Joint() {
		s.sum.Joint++
	}
}

func (s *schedule) drawChange(now raft.Configuration) raft.Change {
	change := raft.Change{ID: s.node().ID(), Priority: uint8(s.rng.IntN(3))}
	switch m, ok := now.Member(change.ID); {
	case !ok:
		change.Kind = raft.AddLearner
	case m.Learner:
		change.Kind = []raft.ChangeKind{raft.Promote, raft.Promote, raft.Promote, raft.Remove}[s.rng.IntN(4)]
	default:
		// A name is given once: who is removed does not come back. Demoting, though, can go on for ever.
		change.Kind = []raft.ChangeKind{raft.Demote, raft.Demote, raft.Reprioritize, raft.Remove}[s.rng.IntN(4)]
		if change.Kind == raft.Remove && s.rng.IntN(3) > 0 {
			change.Kind = raft.Demote
		}
	}
	return change
}

func (s *schedule) transfer() {
	to := raft.None
	if s.rng.IntN(3) > 0 {
		to = s.node().ID()
	}
	if s.c.Transfer(s.asked().ID(), to) == nil {
		s.sum.Transfers++
	}
}

func (s *schedule) read() {
	if s.rng.IntN(2) == 0 {
		s.c.Read(s.node().ID())
		return
	}
	s.c.Read(s.asked().ID())
}

func (s *schedule) compact() {
	n := s.node()
	upto := n.Applied()
	if s.rng.IntN(2) == 0 && upto > 0 {
		upto -= raft.Index(s.rng.Uint64N(uint64(upto)))
	}
	if s.c.Compact(n.ID(), upto) {
		s.sum.Compactions++
	}
}

// chunk pays debts of parts of snapshots, and now and then fails to.
func (s *schedule) chunk() {
	var err error
	if s.rng.IntN(20) == 0 {
		err = errInjected
	}
	n := s.node()
	if n.ChunksToStore() > 0 {
		s.sum.Chunks++
		s.c.StoreChunk(n.ID(), err)
	} else {
		s.c.ReadChunk(n.ID(), err)
	}
}

func (s *schedule) install() {
	if n := s.node(); n.Installs() {
		s.sum.Installs++
		s.c.Install(n.ID())
	}
}
