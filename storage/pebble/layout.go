package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// See the package comment for the layout.
const (
	// layoutVersion is in every record. Versions 1 and 2, which had no end record and no watermark, were never released,
	// and are not read.
	layoutVersion = 3

	prefixMeta = 0x01
	prefixRun  = 0x02
	prefixEnd  = 0x03

	runKeyBytes    = 1 + 8
	runHeaderBytes = 1 + 8 + 8 + 4 + 4
	runCRCOffset   = 1 + 8 + 8 + 4

	firstValueBytesMin = 1 + 8 + 8 + 8 + 4

	// runBytesMax bounds the entries of one run, unless a single entry is larger.
	runBytesMax = 1 << 20
)

func firstKey() []byte     { return []byte{prefixMeta, 0x01} }
func hardStateKey() []byte { return []byte{prefixMeta, 0x02} }
func endKey() []byte       { return []byte{prefixMeta, 0x03} }
func guardKey() []byte     { return []byte{prefixMeta, 0xff} }
func runsEnd() []byte      { return []byte{prefixEnd} }

// runKey returns the key of the run whose first entry has the given index.
func runKey(first raft.Index) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixRun}, uint64(first))
}

func putRunKey(dst []byte, first raft.Index) {
	dst[0] = prefixRun
	binary.BigEndian.PutUint64(dst[1:], uint64(first))
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, storage.ErrCorrupt)...)
}

// markCorrupt makes storage.ErrCorrupt of an error by which the engine says that.
func markCorrupt(err error) error {
	if pebble.IsCorruptionError(err) && !errors.Is(err, storage.ErrCorrupt) {
		return fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	return err
}

func parseRunKey(key []byte) (raft.Index, error) {
	if len(key) != runKeyBytes || key[0] != prefixRun {
		return 0, corrupt("key %x is not of a run", key)
	}
	return raft.Index(binary.BigEndian.Uint64(key[1:])), nil
}

// runHeader is the part of a run before its entries.
type runHeader struct {
	first    raft.Index
	prevTerm raft.Term
	lastTerm raft.Term
	count    int
}

func (h runHeader) last() raft.Index   { return h.first + raft.Index(h.count) - 1 }
func (h runHeader) prev() raft.EntryID { return raft.EntryID{Term: h.prevTerm, Index: h.first - 1} }

func (h runHeader) lastID() raft.EntryID { return raft.EntryID{Term: h.lastTerm, Index: h.last()} }

// castagnoli is the table of every checksum here; it is read only.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func runChecksum(first raft.Index, value []byte) uint32 {
	var index [8]byte
	binary.BigEndian.PutUint64(index[:], uint64(first))
	sum := crc32.Update(0, castagnoli, index[:])
	sum = crc32.Update(sum, castagnoli, value[:runCRCOffset])
	return crc32.Update(sum, castagnoli, value[runHeaderBytes:])
}

func wrongVersion(what string, version byte) error {
	return fmt.Errorf("%s has layout %d, this program knows %d: %w", what, version, layoutVersion, storage.ErrFormat)
}

// sealRun fills in the header of value, whose entries are in place, and returns its checksum.
func sealRun(h runHeader, value []byte) uint32 {
	value[0] = layoutVersion
	binary.LittleEndian.PutUint64(value[1:], uint64(h.prevTerm))
	binary.LittleEndian.PutUint64(value[9:], uint64(h.lastTerm))
	binary.LittleEndian.PutUint32(value[17:], uint32(h.count))
	sum := runChecksum(h.first, value)
	binary.LittleEndian.PutUint32(value[runCRCOffset:], sum)
	return sum
}

// openRun checks value and returns its header and its entries' encoding, which aliases value.
func openRun(key, value []byte) (runHeader, []byte, error) {
	first, err := parseRunKey(key)
	if err != nil {
		return runHeader{}, nil, err
	}
	if len(value) < runHeaderBytes {
		return runHeader{}, nil, corrupt("run at %d: %d bytes, need %d", first, len(value), runHeaderBytes)
	}
	if value[0] != layoutVersion {
		return runHeader{}, nil, wrongVersion(fmt.Sprintf("run at %d", first), value[0])
	}
	if got, want := binary.LittleEndian.Uint32(value[runCRCOffset:]), runChecksum(first, value); got != want {
		return runHeader{}, nil, corrupt("run at %d: checksum %08x, want %08x", first, got, want)
	}
	h := runHeader{
		first:    first,
		prevTerm: raft.Term(binary.LittleEndian.Uint64(value[1:])),
		lastTerm: raft.Term(binary.LittleEndian.Uint64(value[9:])),
		count:    int(binary.LittleEndian.Uint32(value[17:])),
	}
	if first == 0 || h.count == 0 || uint64(first) > math.MaxUint64-uint64(h.count) {
		return runHeader{}, nil, corrupt("run at %d: count %d", first, h.count)
	}
	return h, value[runHeaderBytes:], nil
}

