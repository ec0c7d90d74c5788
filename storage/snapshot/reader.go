package snapshot

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// reader reads a snapshot file and hands out its data, each block once it was verified. It says io.EOF only when the
// trailer was verified too and nothing follows it; damage is storage.ErrCorrupt, and sticky.
type reader struct {
	in     *bufio.Reader
	whole  uint32 // checksum of what was read before the trailer
	block  []byte
	rest   []byte // verified, in block
	blocks uint64
	data   uint64
	short  bool // the block before was not full: no other may follow
	err    error
}

// newReader reads and checks the header.
func newReader(in io.Reader) (*reader, raft.Snapshot, error) {
	r := &reader{in: bufio.NewReaderSize(in, blockBytes)}
	fixed := make([]byte, headerFixedBytes, 256)
	if err := r.fill(fixed); err != nil {
		return nil, raft.Snapshot{}, err
	}
	if !bytes.HasPrefix(fixed, []byte(magic)) {
		return nil, raft.Snapshot{}, corrupt("snapshot begins with %q", fixed[:len(magic)])
	}
	if v := fixed[len(magic)]; v != version {
		return nil, raft.Snapshot{}, fmt.Errorf("snapshot of version %d, want %d: %w", v, version, storage.ErrFormat)
	}
	size := binary.LittleEndian.Uint32(fixed[len(magic)+1:])
	if size > nameBytesMax {
		return nil, raft.Snapshot{}, corrupt("name of snapshot has %d bytes, at most %d", size, nameBytesMax)
	}
	header := append(fixed, make([]byte, int(size)+checksumBytes)...)
	if err := r.fill(header[headerFixedBytes:]); err != nil {
		return nil, raft.Snapshot{}, err
	}
	body := header[:len(header)-checksumBytes]
	if got, want := binary.LittleEndian.Uint32(header[len(body):]), crc32.Checksum(body, castagnoli); got != want {
		return nil, raft.Snapshot{}, corrupt("header of snapshot: checksum %08x, want %08x", got, want)
	}
	s, err := decodeName(body[headerFixedBytes:])
	r.whole = crc32.Checksum(header, castagnoli)
	return r, s, err
}

// fill reads all of p.
func (r *reader) fill(p []byte) error {
	_, err := io.ReadFull(r.in, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("snapshot is cut off")
	}
	return err
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err == nil {
			r.err = r.next()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next reads and verifies a block; io.EOF says that the end was verified.
func (r *reader) next() error {
	if r.block == nil {
		r.block = make([]byte, blockBytes)
	}
	header := r.block[:blockHeaderBytes]
	if err := r.fill(header); err != nil {
		return err
	}
	n := int(binary.LittleEndian.Uint32(header))
	if n == 0 {
		return r.end()
	}
	if n > blockDataBytes || r.short {
		return corrupt("block %d of snapshot has %d bytes", r.blocks, n)
	}
	block := r.block[:blockHeaderBytes+n]
	if err := r.fill(block[blockHeaderBytes:]); err != nil {
		return err
	}
	if err := checkBlock(block, r.blocks); err != nil {
		return err
	}
	r.whole = crc32.Update(r.whole, castagnoli, block)
	r.rest = block[blockHeaderBytes:]
	r.blocks++
	r.data += uint64(n)
	r.short = n < blockDataBytes
	return nil
}

func checkBlock(block []byte, number uint64) error {
	want := blockChecksum(number, block[blockHeaderBytes:])
	if got := binary.LittleEndian.Uint32(block[4:]); got != want {
		return corrupt("block %d of snapshot: checksum %08x, want %08x", number, got, want)
	}
	return nil
}

// end verifies the trailer, whose first length was read, and that it is the end.
func (r *reader) end() error {
	trailer := r.block[:trailerBytes]
	if err := r.fill(trailer[blockHeaderBytes:]); err != nil {
		return err
	}
	if !bytes.Equal(trailer, encodeTrailer(r.blocks, r.data, r.whole)) {
		return corrupt("trailer of snapshot after %d blocks with %d bytes is another one's", r.blocks, r.data)
	}
	switch _, err := r.in.ReadByte(); {
	case err == nil:
		return corrupt("bytes follow the trailer of snapshot")
	default:
		return err // io.EOF, or why that is not known
	}
}
