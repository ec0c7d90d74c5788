package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

func openTest(t *testing.T, fs vfs.FS) *Log {
	t.Helper()
	l, err := OpenFS(testOptions("/node"), fs)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustLoad(t *testing.T, l *Log) raft.LogState {
	t.Helper()
	state, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func testSpan(prev raft.EntryID, term raft.Term, n int) raft.Span {
	s := raft.Span{Prev: prev}
	for i := range n {
		data := fmt.Appendf(nil, "entry %d of term %d", int(prev.Index)+1+i, term)
		s.Entries = append(s.Entries, raft.Entry{Term: term, Kind: raft.EntryCommand, Data: data})
	}
	return s
}

// fill appends runs of 4 entries and returns the log's end.
func fill(t *testing.T, l *Log, runs int) raft.EntryID {
	t.Helper()
	var last raft.EntryID
	for range runs {
		s := testSpan(last, 1, 4)
		wait, err := l.Append(&raft.HardState{Term: 1, Vote: 1, Commit: last.Index}, []raft.Span{s})
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Fatal(err)
		}
		last = s.Last()
	}
	return last
}

// TestLoadFindsDamage changes what is stored, behind the log's back, and loads it.
func TestLoadFindsDamage(t *testing.T) {
	flipped := func(key []byte, offset int) func(db *pebble.DB) error {
		return func(db *pebble.DB) error {
			value, closer, err := db.Get(key)
			if err != nil {
				return err
			}
			bad := append([]byte(nil), value...)
			bad[(offset+len(bad))%len(bad)] ^= 0x10
			return errors.Join(db.Set(key, bad, pebble.Sync), closer.Close())
		}
	}
	moved := func(db *pebble.DB) error {
		value, closer, err := db.Get(runKey(5))
		if err != nil {
			return err
		}
		return errors.Join(db.Set(runKey(9), value, pebble.Sync), closer.Close())
	}
	cases := []struct {
		name   string
		damage func(db *pebble.DB) error
		want   error
	}{
		{"first byte of a run", flipped(runKey(5), 0), storage.ErrFormat},
		{"header of a run", flipped(runKey(5), 17), storage.ErrCorrupt},
		{"checksum of a run", flipped(runKey(5), runCRCOffset), storage.ErrCorrupt},
		{"entry of a run", flipped(runKey(5), -3), storage.ErrCorrupt},
		{"short run", func(db *pebble.DB) error {
			return db.Set(runKey(5), []byte{layoutVersion, 2}, pebble.Sync)
		}, storage.ErrCorrupt},
		{"run under another key", moved, storage.ErrCorrupt},
		{"key of no run", func(db *pebble.DB) error { return db.Set([]byte{prefixRun, 9}, nil, pebble.Sync) },
			storage.ErrCorrupt},
		{"first run lost", func(db *pebble.DB) error { return db.Delete(runKey(1), pebble.Sync) }, storage.ErrCorrupt},
		{"middle run lost", func(db *pebble.DB) error { return db.Delete(runKey(5), pebble.Sync) }, storage.ErrCorrupt},
		{"committed tail lost", func(db *pebble.DB) error {
			return db.DeleteRange(runKey(9), runsEnd(), pebble.Sync)
		}, storage.ErrCorrupt},
		{"tail lost that was not committed", func(db *pebble.DB) error {
			return db.DeleteRange(runKey(17), runsEnd(), pebble.Sync)
		}, storage.ErrCorrupt},
		{"end record", flipped(endKey(), 3), storage.ErrCorrupt},
		{"end record lost", func(db *pebble.DB) error { return db.Delete(endKey(), pebble.Sync) }, storage.ErrCorrupt},
		{"hard state", flipped(hardStateKey(), 3), storage.ErrCorrupt},
		{"hard state cut short", func(db *pebble.DB) error {
			return db.Set(hardStateKey(), []byte{layoutVersion}, pebble.Sync)
		}, storage.ErrCorrupt},
		{"first entry moved", func(db *pebble.DB) error {
			return db.Set(firstKey(), sealFirst(raft.Snapshot{Last: raft.EntryID{Term: 2, Index: 6}}), pebble.Sync)
		}, storage.ErrCorrupt},
		{"first entry beyond", func(db *pebble.DB) error {
			return db.Set(firstKey(), sealFirst(raft.Snapshot{Last: raft.EntryID{Term: 1, Index: 60}}), pebble.Sync)
		}, storage.ErrCorrupt},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs := vfs.NewMem()
			l := openTest(t, fs)
			mustLoad(t, l)
			fill(t, l, 5)
			if err := c.damage(l.db); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openTest(t, fs)
			defer l.Close()
			if state, err := l.Load(); !errors.Is(err, c.want) {
				t.Fatalf("Load() = %+v, %v, want %v", state, err, c.want)
			}
		})
	}
}

// TestReadFindsDamage damages a run below a log that is open.
func TestReadFindsDamage(t *testing.T) {
	l := openTest(t, vfs.NewMem())
	defer l.Close()
	mustLoad(t, l)
	fill(t, l, 5)
	if err := l.db.Delete(runKey(5), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	for _, after := range []raft.Index{0, 4, 6} {
		if s, err := l.Read(after, 20, 1<<20); !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("Read(%d) = %d entries, %v, want ErrCorrupt", after, len(s.Entries), err)
		}
	}
}

// walBlockBytes is Pebble's unit of looking for records: damage in the last block of a WAL is taken for a
// torn tail.
const walBlockBytes = 32 << 10

