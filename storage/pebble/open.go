package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// Open claims the data folder and opens the raft log in it, or creates one.
func Open(o storage.Options) (*Log, error) { return OpenOn(o, vfs.Default) }

// OpenOn is Open with the log's files on another file system. The claim is still made on the real one.
func OpenOn(o storage.Options, fs vfs.FS) (*Log, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	claim, err := storage.NewClaim(o)
	if err != nil {
		return nil, err
	}
	var l *Log
	if err = needCreated(o, fs, claim); err == nil {
		l, err = open(o, fs)
	}
	if err != nil {
		return nil, errors.Join(err, claim.Close())
	}
	l.claim = claim
	return l, nil
}

// OpenFS is Open on another file system, without claim and identity: for tests of crashes and faults.
func OpenFS(o storage.Options, fs vfs.FS) (*Log, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return open(o, fs)
}

func open(o storage.Options, fs vfs.FS) (*Log, error) { return openTuned(o, fs, tuning{}) }

func openTuned(o storage.Options, fs vfs.FS, t tuning) (*Log, error) {
	f := storage.NewFailure("raft log engine", o.Logger)
	started := time.Now()
	if !t.failStopOff {
		fs = NewFailStopFS(fs, f)
	}
	opened, wals := make(chan *pebble.DB, 1), new(atomic.Uint64)
	err := f.Open(func() error {
		db, err := openEngine(o, fs, f, t, wals)
		if db != nil {
			opened <- db
		}
		return err
	})
	if err != nil {
		select {
		case db := <-opened:
			err = errors.Join(err, CloseUnopened(f, db))
		default:
		}
		return nil, fmt.Errorf("open raft log: %w", markCorrupt(err))
	}
	o.Logger.Info("raft log open", slog.Uint64("node", uint64(o.Node)), slog.String("dir", o.Dir),
		slog.Duration("took", time.Since(started)))
	return &Log{options: o, tuning: t, failure: f, fs: fs, db: <-opened, wals: wals}, nil
}

// openEngine opens Pebble so that every WAL that will be written to has the newest format, and syncs fast. It counts
// the WALs that are begun in wals.
func openEngine(
	o storage.Options, fs vfs.FS, f *storage.Failure, t tuning, wals *atomic.Uint64,
) (*pebble.DB, error) {
	dir := storage.LogDir(o.Dir)
	if err := MakeDir(fs, dir); err != nil {
		return nil, err
	}
	found, err := pebble.Peek(dir, fs)
	if err != nil {
		return nil, err
	}
	if !t.reopenOff && (!found.Exists || found.FormatMajorVersion < pebble.FormatNewest) {
		// The format is raised after the first WAL was begun, so that one is given up.
		db, err := OpenEngine(dir, engineOptions(o, fs, f, t, wals))
		if err != nil {
			return nil, err
		}
		if err := errors.Join(t.placeGuard(db), db.Close()); err != nil {
			return nil, err
		}
	}
	db, err := OpenEngine(dir, engineOptions(o, fs, f, t, wals))
	if err != nil {
		return nil, err
	}
	if err := t.placeGuard(db); err != nil {
		return db, err
	}
	if o.WALPrimeBytes != storage.WALPrimeOff {
		if err := prime(db, o); err != nil {
			return db, fmt.Errorf("prime write-ahead log: %w", err)
		}
	}
	return db, nil
}

// placeGuard puts a record between the hard state and the runs, once, in a table of its own at the bottom. The engine
// merges the tables of the hard state often, and takes along every table beside them up to the next one at the bottom:
// without the guard it would write the runs again and again, because compaction removes them from the bottom.
func placeGuard(db *pebble.DB) error {
	value, closer, err := db.Get(guardKey())
	if err == nil {
		if len(value) != 1 || value[0] != layoutVersion {
			err = wrongVersion("raft log", append(value, 0)[0])
		}
		return errors.Join(err, closer.Close())
	}
	if errors.Is(err, pebble.ErrNotFound) {
		err = db.Set(guardKey(), []byte{layoutVersion}, pebble.Sync)
	}
	if err == nil {
		err = db.Compact(context.Background(), guardKey(), runKey(0), false)
	}
	if err != nil {
		return fmt.Errorf("place guard: %w", err)
	}
	return nil
}

