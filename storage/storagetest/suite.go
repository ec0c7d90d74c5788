package storagetest

import (
	"errors"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// Run runs the suite; newDisk returns an empty disk.
func Run(t *testing.T, newDisk func(t *testing.T) Disk) {
	cases := []struct {
		name string
		run  func(*subject)
	}{
		{"Empty", testEmpty},
		{"AppendReadReopen", testAppendReadReopen},
		{"HardStateAlone", testHardStateAlone},
		{"SpansOfOneAppend", testSpansOfOneAppend},
		{"TruncateConflict", testTruncateConflict},
		{"TruncateWithinAppend", testTruncateWithinAppend},
		{"EmptySpanKeepsSuffix", testEmptySpanKeepsSuffix},
		{"LargeEntries", testLargeEntries},
		{"ReadLimits", testReadLimits},
		{"ReadOwnsNothing", testReadOwnsNothing},
		{"ReadWhileAppending", testReadWhileAppending},
		{"CallerMistakes", testCallerMistakes},
		{"LoadAgain", testLoadAgain},
		{"Compact", testCompact},
		{"CompactNothing", testCompactNothing},
		{"CompactThenTruncate", testCompactThenTruncate},
		{"CompactDropsBeyond", testCompactDropsBeyond},
		{"CompactDropsConflict", testCompactDropsConflict},
		{"CompactAfterTruncate", testCompactAfterTruncate},
		{"CompactMistakes", testCompactMistakes},
		{"CompactBesideReads", testCompactBesideReads},
		{"LargeConfiguration", testLargeConfiguration},
		{"Closed", testClosed},
		{"RandomAgainstModel", testRandomAgainstModel},
		{"CrashKeepsAcknowledged", testCrashKeepsAcknowledged},
		{"CrashKeepsPrefix", testCrashKeepsPrefix},
		{"CrashAgain", testCrashAgain},
		{"CrashKeepsCompaction", testCrashKeepsCompaction},
		{"CrashAroundCompaction", testCrashAroundCompaction},
		{"CrashDuringCompaction", testCrashDuringCompaction},
		{"FailureIsSticky", testFailureIsSticky},
		{"CompactFails", testCompactFails},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &subject{T: t, disk: newDisk(t)}
			s.open()
			t.Cleanup(s.close)
			c.run(s)
		})
	}
}

// subject is a log under test, the disk that it is on, and the model of what it must hold.
type subject struct {
	*testing.T
	disk  Disk
	log   Log
	model model
}

// open opens and loads the log, and compares what it loaded with the model.
func (s *subject) open() {
	s.Helper()
	log, err := s.disk.Open()
	if err != nil {
		s.Fatalf("open: %v", err)
	}
	s.log = log
	got, err := log.Load()
	if err != nil {
		s.Fatalf("Load() = %v", err)
	}
	if want := s.model.state(); !sameState(got, want) {
		s.Fatalf("Load() = %+v, want %+v", got, want)
	}
	s.check()
}

// loadAgain loads the open log once more, and compares what it says with the model.
func (s *subject) loadAgain() {
	s.Helper()
	got, err := s.log.Load()
	if want := s.model.state(); err != nil || !sameState(got, want) {
		s.Fatalf("Load() again = %+v, %v, want %+v", got, err, want)
	}
}

func (s *subject) close() {
	if s.log == nil {
		return
	}
	if err := s.log.Close(); err != nil {
		s.Errorf("Close() = %v", err)
	}
	s.log = nil
}

// crash replaces the disk by what a power loss leaves.
func (s *subject) crash(percent int, seed uint64) {
	after := s.disk.Crash(percent, seed)
	// Whatever the old log still does, it does to a disk that is gone.
	_ = s.log.Close()
	s.log, s.disk = nil, after
}

func (s *subject) reopen() {
	s.Helper()
	s.close()
	s.open()
}

// append appends, to the log and to the model, without waiting.
func (s *subject) append(hs *raft.HardState, spans ...raft.Span) (wait func() error) {
	s.Helper()
	wait, err := s.log.Append(hs, spans)
	if err != nil {
		s.Fatalf("Append(%v, %d spans) = %v", hs, len(spans), err)
	}
	s.model = s.model.append(hs, spans)
	return wait
}

func (s *subject) mustAppend(hs *raft.HardState, spans ...raft.Span) {
	s.Helper()
	if err := s.append(hs, spans...)(); err != nil {
		s.Fatalf("wait() = %v", err)
	}
}

// compact compacts, the log and the model.
func (s *subject) compact(upto raft.Snapshot) {
	s.Helper()
	if err := s.log.Compact(upto); err != nil {
		s.Fatalf("Compact(%v) = %v", upto.Last, err)
	}
	s.model = s.model.compact(upto)
}

// grow appends count entries of term at the end.
func (s *subject) grow(term raft.Term, count, dataBytes int) {
	s.Helper()
	s.mustAppend(nil, s.model.span(s.model.last().Index, term, count, dataBytes))
}

// check compares all entries with the model.
func (s *subject) check() {
	s.Helper()
	if err := s.model.holds(s.log); err != nil {
		s.Fatalf("log (%v, %v]: %v", s.model.first, s.model.last(), err)
	}
}

func (s *subject) wantReadError(after, upto raft.Index, want error) {
	s.Helper()
	if span, err := s.log.Read(after, upto, 1<<20); !errors.Is(err, want) {
		s.Errorf("Read(%d, %d) = %d entries, %v, want error %v", after, upto, len(span.Entries), err, want)
	}
}
