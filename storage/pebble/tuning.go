package pebble

import "github.com/cockroachdb/pebble/v2"

// tuning undoes choices of this package, so that a benchmark can say what each of them brings. The zero value is the
// log as shipped, and the only one outside of tests.
type tuning struct {
	// engine changes the engine's options, after all else.
	engine func(*pebble.Options)
	// reopenOff uses a new store as it was created: its first WAL has the engine's oldest format.
	reopenOff bool
	// guardOff leaves out the record between the hard state and the runs, see placeGuard.
	guardOff bool
	// failStopOff gives the engine the file system without FailStopFS.
	failStopOff bool
	// watermarkOff keeps no watermark.
	watermarkOff bool
	// forgetOff leaves compacted runs in the memtables, see forget.
	forgetOff bool
	// submit takes the place of ApplyNoSyncWait. The wait that it returns releases the batch.
	submit func(*pebble.DB, *pebble.Batch) (wait func() error, err error)
}

func (t tuning) placeGuard(db *pebble.DB) error {
	if t.guardOff {
		return nil
	}
	return placeGuard(db)
}
