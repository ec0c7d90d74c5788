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

// TestTablesOfRunsDoNotOverlap flushes many times with a changing hard state: runs are written to one
// table, once.
func TestTablesOfRunsDoNotOverlap(t *testing.T) {
	l := openTest(t, vfs.NewMem())
	defer l.Close()
	mustLoad(t, l)
	var last raft.EntryID
	const flushes = 40
	for range flushes {
		for range 5 {
			s := testSpan(last, 1, 1)
			s.Entries[0].Data = bytes.Repeat([]byte("x"), 10<<10)
			if _, err := l.Append(&raft.HardState{Term: 1, Commit: last.Index}, []raft.Span{s}); err != nil {
				t.Fatal(err)
			}
			last = s.Last()
		}
		if err := l.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	m := l.db.Metrics()
	if written, in := m.Flush.Count, int64(flushes); written < in {
		t.Fatalf("%d flushes, want %d", written, in)
	}
	var compacted uint64
	for _, level := range m.Levels {
		compacted += level.TableBytesCompacted
	}
	if total := m.Total().TableBytesFlushed; compacted*10 > total {
		t.Errorf("compactions wrote %d bytes beside %d flushed, want nearly none\n%s", compacted, total, m)
	}
}

// TestFirstWALHasNewestFormat shows that a new store is never written to in the old format.
func TestFirstWALHasNewestFormat(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs)
	defer l.Close()
	if got := l.db.FormatMajorVersion(); got != pebble.FormatNewest {
		t.Errorf("format %v, want %v", got, pebble.FormatNewest)
	}
	mustLoad(t, l)
	fill(t, l, 1)
	wal, _ := largestWAL(t, fs)
	raw := readFile(t, fs, wal)
	// A record's header is checksum (4 B), length (2 B), type (1 B); types from 9 on carry sync offsets.
	if kind := raw[6]; kind < 9 {
		t.Errorf("first record of %s has type %d, of the old format", wal, kind)
	}
}

func TestOpenSaysWhy(t *testing.T) {
	if _, err := Open(storage.Options{}); err == nil {
		t.Error("Open without options succeeded")
	}
	o := testOptions(t.TempDir())
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Incarnation(); got != 1 {
		t.Errorf("Incarnation() = %d, want 1", got)
	}
	if _, err := Open(o); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("second Open = %v, want ErrLocked", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o.Node = 2
	if _, err := Open(o); !errors.Is(err, storage.ErrWrongNode) {
		t.Errorf("Open as another node = %v, want ErrWrongNode", err)
	}
}
