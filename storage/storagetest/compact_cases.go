package storagetest

import (
	"errors"
	"strings"
	"sync"

	"github.com/raftmark/raftmark/raft"
)

func testLoadAgain(s *subject) {
	s.loadAgain()
	s.compact(snapshotOf(raft.EntryID{Term: 2, Index: 7}))
	s.loadAgain()
	s.loadAgain()
	s.reopen()
	s.loadAgain()
	s.grow(2, 3, 10)
	s.reopen()
	s.compact(s.model.snapshot(8))
	s.loadAgain()
	s.grow(3, 1, 10)
	s.reopen()
}

func testCompact(s *subject) {
	for range 5 {
		s.grow(1, 4, 10)
	}
	s.grow(2, 4, 10)
	for _, upto := range []raft.Index{2, 4, 9, 10, 22, 24} {
		s.compact(s.model.snapshot(upto))
		s.check()
		if first := s.model.first.Index; first > 0 {
			s.wantReadError(first-1, s.model.last().Index, raft.ErrCompacted)
			s.wantReadError(0, first, raft.ErrCompacted)
		}
		s.reopen()
	}
	s.wantReadError(24, 25, raft.ErrOutOfRange)
	s.grow(3, 3, 10)
	s.reopen()
}

// testCompactNothing compacts to at and below the first entry, with names of the same and of other entries.
func testCompactNothing(s *subject) {
	s.grow(1, 6, 10)
	s.compact(s.model.snapshot(4))
	for _, id := range []raft.EntryID{
		{}, {Term: 1, Index: 4}, {Term: 1, Index: 3}, {Term: 9, Index: 4}, {Term: 9, Index: 1},
	} {
		upto := snapshotOf(id)
		upto.Configuration = raft.NewConfiguration(1)
		if err := s.log.Compact(upto); err != nil {
			s.Errorf("Compact(%v) = %v, want nil", id, err)
		}
		s.check()
		s.reopen()
	}
}

func testCompactThenTruncate(s *subject) {
	s.grow(1, 10, 10)
	s.compact(s.model.snapshot(4))
	s.mustAppend(nil, s.model.span(6, 2, 1, 10))
	s.check()
	s.reopen()
	s.mustAppend(nil, s.model.span(4, 3, 2, 10))
	s.check()
	below := raft.Span{Prev: raft.EntryID{Term: 1, Index: 3}, Entries: s.model.span(4, 4, 1, 10).Entries}
	if _, err := s.log.Append(nil, []raft.Span{below}); !errors.Is(err, raft.ErrCompacted) {
		s.Errorf("Append below the compacted prefix = %v, want ErrCompacted", err)
	}
	s.reopen()
	// A run that was cut at both ends.
	s.grow(3, 12, 10)
	s.compact(s.model.snapshot(9))
	s.mustAppend(nil, s.model.span(14, 4, 2, 10))
	s.compact(s.model.snapshot(11))
	s.mustAppend(nil, s.model.span(12, 5, 2, 10))
	s.check()
	s.reopen()
	s.compact(s.model.snapshot(13))
	s.mustAppend(nil, s.model.span(13, 6, 3, 10))
	s.reopen()
}

// testCompactDropsBeyond has snapshots that end after the log: each takes the place of all of it.
func testCompactDropsBeyond(s *subject) {
	s.compact(snapshotOf(raft.EntryID{Term: 3, Index: 10})) // of an empty log
	s.wantReadError(0, 10, raft.ErrCompacted)
	s.wantReadError(10, 11, raft.ErrOutOfRange)
	s.loadAgain()
	s.mustAppend(&raft.HardState{Term: 4, Vote: 2, Commit: 11}, s.model.span(10, 4, 5, 30))
	s.reopen()
	s.compact(snapshotOf(raft.EntryID{Term: 4, Index: 16})) // by one
	s.wantReadError(15, 16, raft.ErrCompacted)
	s.reopen()
	s.grow(5, 3, 30)
	s.compact(snapshotOf(raft.EntryID{Term: 7, Index: 1 << 40})) // by far
	wait := s.append(nil, s.model.span(1<<40, 7, 3, 30))
	s.check()
	if err := wait(); err != nil {
		s.Fatal(err)
	}
	s.reopen()
	s.compact(s.model.snapshot(1<<40 + 2))
	s.reopen()
}