// TestDamageInsideWAL flips one bit at many places of the live WAL after a crash, before its last block. In
// a WAL of Pebble's oldest format, everything after the bit would be lost in silence.
func TestDamageInsideWAL(t *testing.T) {
	for _, primeBytes := range []int{storage.WALPrimeOff, 64 << 10} {
		o := testOptions("/node")
		o.WALPrimeBytes = primeBytes
		fs := vfs.NewCrashableMem()
		l, err := OpenFS(o, fs)
		if err != nil {
			t.Fatal(err)
		}
		mustLoad(t, l)
		last := fill(t, l, 1000)
		crashed := fs.CrashClone(vfs.CrashCloneCfg{})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		wal, used := largestWAL(t, crashed)
		end := used / walBlockBytes * walBlockBytes
		if end < 3*walBlockBytes {
			t.Fatalf("WAL %s uses %d bytes, too few for the test", wal, used)
		}
		silent := 0
		for offset := 16; offset < end; offset += 1999 {
			clone := crashed.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
			flipBit(t, clone, wal, offset)
			got, err := reload(o, clone)
			if err != nil && !errors.Is(err, storage.ErrCorrupt) {
				t.Fatalf("prime %d: bit flipped at %d of %d: %v, want ErrCorrupt", primeBytes, offset, used, err)
			}
			if err == nil && got != last {
				if silent++; silent < 10 {
					t.Errorf("prime %d: bit flipped at %d of %d: log ends at %v, want %v or an error",
						primeBytes, offset, used, got, last)
				}
			}
		}
		if silent > 0 {
			t.Errorf("prime %d: %d silent losses", primeBytes, silent)
		}
	}
}

func reload(o storage.Options, fs vfs.FS) (raft.EntryID, error) {
	l, err := OpenFS(o, fs)
	if err != nil {
		return raft.EntryID{}, err
	}
	defer l.Close()
	state, err := l.Load()
	return state.Last, err
}

// largestWAL returns the path of the WAL with the log's entries, and how many of its bytes are used.
func largestWAL(t *testing.T, fs vfs.FS) (path string, used int) {
	t.Helper()
	names, err := fs.List(storage.LogDir("/node"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		candidate := fs.PathJoin(storage.LogDir("/node"), name)
		if strings.HasSuffix(name, ".log") {
			// In a recycled WAL the rest of what it held before follows, so look for the last entry.
			if n := strings.LastIndex(string(readFile(t, fs, candidate)), "of term 1"); n > used {
				path, used = candidate, n
			}
		}
	}
	return path, used
}

func readFile(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, info.Size())
	if _, err := f.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	return raw
}

func flipBit(t *testing.T, fs vfs.FS, path string, offset int) {
	t.Helper()
	raw := readFile(t, fs, path)
	raw[offset] ^= 0x04
	writeFile(t, fs, path, raw)
}

func writeFile(t *testing.T, fs vfs.FS, path string, raw []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), SyncDir(fs, fs.PathDir(path))); err != nil {
		t.Fatal(err)
	}
}

// TestEveryFailedWriteStops fails the k-th write or sync, and every later one, for every k: the log stops
// with that error, and after a crash everything acknowledged is there. With primed WALs the log writes to recycled
// ones.
func TestEveryFailedWriteStops(t *testing.T) {
	const runs = 30
	for _, primeBytes := range []int{storage.WALPrimeOff, 64 << 10} {
		o := testOptions("/node")
		o.WALPrimeBytes = primeBytes
		reused := 0
		for k, finished := 0, false; !finished; k += 1 + k/20 {
			fs, fault := vfs.NewCrashableMem(), &fault{err: syscall.EIO, after: k}
			acknowledged, err := runUntilFailure(o, newFaultyFS(fs, fault), runs)
			finished = err == nil
			if err != nil && !errors.Is(err, syscall.EIO) && !strings.Contains(err.Error(), syscall.EIO.Error()) {
				t.Fatalf("fault at %d: %v, want EIO", k, err)
			}
			crashed := fs.CrashClone(vfs.CrashCloneCfg{})
			got, err := reload(o, crashed)
			if err != nil {
				t.Fatalf("fault at %d: load after a crash: %v", k, err)
			}
			if got.Index < acknowledged.Index {
				t.Fatalf("fault at %d: log ends at %v, %v was acknowledged", k, got, acknowledged)
			}
			if finished && acknowledged.Index != runs*4 {
				t.Fatalf("no fault: %v acknowledged", acknowledged)
			}
			reused += fault.hitReused
		}
		if primeBytes != storage.WALPrimeOff && reused == 0 {
			t.Error("no fault hit a recycled WAL")
		}
	}
}

// runUntilFailure opens a log and appends, and returns what was acknowledged.
func runUntilFailure(o storage.Options, fs vfs.FS, runs int) (acknowledged raft.EntryID, err error) {
	l, err := OpenFS(o, fs)
	if err != nil {
		return raft.EntryID{}, err
	}
	defer l.Close()
	if _, err := l.Load(); err != nil {
		return raft.EntryID{}, err
	}
	filler := make([]byte, 24<<10)
	for range runs {
		// Large enough to fill memtables: a failed flush is the engine's own work, and reaches the next append.
		s := testSpan(acknowledged, 1, 4)
		for i := range s.Entries {
			s.Entries[i].Data = append(s.Entries[i].Data, filler...)
		}
		wait, err := l.Append(&raft.HardState{Term: 1, Commit: acknowledged.Index}, []raft.Span{s})
		if err == nil {
			err = wait()
		}
		if err != nil {
			if _, again := l.Append(nil, []raft.Span{testSpan(acknowledged, 1, 1)}); again == nil {
				return acknowledged, errors.New("append after a failure was accepted")
			}
			return acknowledged, err
		}
		acknowledged = s.Last()
	}
	return acknowledged, nil
}
