package snapshot

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// readFile reads a whole snapshot file; what it returns beside an error was verified before that was found.
func readFile(raw []byte) (raft.Snapshot, []byte, error) {
	r, s, err := newReader(bytes.NewReader(raw))
	if err != nil {
		return raft.Snapshot{}, nil, err
	}
	state, err := io.ReadAll(r)
	return s, state, err
}

// wantDamageFound reads a damaged file: an error, and before it nothing but a prefix of the state.
func wantDamageFound(t *testing.T, what string, at int, raw, state []byte) {
	t.Helper()
	_, got, err := readFile(raw)
	if !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrFormat) {
		t.Fatalf("%s %d of %d: %v, want ErrCorrupt", what, at, len(raw), err)
	}
	if !bytes.HasPrefix(state, got) {
		t.Fatalf("%s %d of %d: wrong data before the error", what, at, len(raw))
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	for _, size := range []int{0, 10, blockDataBytes + 500} {
		state := stateOf(size)
		good := fileOf(t, nameAt(7, 30), state)
		step := 1
		if size > blockDataBytes {
			step = 997
		}
		check := func(bit int) {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			wantDamageFound(t, "flipped bit", bit, bad, state)
		}
		for bit := 0; bit < len(good)*8; bit += step {
			check(bit)
		}
		for bit := max(0, len(good)-trailerBytes-blockHeaderBytes) * 8; bit < len(good)*8; bit++ {
			check(bit)
		}
	}
}

func TestEveryLostEndIsFound(t *testing.T) {
	for _, size := range []int{0, 10, 2 * blockDataBytes, blockDataBytes + 500} {
		state := stateOf(size)
		good := fileOf(t, nameAt(7, 30), state)
		step := 1
		if size > blockDataBytes {
			step = 211
		}
		for n := 0; n < len(good); n += step {
			wantDamageFound(t, "cut to", n, good[:n], state)
		}
		for n := max(0, len(good)-2*trailerBytes); n < len(good); n++ {
			wantDamageFound(t, "cut to", n, good[:n], state)
		}
		wantDamageFound(t, "more than", 1, append(bytes.Clone(good), 0), state)
	}
}

// TestBlocksInAnotherPlace exchanges, repeats and drops whole blocks.
func TestBlocksInAnotherPlace(t *testing.T) {
	state := stateOf(3 * blockDataBytes)
	good := fileOf(t, nameAt(7, 30), state)
	begin := len(encodeHeader(appendName(nil, nameAt(7, 30))))
	block := func(i int) []byte { return good[begin+i*blockBytes : begin+(i+1)*blockBytes] }
	header, trailer := good[:begin], good[len(good)-trailerBytes:]
	for i, order := range [][]int{{1, 0, 2}, {0, 2, 1}, {0, 1, 1}, {0, 1}, {0, 1, 2, 2}, {}, {1, 2}} {
		bad := bytes.Clone(header)
		for _, b := range order {
			bad = append(bad, block(b)...)
		}
		wantDamageFound(t, "order", i, append(bad, trailer...), state)
	}
}

// TestDamageOfReceivedIsFound damages the file of a received snapshot between two lives of the server.
func TestDamageOfReceivedIsFound(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, state := nameAt(3, 40), stateOf(100_000)
	good := fileOf(t, s, state)
	for at := 0; at < len(good); at += 1 + len(good)/50 {
		for _, cut := range []bool{false, true} {
			bad := bytes.Clone(good)
			bad[at] ^= 0x10
			if cut {
				bad = bad[:at]
			}
			if err := os.WriteFile(filepath.Join(o.Dir, receivedName), bad, 0o644); err != nil {
				t.Fatal(err)
			}
			_, r, ok, err := mustOpen(t, o).Received()
			if err == nil {
				if !ok {
					t.Fatal("a damaged snapshot is taken for none")
				}
				_, err = io.Copy(io.Discard, r)
				_ = r.Close()
			}
			if !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrFormat) {
				t.Fatalf("damage at %d: %v, want ErrCorrupt", at, err)
			}
		}
	}
}
