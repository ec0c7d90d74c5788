package mem

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage/storagetest"
)

// disk adapts a log to storagetest: the memory of its newest log is the disk.
func disk(l *Log) storagetest.Disk {
	return storagetest.Disk{
		Open:  func() (storagetest.Log, error) { l = l.Crash(100, 0); return l, nil },
		Crash: func(percent int, seed uint64) storagetest.Disk { return disk(l.Crash(percent, seed)) },
		Fail:  func(err error) { l.Fail(err) },
	}
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{"instant": {}, "delayed": {SyncDelay: 10 * time.Microsecond}} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storagetest.Disk { return disk(newLog(t, o)) })
		})
	}
}

func newLog(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func span(prev raft.EntryID, term raft.Term, n int) raft.Span {
	s := raft.Span{Prev: prev}
	for range n {
		s.Entries = append(s.Entries, raft.Entry{Term: term, Kind: raft.EntryCommand, Data: []byte("x")})
	}
	return s
}

func mustAppend(t *testing.T, l *Log, s raft.Span) func() error {
	t.Helper()
	wait, err := l.Append(nil, []raft.Span{s})
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

func mustLoad(t *testing.T, l *Log) raft.LogState {
	t.Helper()
	state, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestManualSyncBlocksWaitsAndLosesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Options{ManualSync: true})
		mustLoad(t, l)
		first := mustAppend(t, l, span(raft.EntryID{}, 1, 2))
		ended := make(chan error, 2)
		go func() { ended <- first() }()
		synctest.Wait()
		if len(ended) != 0 {
			t.Fatal("a wait ended before Sync")
		}
		if got := mustLoad(t, l.Crash(0, 1)).Last; got != (raft.EntryID{}) {
			t.Errorf("crash before Sync keeps %v, want nothing", got)
		}
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		second := mustAppend(t, l, span(raft.EntryID{Term: 1, Index: 1}, 2, 4))
		if got, want := mustLoad(t, l.Crash(0, 1)).Last, (raft.EntryID{Term: 1, Index: 2}); got != want {
			t.Errorf("crash between syncs keeps %v, want %v", got, want)
		}
		if got, want := mustLoad(t, l.Crash(100, 1)).Last, (raft.EntryID{Term: 2, Index: 5}); got != want {
			t.Errorf("lucky crash keeps %v, want %v", got, want)
		}
		cause := errors.New("broken")
		l.Fail(cause)
		if err := second(); !errors.Is(err, cause) {
			t.Errorf("wait after Fail = %v, want %v", err, cause)
		}
		if got, want := mustLoad(t, l.Crash(100, 1)).Last, (raft.EntryID{Term: 1, Index: 2}); got != want {
			t.Errorf("crash after Fail keeps %v, want %v", got, want)
		}
	})
}

func TestSyncDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Options{SyncDelay: time.Second})
		mustLoad(t, l)
		start := time.Now()
		a := mustAppend(t, l, span(raft.EntryID{}, 1, 1))
		time.Sleep(time.Second / 2)
		b := mustAppend(t, l, span(raft.EntryID{Term: 1, Index: 1}, 1, 1))
		for i, wait := range []func() error{a, b} {
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			if got, want := time.Since(start), time.Second+time.Duration(i)*time.Second/2; got != want {
				t.Errorf("wait %d took %v, want %v", i, got, want)
			}
		}
	})
}

func TestOptionsValidate(t *testing.T) {
	for _, o := range []Options{{SyncDelay: -1}, {SyncDelay: time.Hour}, {SyncDelay: 1, ManualSync: true}} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) accepted it", o)
		}
	}
}