// testCompactDropsConflict has snapshots that end in an entry that the log has with another term.
func testCompactDropsConflict(s *subject) {
	for i, at := range []raft.Index{1, 5, 6, 9, 10} {
		first := s.model.first.Index
		s.grow(s.model.last().Term, 5, 30)
		s.grow(s.model.last().Term, 5, 30)
		term := raft.Term(2 + i)
		s.mustAppend(&raft.HardState{Term: term, Vote: 3, Commit: first + at - 1})
		s.compact(snapshotOf(raft.EntryID{Term: term, Index: first + at}))
		s.check()
		s.wantReadError(first+at-1, first+at, raft.ErrCompacted)
		s.wantReadError(first+at, first+at+1, raft.ErrOutOfRange)
		if i%2 == 0 {
			s.reopen()
		}
		s.mustAppend(&raft.HardState{Term: term, Commit: first + at}, s.model.span(first+at, term, 2, 30))
		s.check()
		s.reopen()
	}
}

// testCompactAfterTruncate compacts, in the same life, a log whose end was replaced, at all places of it.
func testCompactAfterTruncate(s *subject) {
	for i := range 8 {
		first := s.model.first.Index
		s.grow(raft.Term(1+2*i), 6, 30)
		s.append(nil, s.model.span(first+3, raft.Term(2+2*i), 6, 30))
		s.compact(s.model.snapshot(first + 1 + raft.Index(i)))
		s.check()
		s.loadAgain()
		s.reopen()
	}
}

func testCompactMistakes(s *subject) {
	s.mustAppend(&raft.HardState{Term: 2, Commit: 3}, s.model.span(0, 1, 5, 10))
	unsorted := s.model.snapshot(4)
	unsorted.Configuration = raft.Configuration{Members: []raft.Member{{ID: 2, Voter: true}, {ID: 1, Voter: true}}}
	later := s.model.snapshot(4)
	later.ConfigurationIndex = 5
	for name, upto := range map[string]raft.Snapshot{
		"with a bad configuration":   unsorted,
		"with a later configuration": later,
		"against committed entries":  snapshotOf(raft.EntryID{Term: 2, Index: 3}),
	} {
		if err := s.log.Compact(upto); err == nil {
			s.Errorf("Compact %s was accepted", name)
		}
		s.check()
	}
	// A refusal is not a failure of the disk.
	s.grow(2, 1, 10)
	s.reopen()
}

// testCompactBesideReads reads while the log is compacted and replaced: what is read is right, or gone.
func testCompactBesideReads(s *subject) {
	s.grow(1, 40, 100)
	all := s.model
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for i := range 2 {
		readers.Go(func() {
			for after := raft.Index(i); ; after = (after + 7) % 40 {
				select {
				case <-stop:
					return
				default:
				}
				got, err := s.log.Read(after, 40, 1<<20)
				if err == nil {
					err = sameEntries(got.Entries, all.entries[after:])
				} else if errors.Is(err, raft.ErrCompacted) {
					err = nil
				}
				if err != nil {
					s.Errorf("read after %d beside compactions: %v", after, err)
					return
				}
			}
		})
	}
	for upto := raft.Index(1); upto <= 39; upto += 2 {
		s.compact(s.model.snapshot(upto))
	}
	s.compact(snapshotOf(raft.EntryID{Term: 2, Index: 60}))
	close(stop)
	readers.Wait()
	s.reopen()
}

func testLargeConfiguration(s *subject) {
	var members []raft.Member
	for i := range raft.MembersMax {
		members = append(members, raft.Member{
			ID: raft.NodeID(i + 1), Voter: true, Outgoing: i%2 == 0, Priority: 255,
			Address: strings.Repeat("a", raft.AddressBytesMax),
		})
	}
	s.grow(1, 5, 10)
	upto := s.model.snapshot(3)
	upto.Configuration = raft.Configuration{Members: members, LastID: 1 << 60}
	s.compact(upto)
	s.reopen()
	// And none at all: a server that was never told.
	upto = s.model.snapshot(4)
	upto.Configuration, upto.ConfigurationIndex = raft.Configuration{}, 0
	s.compact(upto)
	s.reopen()
}

func testCompactFails(s *subject) {
	if s.disk.Fail == nil {
		s.Skip("this disk cannot fail")
	}
	s.grow(1, 5, 10)
	cause := errors.New("input/output error")
	s.disk.Fail(cause)
	for _, upto := range []raft.Snapshot{s.model.snapshot(3), snapshotOf(raft.EntryID{Term: 9, Index: 100})} {
		if err := s.log.Compact(upto); !errors.Is(err, cause) {
			s.Errorf("Compact on a failed disk = %v, want %v", err, cause)
		}
	}
	if _, err := s.log.Append(&raft.HardState{Term: 9}, nil); !errors.Is(err, cause) {
		s.Errorf("Append after a failed Compact = %v, want %v", err, cause)
	}
	_ = s.log.Close()
	s.log = nil
}