// recordBytes is the length of a record of so many numbers.
func recordBytes(numbers int) int { return 1 + 8*numbers + 4 }

// putRecord fills value with version, the numbers and a checksum that also covers the key, and returns that.
func putRecord(key, value []byte, numbers ...uint64) uint32 {
	value[0] = layoutVersion
	for i, n := range numbers {
		binary.LittleEndian.PutUint64(value[1+8*i:], n)
	}
	body := value[:len(value)-4]
	sum := recordChecksum(key, body)
	binary.LittleEndian.PutUint32(value[len(body):], sum)
	return sum
}

func recordChecksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// openRecord checks value and returns its count numbers.
func openRecord(key, value []byte, count int) ([]uint64, error) {
	if len(value) > 0 && value[0] != layoutVersion {
		return nil, wrongVersion(fmt.Sprintf("record %x", key), value[0])
	}
	if want := recordBytes(count); len(value) != want {
		return nil, corrupt("record %x: %d bytes, want %d", key, len(value), want)
	}
	body, sum := value[:len(value)-4], binary.LittleEndian.Uint32(value[len(value)-4:])
	if want := recordChecksum(key, body); sum != want {
		return nil, corrupt("record %x: checksum %08x, want %08x", key, sum, want)
	}
	numbers := make([]uint64, count)
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint64(body[1+8*i:])
	}
	return numbers, nil
}

func openHardState(value []byte) (raft.HardState, error) {
	n, err := openRecord(hardStateKey(), value, 5)
	if err != nil {
		return raft.HardState{}, fmt.Errorf("hard state: %w", err)
	}
	return raft.HardState{
		Term: raft.Term(n[0]), Vote: raft.NodeID(n[1]), Commit: raft.Index(n[2]),
		Recover: raft.EntryID{Term: raft.Term(n[3]), Index: raft.Index(n[4])},
	}, nil
}

// sealFirst returns the record of what the log begins after.
func sealFirst(first raft.Snapshot) []byte {
	value := append(make([]byte, 0, 256), layoutVersion)
	for _, n := range []uint64{uint64(first.Last.Term), uint64(first.Last.Index), uint64(first.ConfigurationIndex)} {
		value = binary.LittleEndian.AppendUint64(value, n)
	}
	value = first.Configuration.AppendTo(value)
	return binary.LittleEndian.AppendUint32(value, recordChecksum(firstKey(), value))
}

func openFirst(value []byte) (raft.Snapshot, error) {
	if len(value) > 0 && value[0] != layoutVersion {
		return raft.Snapshot{}, wrongVersion("first entry", value[0])
	}
	if len(value) < firstValueBytesMin {
		return raft.Snapshot{}, corrupt("first entry: %d bytes, need %d", len(value), firstValueBytesMin)
	}
	body, sum := value[:len(value)-4], binary.LittleEndian.Uint32(value[len(value)-4:])
	if want := recordChecksum(firstKey(), body); sum != want {
		return raft.Snapshot{}, corrupt("first entry: checksum %08x, want %08x", sum, want)
	}
	configuration, err := raft.DecodeConfiguration(body[firstValueBytesMin-4:])
	if err != nil {
		return raft.Snapshot{}, corrupt("first entry: %v", err)
	}
	return raft.Snapshot{
		Last: raft.EntryID{
			Term:  raft.Term(binary.LittleEndian.Uint64(body[1:])),
			Index: raft.Index(binary.LittleEndian.Uint64(body[9:])),
		},
		ConfigurationIndex: raft.Index(binary.LittleEndian.Uint64(body[17:])),
		Configuration:      configuration,
	}, nil
}
