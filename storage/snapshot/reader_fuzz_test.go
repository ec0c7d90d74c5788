package snapshot

import (
	"bytes"
	"errors"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// FuzzRead reads any bytes as a snapshot file: what is accepted is the one encoding of what was read, and everything
// else is damage.
func FuzzRead(f *testing.F) {
	for _, size := range []int{0, 5, 300} {
		var out bytes.Buffer
		w, _, err := newWriter(&out, nameAt(3, 9), BytesMaxDefault)
		if err != nil {
			f.Fatal(err)
		}
		if err := w.write(stateOf(size)); err != nil {
			f.Fatal(err)
		}
		if _, err := w.finish(); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
		f.Add(out.Bytes()[:out.Len()-trailerBytes])
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s raft.Snapshot
		var state []byte
		var err error
		// Two blocks are there whatever comes, and the name's bytes are taken at their word, up to nameBytesMax; the state
		// is gathered by doubling, by the test.
		most := 6*len(raw) + 2*nameBytesMax + 2*blockBytes + allocation.Slack
		allocation.AtMost(t, most, func() { s, state, err = readFile(raw) })
		if err != nil {
			if !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrFormat) {
				t.Fatalf("%v, want ErrCorrupt or ErrFormat", err)
			}
			return
		}
		if !bytes.Equal(fileOf(t, s, state), raw) {
			t.Fatal("accepted another encoding than the one")
		}
	})
}

// FuzzDecodeName goes past the checksum of the header.
func FuzzDecodeName(f *testing.F) {
	f.Add(appendName(nil, nameAt(3, 9)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s raft.Snapshot
		var err error
		allocation.AtMost(t, 4*len(raw)+allocation.Slack, func() { s, err = decodeName(raw) })
		if err == nil && !bytes.Equal(appendName(nil, s), raw) {
			t.Fatal("accepted another encoding than the one")
		}
	})
}
