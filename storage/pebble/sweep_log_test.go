package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/storagetest"
	"github.com/raftmark/raftmark/storage/sweep"
)

// sweepLog returns logs on Pebble, of the given class, as the subject of sweeps; a life has so many steps. Primed ones
// write to recycled WALs.
func sweepLog(class storage.Sync, primed bool, steps int) *sweep.Subject[sweep.LogState] {
	o := testOptions("/node")
	o.Sync = class
	if primed {
		o.WALPrimeBytes = 64 << 10
	}
	open := func(fs vfs.FS) (storagetest.Log, error) { return OpenFS(o, fs) }
	return sweep.Log(open, steps, class == storage.SyncFsync)
}

// TestSweepLogCrash crashes a log before each change that it makes to the disk.
func TestSweepLogCrash(t *testing.T) {
	s := sweep.Start(t, "log: crash at every change of the disk")
	s.Each(s.Pick(1, 4), func(i int) error {
		return sweepLog(storage.SyncFsync, i%4 == 1, s.Pick(5, 60)).EveryPoint(s, uint64(i), s.Pick(1, 5))
	})
}

// TestSweepLogLives crashes logs at random points of several lives, one after the other.
func TestSweepLogLives(t *testing.T) {
	s := sweep.Start(t, "log: several lives")
	s.Each(s.Pick(8, 300), func(i int) error {
		return sweepLog(storage.SyncFsync, i%2 == 1, 60).Lives(s, uint64(i), 5)
	})
}

// TestSweepLogUnsynced does so with logs that sync only compactions: what is left is older, and still whole.
func TestSweepLogUnsynced(t *testing.T) {
	s := sweep.Start(t, "log without syncs: several lives")
	s.Each(s.Pick(4, 100), func(i int) error {
		return sweepLog(storage.SyncNone, i%2 == 1, 60).Lives(s, uint64(i), 5)
	})
}

// TestSweepLogFaults fails every operation of a log, one at a time.
func TestSweepLogFaults(t *testing.T) {
	s := sweep.Start(t, "log: every operation fails")
	s.EachFault(1, s.Pick(32, 1), sweepLog(storage.SyncFsync, false, 40))
	s.EachFault(1, s.Pick(96, 1), sweepLog(storage.SyncFsync, true, 40))
}
