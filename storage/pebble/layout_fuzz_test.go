package pebble

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
)

// FuzzRun decodes arbitrary bytes as a run of the log, as they are and with the checksum put right.
func FuzzRun(f *testing.F) {
	entries := []raft.Entry{{Term: 3, Kind: raft.EntryNoop}, {Term: 4, Kind: raft.EntryCommand, Data: []byte("x")}}
	run := raft.AppendEntries(make([]byte, runHeaderBytes), entries)
	sealRun(runHeader{first: 7, prevTerm: 2, lastTerm: 4, count: 2}, run)
	f.Add(uint64(7), run)
	f.Add(uint64(0), run[:runHeaderBytes])
	f.Add(uint64(1<<64-1), []byte{layoutVersion})
	f.Fuzz(func(t *testing.T, index uint64, value []byte) {
		key := runKey(raft.Index(index))
		openRunTwice(t, key, value)
		if right := bytes.Clone(value); len(right) >= runHeaderBytes {
			binary.LittleEndian.PutUint32(right[runCRCOffset:], runChecksum(raft.Index(index), right))
			openRunTwice(t, key, right)
		}
	})
}

// openRunTwice opens a run, and when that can be done, seals and opens what it says: it is the same.
func openRunTwice(t *testing.T, key, value []byte) {
	var h runHeader
	var entries []raft.Entry
	var err error
	most := 2*(len(value)+len(value)/3*raft.EntryOverheadBytes) + allocation.Slack // as caps count
	allocation.AtMost(t, most, func() {
		var encoded []byte
		if h, encoded, err = openRun(key, value); err == nil {
			entries, err = raft.DecodeEntries(encoded, h.count)
		}
	})
	if err != nil {
		return
	}
	again := raft.AppendEntries(make([]byte, runHeaderBytes), entries)
	sealRun(h, again)
	got, _, err := openRun(key, again)
	if err != nil || got != h || len(again) > len(value) {
		t.Errorf("run %+v came back as %+v, %v", h, got, err)
	}
}

// FuzzWatermark opens arbitrary bytes as a slot of the watermark: what is accepted is the only encoding of what it
// says, but for bytes that nothing is said with.
func FuzzWatermark(f *testing.F) {
	slot := make([]byte, markBytes)
	mark{end: end{seq: 1, chain: 2, last: raft.EntryID{Term: 3, Index: 4}}, term: 5, vote: 6}.put(slot)
	f.Add(slot)
	f.Add(make([]byte, markBytes))
	f.Fuzz(func(t *testing.T, raw []byte) {
		src := make([]byte, markBytes)
		copy(src, raw)
		for range 2 {
			if m, err := openMark(src); err == nil {
				again := bytes.Clone(src)
				m.put(again)
				if !bytes.Equal(again, src) {
					t.Errorf("%+v of % x is written as % x", m, src, again)
				}
			}
			binary.LittleEndian.PutUint32(src[markCRCOffset:], crc32.Checksum(src[:markCRCOffset], castagnoli))
		}
	})
}
