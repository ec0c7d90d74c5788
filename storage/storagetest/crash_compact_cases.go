package storagetest

import (
	"math/rand/v2"
	"runtime"

	"github.com/raftmark/raftmark/raft"
)

// testCrashKeepsCompaction crashes after each Compact of every kind: it and all before it are there.
func testCrashKeepsCompaction(s *subject) {
	s.needsCrash()
	for i := range 16 {
		term, first := raft.Term(1+i), s.model.first.Index
		// Not waited for: a compaction makes what was appended before it durable.
		s.append(&raft.HardState{Term: term, Commit: first}, s.model.span(first, term, 6, 100))
		upto := s.model.snapshot(first + 1 + raft.Index(i%6))
		switch i % 4 {
		case 2:
			upto = snapshotOf(raft.EntryID{Term: term + 1, Index: first + 9})
		case 3:
			upto = snapshotOf(raft.EntryID{Term: term + 1, Index: first + 3})
		}
		s.compact(upto)
		s.crash(keptPercents[i/4%len(keptPercents)], uint64(i))
		s.open()
	}
}

// step is one thing done to a log that leaves another state.
type step func(s *subject, term raft.Term) (wait func() error)

// testCrashAroundCompaction crashes before and after compactions that have appends under way on both sides: what
// is left is what some prefix of the steps made, with all that was acknowledged.
func testCrashAroundCompaction(s *subject) {
	s.needsCrash()
	grow := func(s *subject, term raft.Term) func() error {
		last := s.model.last().Index
		return s.append(&raft.HardState{Term: term, Commit: s.model.hs.Commit}, s.model.span(last, term, 3, 300))
	}
	cut := func(s *subject, term raft.Term) func() error {
		after := max(s.model.first.Index, s.model.last().Index-1)
		return s.append(nil, s.model.span(after, term, 2, 300))
	}
	compacted := func(upto func(m model, term raft.Term) raft.Snapshot) step {
		return func(s *subject, term raft.Term) func() error { s.compact(upto(s.model, term)); return nil }
	}
	matching := compacted(func(m model, _ raft.Term) raft.Snapshot {
		return m.snapshot(m.first.Index + raft.Index(len(m.entries)+1)/2)
	})
	beyond := compacted(func(m model, term raft.Term) raft.Snapshot {
		return snapshotOf(raft.EntryID{Term: term, Index: m.last().Index + 4})
	})
	conflicting := compacted(func(m model, term raft.Term) raft.Snapshot {
		return snapshotOf(raft.EntryID{Term: term, Index: m.last().Index})
	})
	for i, steps := range [][]step{
		{grow, matching, grow},
		{grow, beyond, grow, grow},
		{grow, grow, conflicting, grow},
		{beyond, grow, cut, matching, grow},
		{grow, matching, cut, grow, beyond},
		{conflicting, matching, beyond, grow, cut},
		{grow, cut, matching, matching, cut},
	} {
		for stop := 1; stop <= len(steps); stop++ {
			s.crashAfter(steps[:stop], raft.Term(100*(i+1)), uint64(i*10+stop))
		}
	}
}

// crashAfter takes the steps and crashes.
func (s *subject) crashAfter(steps []step, term raft.Term, seed uint64) {
	s.Helper()
	states, acknowledged := []model{s.model}, 0
	for i, take := range steps {
		wait := take(s, max(term, s.model.last().Term)+raft.Term(i)+1)
		states = append(states, s.model)
		if wait == nil {
			acknowledged = i + 1
		}
	}
	s.crash(keptPercents[seed%uint64(len(keptPercents))], seed)
	found, err := s.recover(states)
	if err != nil {
		s.Fatal(err)
	}
	if found < acknowledged {
		s.Fatalf("%d of %d steps survived, %d were acknowledged", found, len(steps), acknowledged)
	}
}

// testCrashDuringCompaction crashes at a random moment of a compaction: it is there whole, or not at all.
func testCrashDuringCompaction(s *subject) {
	s.needsCrash()
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 24 {
		term, first := s.model.last().Term+1, s.model.first.Index
		s.mustAppend(&raft.HardState{Term: term, Commit: first}, s.model.span(first, term, 8, 200))
		upto := s.model.snapshot(first + 5)
		if i%2 == 1 {
			upto = snapshotOf(raft.EntryID{Term: term + 1, Index: first + 6})
		}
		states := []model{s.model, s.model.compact(upto)}
		log, began, ended := s.log, make(chan struct{}), make(chan error, 1)
		go func() {
			close(began)
			ended <- log.Compact(upto)
		}()
		<-began
		for range rng.IntN(300) {
			runtime.Gosched()
		}
		after := s.disk.Crash(keptPercents[i%len(keptPercents)], uint64(i))
		if err := <-ended; err != nil {
			s.Fatal(err)
		}
		_ = log.Close()
		s.log, s.disk = nil, after
		if _, err := s.recover(states); err != nil {
			s.Fatal(err)
		}
	}
}
