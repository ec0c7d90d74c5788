package replica

import (
	"testing"

	"github.com/raftmark/raftmark/raft"
)

func TestTraceRingKeepsTheLast(t *testing.T) {
	g := traceRing{max: 3}
	for i := range 8 {
		g.keep(&trace{}, raft.EntryID{Index: raft.Index(i)})
	}
	list := g.list()
	if len(list) != 3 {
		t.Fatalf("kept %d, want 3", len(list))
	}
	for i, tr := range list {
		if want := raft.Index(5 + i); tr.ID.Index != want {
			t.Errorf("trace %d is of entry %d, want %d", i, tr.ID.Index, want)
		}
	}
}
