package raft_test

import (
	"fmt"
)

// heal ends all faults and demands progress within a bounded number of ticks: a leader that has committed in
// its term, a new proposal committed and applied everywhere, and equal logs.
func (s *schedule) heal() error {
	s.c.HealAll()
	for _, id := range s.ids {
		s.c.Restart(id)
	}
	if err := s.await("a leader that has committed in its term", func() bool {
		l := s.c.Leader()
		return l != nil && l.Core().TermCommitted()
	}); err != nil {
		return err
	}
	if err := s.await("room for a proposal", func() bool {
		l := s.c.Leader()
		return l != nil && s.c.Propose(l.ID(), "last words") == 1
	}); err != nil {
		return err
	}
	return s.await("equal logs, all applied", s.converged)
}

func (s *schedule) converged() bool {
	l := s.c.Leader()
	if l == nil {
		return false
	}
	last := l.Core().LastIndex()
	configuration, at := l.Core().Configuration()
	if configuration.Joint() || at > l.Core().CommitIndex() || !configuration.IsVoter(l.ID()) {
		return false
	}
	for _, m := range configuration.Members {
		n := s.c.Node(m.ID)
		if n.Durable() != l.Durable() || n.Durable().Index != last || n.Core().CommitIndex() != last || n.Applied() != last {
			return false
		}
	}
	return true
}

// await ticks all nodes, with an idle network and disk in between, until done says so.
func (s *schedule) await(what string, done func() bool) error {
	// 20 of the longest election timeouts. A server that takes one entry at a time, and lacks all, needs more.
	ticksMax := 600 + 4*int(s.c.Committed())
	for range ticksMax {
		s.c.Settle()
		if err := s.c.Err(); err != nil {
			return err
		}
		if done() {
			return nil
		}
		s.clock += tickNanos
		for _, id := range s.ids {
			s.c.SetClock(id, s.clock)
			s.c.Tick(id)
		}
	}
	return fmt.Errorf("no %s within %d ticks", what, ticksMax)
}
