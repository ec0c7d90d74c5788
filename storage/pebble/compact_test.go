package pebble

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

func snapshotAt(term raft.Term, index raft.Index) raft.Snapshot {
	return raft.Snapshot{
		Last: raft.EntryID{Term: term, Index: index}, Configuration: raft.NewConfiguration(1, 2, 3),
		ConfigurationIndex: index - 1,
	}
}

// appendLarge appends about a third of a memtable in one run of 4 entries, and returns the log's end.
func appendLarge(t *testing.T, l *Log, last raft.EntryID) raft.EntryID {
	t.Helper()
	s := testSpan(last, 1, 4)
	for i := range s.Entries {
		s.Entries[i].Data = bytes.Repeat([]byte{byte(last.Index)}, 80<<10)
	}
	wait, err := l.Append(&raft.HardState{Term: 1, Commit: last.Index}, []raft.Span{s})
	if err == nil {
		err = wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.Last()
}

// TestCompactRewritesNothing shows that a log that is compacted again and again keeps a bounded place on
// disk, and that the engine merges nothing but hard states.
func TestCompactRewritesNothing(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs)
	defer func() { l.Close() }()
	mustLoad(t, l)
	var last raft.EntryID
	for i := range 90 {
		last = appendLarge(t, l, last)
		if i%3 == 2 {
			if err := l.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if i%10 == 9 {
			if err := l.Compact(snapshotAt(1, last.Index-7)); err != nil {
				t.Fatal(err)
			}
		}
		if i == 50 { // and over a restart
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openTest(t, fs)
			mustLoad(t, l)
		}
	}
	m := l.db.Metrics()
	flushed := m.Total().TableBytesFlushed
	if flushed < 8<<20 {
		t.Fatalf("%d bytes flushed, too few for the test", flushed)
	}
	if compacted := m.Total().TableBytesCompacted; compacted*50 > flushed {
		t.Errorf("compactions wrote %d bytes beside %d flushed, want nearly none\n%s", compacted, flushed, m)
	}
	if size := m.Total().TablesSize; size > 5<<20 {
		t.Errorf("tables have %d bytes for a log of 0.6 MiB and what came since\n%s", size, m)
	}
	first := l.state.First.Index
	if got, err := l.Read(first, last.Index, 64<<20); err != nil || got.Last() != last {
		t.Errorf("Read(%d) = entries up to %v, %v, want up to %v", first, got.Last(), err, last)
	}
}

// TestDropLeavesMemtablesAlone shows that a compaction forces no flush.
func TestDropLeavesMemtablesAlone(t *testing.T) {
	l := openTest(t, vfs.NewMem())
	defer l.Close()
	mustLoad(t, l)
	before := l.db.Metrics().Flush.Count
	last := fill(t, l, 20)
	for upto := raft.Index(1); upto <= last.Index; upto += 3 {
		if err := l.Compact(snapshotAt(1, upto)); err != nil {
			t.Fatal(err)
		}
	}
	if after := l.db.Metrics().Flush.Count; after != before {
		t.Errorf("%d flushes, want none", after-before)
	}
}

// TestLoadFindsDamageOfCompacted damages a compacted log of the entries 10 to 20 that still has its runs.
func TestLoadFindsDamageOfCompacted(t *testing.T) {
	cases := []struct {
		name   string
		damage func(db *pebble.DB) error
		want   error
	}{
		{"nothing", func(*pebble.DB) error { return nil }, nil},
		{"a run of no use lost", func(db *pebble.DB) error { return db.Delete(runKey(1), pebble.Sync) }, nil},
		{"first run lost", func(db *pebble.DB) error { return db.Delete(runKey(9), pebble.Sync) }, storage.ErrCorrupt},
		{"all runs lost", func(db *pebble.DB) error { return db.DeleteRange(runKey(1), runsEnd(), pebble.Sync) },
			storage.ErrCorrupt},
		{"all live runs lost", func(db *pebble.DB) error { return db.DeleteRange(runKey(9), runsEnd(), pebble.Sync) },
			storage.ErrCorrupt},
		{"record of first lost", func(db *pebble.DB) error {
			return errors.Join(db.Delete(runKey(1), pebble.Sync), db.Delete(firstKey(), pebble.Sync))
		}, storage.ErrCorrupt},
		{"record of a later version", func(db *pebble.DB) error {
			return db.Set(firstKey(), []byte{layoutVersion + 1, 0, 0, 0}, pebble.Sync)
		}, storage.ErrFormat},
		{"record cut short", func(db *pebble.DB) error {
			return db.Set(firstKey(), sealFirst(snapshotAt(1, 10))[:20], pebble.Sync)
		}, storage.ErrCorrupt},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs := vfs.NewMem()
			l := openTest(t, fs)
			mustLoad(t, l)
			fill(t, l, 5)
			if err := l.Compact(snapshotAt(1, 10)); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.damage(l.db), l.Close()); err != nil {
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

// TestFlippedBitOfFirstRecord flips every bit of the record with the configuration.
func TestFlippedBitOfFirstRecord(t *testing.T) {
	good := sealFirst(snapshotAt(3, 40))
	if got, err := openFirst(good); err != nil || got.Last != (raft.EntryID{Term: 3, Index: 40}) {
		t.Fatalf("openFirst() = %+v, %v", got, err)
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if got, err := openFirst(bad); !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrFormat) {
			t.Fatalf("bit %d flipped: %+v, %v", bit, got, err)
		}
	}
	for size := range good {
		if got, err := openFirst(good[:size]); !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %+v, %v", size, got, err)
		}
	}
}
