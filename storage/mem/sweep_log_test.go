package mem

import (
	"testing"
	"time"

	"github.com/raftmark/raftmark/storage/sweep"
)

// TestSweepLog crashes a log in memory after each step, with appends that are durable at once and later.
func TestSweepLog(t *testing.T) {
	s := sweep.Start(t, "log in memory: crash after every step")
	crash := func(l *Log, percent int, seed uint64) *Log { return l.Crash(percent, seed) }
	s.Each(s.Pick(4, 40), func(i int) error {
		l, err := New(Options{SyncDelay: time.Duration(i%4) * 100 * time.Microsecond})
		if err != nil {
			return err
		}
		return sweep.MemoryLog(s, uint64(i), 60, l, crash)
	})
}
