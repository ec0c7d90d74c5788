package kv

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// A flush is counted when the state is made durable, merges when there are tables enough; nothing after Close.
func TestTablesCountTheEnginesWork(t *testing.T) {
	m := openMem(t, vfs.NewMem())
	before := m.Tables()
	value := bytes.Repeat([]byte{'v'}, 100)
	const rounds = 4 * sublevelsToCompact
	for round := range rounds {
		for i := range 10 {
			mustApply(t, m, AppendSet(nil, fmt.Appendf(nil, "key %d", i+round), value, 0))
		}
		view, err := m.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if err := view.Persist(); err != nil {
			t.Fatal(err)
		}
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Tables().Flushes - before.Flushes; got < rounds {
		t.Errorf("%d flushes after %d times that the state was made durable", got, rounds)
	}
	if err := m.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	if got := m.Tables().Merges - before.Merges; got == 0 {
		t.Error("no merge after all tables were merged")
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if got := m.Tables(); got != (storage.TableWork{}) {
		t.Errorf("after Close: got %+v", got)
	}
}
