package storagetest

import (
	"errors"
	"time"

	"github.com/raftmark/raftmark/raft"
)

func testReadLimits(s *subject) {
	const dataBytes = 100
	entryBytes := dataBytes + raft.EntryOverheadBytes
	for range 4 {
		s.grow(1, 5, dataBytes)
	}
	s.grow(2, 5, dataBytes)
	cases := []struct {
		after, upto raft.Index
		bytesMax    int
		want        int
	}{
		{0, 25, 1 << 20, 25},
		{0, 25, 0, 1},
		{0, 25, 1, 1},
		{0, 25, 2*entryBytes - 1, 1},
		{0, 25, 2 * entryBytes, 2},
		{3, 25, 4 * entryBytes, 4},
		{4, 9, 1 << 20, 5},
		{7, 8, 1 << 20, 1},
		{19, 21, 1 << 20, 2},
		{24, 25, 0, 1},
	}
	for _, c := range cases {
		got, err := s.log.Read(c.after, c.upto, c.bytesMax)
		if err != nil || len(got.Entries) != c.want {
			s.Errorf("Read(%d, %d, %d) = %d entries, %v, want %d",
				c.after, c.upto, c.bytesMax, len(got.Entries), err, c.want)
			continue
		}
		if want := (raft.EntryID{Term: s.model.term(c.after), Index: c.after}); got.Prev != want {
			s.Errorf("Read(%d, %d).Prev = %v, want %v", c.after, c.upto, got.Prev, want)
		}
		if err := sameEntries(got.Entries, s.model.entries[c.after:int(c.after)+c.want]); err != nil {
			s.Errorf("Read(%d, %d, %d): %v", c.after, c.upto, c.bytesMax, err)
		}
	}
	s.wantReadError(0, 26, raft.ErrOutOfRange)
	s.wantReadError(25, 26, raft.ErrOutOfRange)
	s.wantReadError(25, 25, raft.ErrOutOfRange)
	s.wantReadError(100, 200, raft.ErrOutOfRange)
}

// testReadOwnsNothing shows that the entries of a read are the caller's.
func testReadOwnsNothing(s *subject) {
	s.grow(1, 5, 10)
	got, err := s.log.Read(0, 5, 1<<20)
	if err != nil {
		s.Fatal(err)
	}
	clear(got.Entries)
	_ = append(got.Entries[:1], raft.Entry{Term: 9})
	s.check()
}

func testClosed(s *subject) {
	s.grow(1, 3, 10)
	wait := s.append(nil, s.model.span(3, 1, 1, 10))
	log := s.log
	s.close()
	ended := make(chan error, 1)
	go func() { ended <- wait() }()
	select {
	case err := <-ended:
		if err != nil {
			s.Errorf("wait after Close = %v, want nil: Close waits for writes", err)
		}
	case <-time.After(10 * time.Second):
		s.Fatal("a wait does not end after Close")
	}
	if _, err := log.Append(nil, []raft.Span{s.model.span(4, 1, 1, 10)}); !errors.Is(err, raft.ErrClosed) {
		s.Errorf("Append after Close = %v, want ErrClosed", err)
	}
	if _, err := log.Read(0, 1, 1); !errors.Is(err, raft.ErrClosed) {
		s.Errorf("Read after Close = %v, want ErrClosed", err)
	}
	if err := log.Compact(snapshotOf(raft.EntryID{Term: 1, Index: 1})); !errors.Is(err, raft.ErrClosed) {
		s.Errorf("Compact after Close = %v, want ErrClosed", err)
	}
	if _, err := log.Load(); !errors.Is(err, raft.ErrClosed) {
		s.Errorf("Load after Close = %v, want ErrClosed", err)
	}
	if err := log.Close(); !errors.Is(err, raft.ErrClosed) {
		s.Errorf("second Close = %v, want ErrClosed", err)
	}
	s.open()
}
