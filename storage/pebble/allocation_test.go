//go:build !race && !invariants

package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// The race detector and the expensive invariants allocate too, so this test is run apart from the others (make test
// does).

// TestAppendAllocates guards the price of an append.
func TestAppendAllocates(t *testing.T) {
	l, _ := openWatermarkDisk(t, vfs.NewMem(), storage.WatermarkSyncIntervalMax)
	defer l.Close()
	span := benchSpan(raft.EntryID{Term: 1, Index: 4}, 1)
	hs := raft.HardState{Term: 1, Vote: 1}
	spans := []raft.Span{span}
	got := testing.AllocsPerRun(500, func() {
		hs.Commit = spans[0].Prev.Index
		wait, err := l.Append(&hs, spans)
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Fatal(err)
		}
		spans[0].Prev = spans[0].Last()
	})
	if got > 6 {
		t.Errorf("%v allocations in an append, want at most 6", got)
	}
}
