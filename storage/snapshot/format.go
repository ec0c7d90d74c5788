package snapshot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// See the package comment for the format.
const (
	magic   = "raftsnap"
	version = 1

	headerFixedBytes = len(magic) + 1 + 4
	checksumBytes    = 4
	// nameBytesMax bounds an encoded raft.Snapshot; a configuration of the most and longest members fits.
	nameBytesMax = 128 << 10
	_            = uint(nameBytesMax - raft.MembersMax*(raft.AddressBytesMax+32) - 64)

	blockHeaderBytes = 4 + checksumBytes
	blockDataBytes   = 64 << 10
	blockBytes       = blockHeaderBytes + blockDataBytes
	trailerDataBytes = 8 + checksumBytes
	trailerBytes     = blockHeaderBytes + trailerDataBytes
)

// castagnoli is the table of every checksum here; it is read only.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, storage.ErrCorrupt)...)
}

// appendName appends the encoding of s.
func appendName(dst []byte, s raft.Snapshot) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.Last.Term))
	dst = binary.AppendUvarint(dst, uint64(s.Last.Index))
	dst = binary.AppendUvarint(dst, uint64(s.ConfigurationIndex))
	configuration := s.Configuration.AppendTo(nil)
	dst = binary.AppendUvarint(dst, uint64(len(configuration)))
	return append(dst, configuration...)
}

// decodeName decodes a name that fills src exactly.
func decodeName(src []byte) (raft.Snapshot, error) {
	var numbers [4]uint64
	rest := src
	for i := range numbers {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return raft.Snapshot{}, corrupt("name of snapshot is cut off")
		}
		numbers[i], rest = v, rest[n:]
	}
	if numbers[3] != uint64(len(rest)) {
		return raft.Snapshot{}, corrupt("name of snapshot: configuration of %d bytes in %d", numbers[3], len(rest))
	}
	configuration, err := raft.DecodeConfiguration(rest)
	if err != nil {
		return raft.Snapshot{}, corrupt("name of snapshot: %v", err)
	}
	s := raft.Snapshot{
		Last:               raft.EntryID{Term: raft.Term(numbers[0]), Index: raft.Index(numbers[1])},
		ConfigurationIndex: raft.Index(numbers[2]),
		Configuration:      configuration,
	}
	if !bytes.Equal(appendName(nil, s), src) {
		return raft.Snapshot{}, corrupt("name of snapshot has another form than the one")
	}
	return s, nil
}

// encodeHeader returns the header of a snapshot with an encoded name.
func encodeHeader(name []byte) []byte {
	header := append(make([]byte, 0, headerFixedBytes+len(name)+checksumBytes), magic...)
	header = append(header, version)
	header = binary.LittleEndian.AppendUint32(header, uint32(len(name)))
	header = append(header, name...)
	return binary.LittleEndian.AppendUint32(header, crc32.Checksum(header, castagnoli))
}

// blockChecksum is of the block with that number.
func blockChecksum(number uint64, data []byte) uint32 {
	var prefix [8]byte
	binary.LittleEndian.PutUint64(prefix[:], number)
	return crc32.Update(crc32.Checksum(prefix[:], castagnoli), castagnoli, data)
}

// putBlockHeader writes the header of the block whose data of n bytes (0: a trailer's) follow it.
func putBlockHeader(block []byte, number uint64, n int) {
	binary.LittleEndian.PutUint32(block, uint32(n))
	binary.LittleEndian.PutUint32(block[4:], blockChecksum(number, block[blockHeaderBytes:]))
}

// encodeTrailer returns the trailer after so many blocks with so many bytes of data; whole is the checksum of all
// before.
func encodeTrailer(blocks, dataBytes uint64, whole uint32) []byte {
	trailer := make([]byte, trailerBytes)
	binary.LittleEndian.PutUint64(trailer[blockHeaderBytes:], dataBytes)
	binary.LittleEndian.PutUint32(trailer[blockHeaderBytes+8:], whole)
	putBlockHeader(trailer, blocks, 0)
	return trailer
}
