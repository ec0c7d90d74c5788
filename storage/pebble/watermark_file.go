package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// See the package comment for the layout of the file.
const (
	watermarkVersion = 1

	markSlots = 3
	markBytes = 512
	// markStride keeps slots in blocks of their own, of the page cache and of the disk: a write of one that is cut
	// short damages no other.
	markStride     = 4096
	watermarkBytes = markSlots * markStride

	markCRCOffset = markBytes - 4
)

// watermarkMagic returns what each slot begins with.
func watermarkMagic() string { return "raftmark" }

// mark is what one slot of the watermark says: everything up to the batch end.seq was durable, and then the log ended
// in end.last, with this term, vote and Recover.
type mark struct {
	end

	term raft.Term
	vote raft.NodeID
	lost raft.EntryID // HardState.Recover
}

func newMark(e end, hs raft.HardState) mark {
	return mark{end: e, term: hs.Term, vote: hs.Vote, lost: hs.Recover}
}

// hardState returns what a wait may not end before: it is remembered even if the log loses it.
func (m mark) hardState() raft.HardState {
	return raft.HardState{Term: m.term, Vote: m.vote, Recover: m.lost}
}

// put writes m to dst, a slot.
func (m mark) put(dst []byte) {
	copy(dst, watermarkMagic())
	dst[8] = watermarkVersion
	for i, n := range [...]uint64{
		m.seq, uint64(m.chain), uint64(m.last.Term), uint64(m.last.Index), uint64(m.term), uint64(m.vote),
		uint64(m.lost.Term), uint64(m.lost.Index),
	} {
		binary.LittleEndian.PutUint64(dst[16+8*i:], n)
	}
	binary.LittleEndian.PutUint32(dst[markCRCOffset:], crc32.Checksum(dst[:markCRCOffset], castagnoli))
}

// openMark checks src, a slot, and returns what it says.
func openMark(src []byte) (mark, error) {
	got, want := binary.LittleEndian.Uint32(src[markCRCOffset:]), crc32.Checksum(src[:markCRCOffset], castagnoli)
	if got != want {
		return mark{}, corrupt("checksum %08x, want %08x", got, want)
	}
	if string(src[:8]) != watermarkMagic() {
		return mark{}, corrupt("begins with %q, want %q", src[:8], watermarkMagic())
	}
	if src[8] != watermarkVersion {
		return mark{}, fmt.Errorf("version %d, want %d: %w", src[8], watermarkVersion, storage.ErrFormat)
	}
	var n [8]uint64
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(src[16+8*i:])
	}
	return mark{
		end:  end{seq: n[0], chain: chain(n[1]), last: raft.EntryID{Term: raft.Term(n[2]), Index: raft.Index(n[3])}},
		term: raft.Term(n[4]),
		vote: raft.NodeID(n[5]),
		lost: raft.EntryID{Term: raft.Term(n[6]), Index: raft.Index(n[7])},
	}, nil
}

// watermarkFile is the open file.
type watermarkFile struct {
	vfs.File

	newest mark
	slot   int   // that newest is in
	damage error // of other slots, nil when all are whole
}

// openWatermark opens the file of the data folder dir. A log that was never written to, nor loaded, may have none; it
// gets one.
func openWatermark(fsys vfs.FS, dir string, written bool) (watermarkFile, error) {
	path := fsys.PathJoin(dir, storage.WatermarkName)
	_, err := fsys.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && written:
		return watermarkFile{}, forgotten(path + " is missing, which tells how far the log was durable")
	case errors.Is(err, fs.ErrNotExist):
		err = createWatermark(fsys, dir, path)
	}
	if err != nil {
		return watermarkFile{}, fmt.Errorf("watermark: %w", err)
	}
	f, err := fsys.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return watermarkFile{}, fmt.Errorf("open watermark: %w", err)
	}
	// What is read may be in memory only, left by a process that was killed; the slot before it is overwritten next.
	w, err := watermarkFile{}, f.SyncData()
	if err == nil {
		w, err = readWatermark(f)
	}
	if err != nil {
		return watermarkFile{}, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return w, nil
}

// createWatermark creates the file, with the zero mark in every slot, so that it is there whole or not at all.
func createWatermark(fsys vfs.FS, dir, path string) error {
	raw := make([]byte, watermarkBytes)
	for slot := range markSlots {
		mark{}.put(raw[slot*markStride:][:markBytes])
	}
	temporary := path + ".tmp"
	f, err := fsys.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(temporary, path); err != nil {
		return err
	}
	return SyncDir(fsys, dir)
}

// readWatermark finds the newest whole slot. That some are damaged is no error: a crash may cut the writing of one
// short.
func readWatermark(f vfs.File) (watermarkFile, error) {
	raw := make([]byte, watermarkBytes)
	n, err := f.ReadAt(raw, 0)
	if errors.Is(err, io.EOF) {
		return watermarkFile{}, corrupt("%d bytes, want %d", n, watermarkBytes)
	}
	if err != nil {
		return watermarkFile{}, err
	}
	w := watermarkFile{File: f, slot: -1}
	for slot := range markSlots {
		m, err := openMark(raw[slot*markStride:][:markBytes])
		switch {
		case errors.Is(err, storage.ErrFormat):
			return watermarkFile{}, err
		case err != nil:
			w.damage = errors.Join(w.damage, fmt.Errorf("slot %d: %w", slot, err))
		case w.slot < 0 || m.seq > w.newest.seq:
			w.newest, w.slot = m, slot
		}
	}
	if w.slot < 0 {
		return watermarkFile{}, fmt.Errorf("no slot is whole: %w", w.damage)
	}
	return w, nil
}
