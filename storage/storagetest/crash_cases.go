package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// Percentages of unsynced data that a crash keeps.
var keptPercents = [...]int{0, 10, 50, 100}

func (s *subject) needsCrash() {
	if s.disk.Crash == nil {
		s.Skip("this disk cannot crash")
	}
}

// testCrashKeepsAcknowledged crashes after each wait, and after an append whose wait was not called.
func testCrashKeepsAcknowledged(s *subject) {
	s.needsCrash()
	for i := range 12 {
		term := raft.Term(1 + i)
		after := s.model.last().Index
		if i%3 == 2 {
			after -= 2
		}
		s.mustAppend(&raft.HardState{Term: term, Vote: raft.NodeID(i), Commit: after}, s.model.span(after, term, 4, 100))
		s.crash(keptPercents[i%len(keptPercents)], uint64(i))
		s.open()
	}
}

// testCrashKeepsPrefix crashes with appends under way: what is left is what some prefix of them made, and
// all that were waited for are in it.
func testCrashKeepsPrefix(s *subject) {
	s.needsCrash()
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 16 {
		snapshots := []model{s.model}
		acknowledged := 0
		for i := range 6 {
			term := raft.Term(1 + round*10 + i)
			after := s.model.last().Index - raft.Index(rng.IntN(1+min(3, len(s.model.entries))))
			wait := s.append(&raft.HardState{Term: term, Commit: after}, s.model.span(after, term, 1+rng.IntN(4), 300))
			snapshots = append(snapshots, s.model)
			if i < 3 {
				if err := wait(); err != nil {
					s.Fatal(err)
				}
				acknowledged = i + 1
			}
		}
		s.crash(keptPercents[round%len(keptPercents)], uint64(round))
		found, err := s.recover(snapshots)
		if err != nil {
			s.Fatal(err)
		}
		if found < acknowledged {
			s.Fatalf("round %d: %d appends survived, %d were acknowledged", round, found, acknowledged)
		}
	}
}

// recover opens the log and returns which of the snapshots it holds.
func (s *subject) recover(snapshots []model) (int, error) {
	log, err := s.disk.Open()
	if err != nil {
		return 0, fmt.Errorf("open after a crash: %w", err)
	}
	s.log = log
	state, err := log.Load()
	if err != nil {
		return 0, fmt.Errorf("load after a crash: %w", err)
	}
	// From the end: a step that changed nothing has the state of the one before.
	for i, m := range slices.Backward(snapshots) {
		if sameState(m.state(), state) {
			s.model = m
			return i, m.holds(log)
		}
	}
	return 0, fmt.Errorf("log holds %+v after a crash, which no append made", state)
}

// testCrashAgain crashes during recovery too.
func testCrashAgain(s *subject) {
	s.needsCrash()
	s.mustAppend(&raft.HardState{Term: 1, Commit: 3}, s.model.span(0, 1, 5, 100))
	for i := range 8 {
		s.crash(keptPercents[i%len(keptPercents)], uint64(i))
		log, err := s.disk.Open()
		if err != nil {
			s.Fatal(err)
		}
		s.log = log
		s.crash(keptPercents[(i+1)%len(keptPercents)], uint64(100+i))
		s.open()
		s.mustAppend(nil, s.model.span(5, raft.Term(2+i), 2, 100))
	}
}

func testFailureIsSticky(s *subject) {
	if s.disk.Fail == nil {
		s.Skip("this disk cannot fail")
	}
	s.grow(1, 3, 10)
	cause := errors.New("input/output error")
	s.disk.Fail(cause)
	wait, err := s.log.Append(nil, []raft.Span{s.model.span(3, 1, 1, 10)})
	if err == nil {
		err = wait()
	}
	if !errors.Is(err, cause) {
		s.Fatalf("write on a failed disk = %v, want %v", err, cause)
	}
	for range 3 {
		wait, err := s.log.Append(&raft.HardState{Term: 9}, nil)
		if err == nil {
			err = wait()
		}
		if !errors.Is(err, cause) {
			s.Errorf("write after a failure = %v, want %v", err, cause)
		}
	}
	// Close may or may not tell of the failure again; it must end.
	_ = s.log.Close()
	s.log = nil
}
