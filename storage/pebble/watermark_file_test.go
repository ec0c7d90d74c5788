package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

const testWatermark = "/node/" + storage.WatermarkName

func someMark(seq uint64) mark {
	return mark{
		end:  end{seq: seq, chain: chain(seq * 31), last: raft.EntryID{Term: 4, Index: raft.Index(seq)}},
		term: 5, vote: 2, lost: raft.EntryID{Term: 3, Index: 9},
	}
}

// testSlots returns a file with the marks of the given seqs.
func testSlots(seqs ...uint64) []byte {
	raw := make([]byte, watermarkBytes)
	for slot, seq := range seqs {
		someMark(seq).put(raw[slot*markStride:][:markBytes])
	}
	return raw
}

func TestMarkIsFoundWhole(t *testing.T) {
	for slot := range markSlots {
		seqs := []uint64{7, 7, 7}
		seqs[slot] = 8
		w, err := readWatermark(vfs.NewMemFile(testSlots(seqs...)))
		if err != nil || w.slot != slot || w.newest != someMark(8) || w.damage != nil {
			t.Errorf("newest in slot %d: %+v in slot %d, damage %v, %v", slot, w.newest, w.slot, w.damage, err)
		}
	}
}

// TestFlippedBitOfWatermark flips every bit of the newest slot: the one before is used.
func TestFlippedBitOfWatermark(t *testing.T) {
	for bit := range markBytes * 8 {
		raw := testSlots(7, 9, 8)
		raw[markStride+bit/8] ^= 1 << (bit % 8)
		w, err := readWatermark(vfs.NewMemFile(raw))
		if err != nil || w.newest != someMark(8) || !errors.Is(w.damage, storage.ErrCorrupt) {
			t.Fatalf("bit %d: newest %+v, damage %v, %v", bit, w.newest, w.damage, err)
		}
	}
}

// TestTornSlotLeavesTheOthers cuts the writing of the newest slot short at every byte, and has garbage in its place.
func TestTornSlotLeavesTheOthers(t *testing.T) {
	old, written := testSlots(7, 6, 8), testSlots(7, 9, 8)
	for cut := range markBytes {
		raw := bytes.Clone(old)
		copy(raw[markStride:], written[markStride:markStride+cut])
		w, err := readWatermark(vfs.NewMemFile(raw))
		if whole := bytes.Equal(raw, written); err != nil || (w.newest != someMark(8)) != whole {
			t.Fatalf("cut at %d: newest %+v, %v", cut, w.newest, err)
		}
	}
	garbage := bytes.Clone(written)
	copy(garbage[markStride:], bytes.Repeat([]byte("raftmark"), markStride/8))
	if w, err := readWatermark(vfs.NewMemFile(garbage)); err != nil || w.newest != someMark(8) {
		t.Errorf("garbage: newest %+v, %v", w.newest, err)
	}
}

func TestWatermarkOfNoUse(t *testing.T) {
	later := testSlots(7, 8, 9)
	later[8] = watermarkVersion + 1
	binary.LittleEndian.PutUint32(later[markCRCOffset:], crc32.Checksum(later[:markCRCOffset], castagnoli))
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"empty":              {nil, storage.ErrCorrupt},
		"cut short":          {testSlots(7, 8, 9)[:watermarkBytes-1], storage.ErrCorrupt},
		"zeros":              {make([]byte, watermarkBytes), storage.ErrCorrupt},
		"all damaged":        {bytes.Repeat([]byte("x"), watermarkBytes), storage.ErrCorrupt},
		"of a later version": {later, storage.ErrFormat},
	} {
		if w, err := readWatermark(vfs.NewMemFile(c.raw)); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v, want %v", name, w.newest, err, c.want)
		}
	}
}

// TestWatermarkIsRequired deletes and damages the file of a log that was written to: it is refused, and named.
func TestWatermarkIsRequired(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, fs vfs.FS){
		"deleted": func(t *testing.T, fs vfs.FS) {
			if err := fs.Remove(testWatermark); err != nil {
				t.Fatal(err)
			}
		},
		"damaged in all slots": func(t *testing.T, fs vfs.FS) {
			for slot := range markSlots {
				flipBit(t, fs, testWatermark, slot*markStride+20)
			}
		},
		"emptied": func(t *testing.T, fs vfs.FS) { writeFile(t, fs, testWatermark, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			l := openTest(t, fs)
			mustLoad(t, l)
			fill(t, l, 3)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, fs)
			l = openTest(t, fs)
			defer l.Close()
			state, err := l.Load()
			if !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), testWatermark) {
				t.Errorf("Load() = %+v, %v, want ErrCorrupt with %s", state, err, testWatermark)
			}
		})
	}
}
