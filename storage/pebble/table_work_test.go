package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// Flushes and merges are counted as they happen; nothing after Close.
func TestTablesCountTheEnginesWork(t *testing.T) {
	l := openTest(t, vfs.NewMem())
	mustLoad(t, l)
	before := l.Tables()
	fill(t, l, 20)
	if got := l.Tables().Flushes; got != before.Flushes {
		t.Errorf("%d flushes, want none of an append", got-before.Flushes)
	}
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := l.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	if after := l.Tables(); after.Flushes != before.Flushes+1 || after.Merges == before.Merges {
		t.Errorf("got %+v, was %+v; want a flush more, and a merge", after, before)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := l.Tables(); got != (storage.TableWork{}) {
		t.Errorf("after Close: got %+v", got)
	}
	if got := (storage.TableWork{Flushes: 1, Merges: 2}).Add(storage.TableWork{Flushes: 10, Merges: 20}); got !=
		(storage.TableWork{Flushes: 11, Merges: 22}) {
		t.Errorf("got a sum of %+v", got)
	}
}
