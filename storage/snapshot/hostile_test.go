package snapshot

import (
	"bytes"
	"errors"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// TestHostileStreams sends what must not be taken: the folder gives it up at the limit, removes it, and has the
// snapshot received before.
func TestHostileStreams(t *testing.T) {
	o := Options{Dir: t.TempDir(), BytesMax: 150_000}
	f := mustOpen(t, o)
	old, oldState := nameAt(1, 5), stateOf(1000)
	if err := storeAll(f, chunksOf(old, fileOf(t, old, oldState), 100)); err != nil {
		t.Fatal(err)
	}
	s := nameAt(2, 10)
	good := fileOf(t, s, stateOf(100_000))
	flipped := bytes.Clone(good)
	flipped[70_000] ^= 1
	other := fileOf(t, nameAt(2, 11), stateOf(100_000))
	again := append(bytes.Clone(good[:len(good)-trailerBytes]), good...)
	short := append(bytes.Clone(good[:100]), good[100+blockBytes:]...)
	for name, c := range map[string]struct {
		chunks []raft.Chunk
		want   error
	}{
		"ten times as large":    {chunksOf(s, fileOf(t, s, stateOf(1_000_000)), 10_000), ErrTooLarge},
		"one chunk too large":   {chunksOf(s, fileOf(t, s, stateOf(1_000_000)), 1<<30), ErrTooLarge},
		"more after the end":    {chunksOf(s, append(bytes.Clone(good), 0), 10_000), storage.ErrCorrupt},
		"a flipped bit":         {chunksOf(s, flipped, 10_000), storage.ErrCorrupt},
		"another name":          {chunksOf(s, other, 10_000), storage.ErrCorrupt},
		"done too early":        {chunksOf(s, good[:50_000], 10_000), storage.ErrCorrupt},
		"nothing but done":      {[]raft.Chunk{{Snapshot: s, Done: true}}, storage.ErrCorrupt},
		"two files in one":      {chunksOf(s, again, 9999), ErrTooLarge},
		"block left out":        {chunksOf(s, short, 9999), storage.ErrCorrupt},
		"a name of many bytes":  {chunksOf(s, append([]byte(magic), 1, 0xff, 0xff, 0xff, 0x7f), 100), storage.ErrCorrupt},
		"a file of another age": {chunksOf(s, append([]byte(magic), 9, 0, 0, 0, 0), 100), storage.ErrFormat},
	} {
		if err := storeAll(f, c.chunks); !errors.Is(err, c.want) {
			t.Errorf("%s: Store() = %v, want %v", name, err, c.want)
		}
		wantFiles(t, o.Dir, receivedName)
		wantReceived(t, f, old, oldState)
	}
	// A stream that never ends.
	endless := raft.Chunk{Snapshot: s, Data: good[:10_000]}
	var err error
	for n := 0; err == nil; n++ {
		if n > 20 {
			t.Fatal("an endless stream is taken")
		}
		err = f.Store(endless)
		endless.Offset += 10_000
	}
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("endless stream: %v, want ErrTooLarge", err)
	}
	wantFiles(t, o.Dir, receivedName)
	if err := storeAll(f, chunksOf(s, good, 33_333)); err != nil {
		t.Fatal(err)
	}
	wantReceived(t, f, s, stateOf(100_000))
}