// primeChunkBytes is how much one record of a primed WAL holds, at most.
const primeChunkBytes = 1 << 20

// prime fills WALs with records that mean nothing and rotates them, so that the engine has files to overwrite.
func prime(db *pebble.DB, o storage.Options) error {
	filler := make([]byte, min(primeChunkBytes, o.WALPrimeBytes))
	for left := o.WALPrimeBytes; left > 0; left -= o.MemTableBytes {
		for size := 0; size < min(left, o.MemTableBytes); size += len(filler) {
			if err := db.LogData(filler, pebble.NoSync); err != nil {
				return err
			}
		}
		if err := db.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// Limits of the engine beside those of storage.Options.
const (
	memTablesMax       = 3
	tableBytes         = 64 << 20
	openFilesMax       = 256
	tableBytesPerSync  = 1 << 20
	compactionsMax     = 1
	sublevelsToCompact = 8
	sublevelsToStop    = 1 << 10
	filesToCompact     = 1 << 12
	// baseBytesMax is more than a log has: there is one level below level 0, the one of the guard. With a second one
	// above it the guard would part nothing, and runs would be merged down.
	baseBytesMax = 1 << 40
)

// engineOptions tune Pebble for keys that are written once, in order, and hardly ever read.
func engineOptions(
	o storage.Options, fs vfs.FS, f *storage.Failure, t tuning, wals *atomic.Uint64,
) *pebble.Options {
	opts := &pebble.Options{
		FS:                 fs,
		FormatMajorVersion: pebble.FormatNewest,
		// Pebble takes its memtables from the size of the cache: this is what is left of it beside one of them.
		CacheSize:                   int64(o.CacheBytes) + int64(o.MemTableBytes),
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: memTablesMax,
		// Runs never overlap in key, so tables stay where they are flushed; only truncation and the hard
		// state overlap.
		L0CompactionThreshold:      sublevelsToCompact,
		L0CompactionFileThreshold:  filesToCompact,
		L0StopWritesThreshold:      sublevelsToStop,
		CompactionConcurrencyRange: func() (int, int) { return 1, compactionsMax },
		LBaseMaxBytes:              baseBytesMax,
		BytesPerSync:               tableBytesPerSync,
		MaxOpenFiles:               openFilesMax,
		DisableTableStats:          true,
		Logger:                     f,
		EventListener: &pebble.EventListener{
			WALCreated: func(pebble.WALCreateInfo) { wals.Add(1) },
			// A flush or compaction that fails is an error of a write: the engine would try again, we do not.
			// One that gives way to the removal of compacted runs did not fail.
			BackgroundError: func(err error) {
				if !errors.Is(err, pebble.ErrCancelledCompaction) {
					f.Background(err)
				}
			},
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				f.Background(fmt.Errorf("%s: %w: %w", info.Path, info.Details, storage.ErrCorrupt)) // its String has a stack
			},
		},
	}
	opts.TargetFileSizes[0] = tableBytes
	opts.Experimental.ReadSamplingMultiplier = -1
	// The hard state gets tables of its own: in one with runs it would make all of them overlap. So does the guard.
	opts.Experimental.SpanPolicyFunc = func(start []byte) (pebble.SpanPolicy, []byte, error) {
		for _, end := range [][]byte{guardKey(), {prefixRun}} {
			if bytes.Compare(start, end) < 0 {
				return pebble.SpanPolicy{}, end, nil
			}
		}
		return pebble.SpanPolicy{}, nil, nil
	}
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	if t.engine != nil {
		t.engine(opts)
	}
	return opts
}
