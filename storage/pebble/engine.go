package pebble

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/storage"
)

// OpenEngine opens Pebble, and lets it compact only when it is open. By itself it begins to compact while it still
// opens; when it then cannot open, it takes its caches down under that compaction, which panics on a goroutine that
// nobody can guard: a disk that fails at that moment would end the process without a reason.
func OpenEngine(dir string, opts *pebble.Options) (*pebble.DB, error) {
	// Its name says that it is for tests, because it does not look again by itself whether more compactions are allowed
	// than before; it does so whenever one is wanted or is done, which is enough for limits that hardly change.
	s := &lateScheduler{ConcurrencyLimitScheduler: pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()}
	opts.Experimental.CompactionScheduler = s
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	s.begin()
	return db, nil
}

// lateScheduler is Pebble's scheduler from when it has begun, and grants nothing before.
type lateScheduler struct {
	*pebble.ConcurrencyLimitScheduler
	db    pebble.DBForCompaction
	begun atomic.Bool
}

// Register implements pebble.CompactionScheduler.
func (s *lateScheduler) Register(goroutines int, db pebble.DBForCompaction) {
	s.db = db
	s.ConcurrencyLimitScheduler.Register(goroutines, db)
}

// TrySchedule implements pebble.CompactionScheduler. Whom it refuses waits to be asked.
func (s *lateScheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	if !s.begun.Load() {
		return false, nil
	}
	return s.ConcurrencyLimitScheduler.TrySchedule()
}

// begin lets the engine compact, and asks it whether it wants to.
func (s *lateScheduler) begin() {
	s.begun.Store(true)
	if waits, _ := s.db.GetWaitingCompaction(); !waits {
		return
	}
	if granted, handle := s.ConcurrencyLimitScheduler.TrySchedule(); granted && !s.db.Schedule(handle) {
		handle.Done()
	}
}

// closeGrace is how long an engine may take to close that could not be opened to the end.
const closeGrace = 200 * time.Millisecond

// CloseUnopened closes an engine that pebble.Open has opened, and that failed before it was ready to be used. Work of
// its own that failed meanwhile was ended (see storage.Failure.Background), and the engine waits for that for ever:
// then it is left behind.
func CloseUnopened(f *storage.Failure, db *pebble.DB) error {
	closed := make(chan error, 1)
	go func() {
		err, _ := f.Guard(db.Close)
		closed <- err
	}()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeGrace):
		return f.Get()
	}
}
