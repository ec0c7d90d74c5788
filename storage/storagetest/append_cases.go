package storagetest

import (
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/raftmark/raftmark/raft"
)

func testEmpty(s *subject) {
	s.wantReadError(0, 1, raft.ErrOutOfRange)
	s.reopen()
	s.mustAppend(nil)
	s.reopen()
}

func testAppendReadReopen(s *subject) {
	s.mustAppend(&raft.HardState{Term: 1, Vote: 2}, s.model.span(0, 1, 3, 10))
	s.check()
	s.grow(1, 1, 0)
	encoded := s.model.span(4, 2, 5, 100)
	encoded.Encoded = raft.AppendEntries(nil, encoded.Entries)
	s.mustAppend(&raft.HardState{Term: 2, Vote: 1, Commit: 4}, encoded)
	s.check()
	s.reopen()
	s.grow(2, 2, 10)
	s.reopen()
}

func testHardStateAlone(s *subject) {
	s.mustAppend(&raft.HardState{Term: 7, Vote: 3})
	s.reopen()
	s.mustAppend(&raft.HardState{Term: 8})
	s.reopen()
	s.mustAppend(&raft.HardState{Term: 8, Recover: raft.EntryID{Term: 5, Index: 1 << 40}})
	s.reopen()
	s.grow(8, 2, 10)
	s.reopen()
	s.mustAppend(&raft.HardState{Term: 8, Commit: 2})
	s.reopen()
}

func testSpansOfOneAppend(s *subject) {
	m := s.model
	var spans []raft.Span
	for i := range 10 {
		span := m.span(m.last().Index, raft.Term(1+i/3), 1+i, 20)
		if i%2 == 0 {
			span.Encoded = raft.AppendEntries(nil, span.Entries)
		}
		spans = append(spans, span)
		m = m.append(nil, spans[i:])
	}
	s.mustAppend(&raft.HardState{Term: 9, Commit: m.last().Index}, spans...)
	s.check()
	s.reopen()
}

func testTruncateConflict(s *subject) {
	for _, size := range []int{3, 1, 5} {
		s.grow(1, size, 10)
	}
	// Cut in the middle of a run, at its ends, and of everything.
	for i, after := range []raft.Index{8, 9, 6, 4, 3, 1, 0} {
		s.mustAppend(&raft.HardState{Term: raft.Term(2 + i)}, s.model.span(after, raft.Term(2+i), 1+i%3, 30))
		s.check()
		s.wantReadError(s.model.last().Index, s.model.last().Index+1, raft.ErrOutOfRange)
		s.reopen()
	}
}

func testTruncateWithinAppend(s *subject) {
	s.grow(1, 4, 10)
	a := s.model.span(4, 2, 6, 10) // 5..10
	b := s.model.append(nil, []raft.Span{a}).span(7, 3, 2, 10)
	c := s.model.append(nil, []raft.Span{a, b}).span(2, 4, 3, 10)
	d := s.model.append(nil, []raft.Span{a, b, c}).span(4, 5, 3, 10)
	a.Encoded = raft.AppendEntries(nil, a.Entries)
	c.Encoded = raft.AppendEntries(nil, c.Entries)
	s.mustAppend(nil, a, b)
	s.check()
	s.mustAppend(nil, c, d)
	s.check()
	s.reopen()
	s.mustAppend(nil, s.model.span(2, 6, 9, 10), s.model.span(2, 7, 1, 10))
	s.reopen()
}

func testEmptySpanKeepsSuffix(s *subject) {
	s.grow(1, 5, 10)
	s.mustAppend(nil, raft.Span{Prev: raft.EntryID{Term: 1, Index: 2}})
	s.check()
	s.mustAppend(&raft.HardState{Term: 2}, raft.Span{Prev: raft.EntryID{Term: 1, Index: 5}})
	s.reopen()
}

func testLargeEntries(s *subject) {
	s.grow(1, 3, 600<<10)
	big := s.model.span(3, 1, 3, 700<<10)
	big.Encoded = raft.AppendEntries(nil, big.Entries)
	s.mustAppend(nil, big, s.model.append(nil, []raft.Span{big}).span(6, 2, 1, raft.EntryDataBytesMax))
	s.grow(2, 1200, 1000)
	s.check()
	s.mustAppend(nil, s.model.span(5, 3, 1, 10))
	s.reopen()
}

func testCallerMistakes(s *subject) {
	s.grow(1, 3, 10)
	hole := raft.Span{Prev: raft.EntryID{Term: 1, Index: 4}, Entries: s.model.span(3, 1, 1, 10).Entries}
	if _, err := s.log.Append(nil, []raft.Span{hole}); !errors.Is(err, raft.ErrOutOfRange) {
		s.Errorf("Append after a hole = %v, want ErrOutOfRange", err)
	}
	other := raft.Span{Prev: raft.EntryID{Term: 2, Index: 3}, Entries: hole.Entries}
	if _, err := s.log.Append(nil, []raft.Span{other}); err == nil {
		s.Error("Append after an entry of another term was accepted")
	}
	if _, err := s.log.Append(&raft.HardState{Term: 1, Commit: 4}, nil); !errors.Is(err, raft.ErrOutOfRange) {
		s.Errorf("Append of a commit above the log = %v, want ErrOutOfRange", err)
	}
	// A refusal is not a failure of the disk.
	s.grow(1, 1, 10)
	s.reopen()
}

func testRandomAgainstModel(s *subject) {
	rng := rand.New(rand.NewPCG(1, 2))
	term := raft.Term(1)
	for range 200 {
		switch rng.IntN(12) {
		case 0:
			s.reopen()
		case 1:
			s.compact(s.model.snapshot(s.model.first.Index + raft.Index(rng.IntN(len(s.model.entries)+1))/2))
		case 10:
			term++
			upto := max(s.model.first.Index, s.model.hs.Commit) + 1 + raft.Index(rng.IntN(20))
			s.compact(snapshotOf(raft.EntryID{Term: term, Index: upto}))
		case 2, 3:
			term++
			after := s.model.first.Index + raft.Index(rng.IntN(len(s.model.entries)+1))
			s.mustAppend(&raft.HardState{Term: term, Commit: after}, s.model.span(after, term, rng.IntN(5), 20))
		default:
			s.grow(term, 1+rng.IntN(20), rng.IntN(200))
		}
		s.check()
	}
	s.reopen()
}

func testReadWhileAppending(s *subject) {
	s.grow(1, 10, 100)
	stable := s.model
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := stable.holds(s.log); err != nil {
					s.Errorf("read beside appends: %v", err)
					return
				}
			}
		})
	}
	for i := range 100 {
		s.mustAppend(nil, s.model.span(10+raft.Index(i%7), raft.Term(2+i), 8, 50))
	}
	close(stop)
	readers.Wait()
	s.check()
}
