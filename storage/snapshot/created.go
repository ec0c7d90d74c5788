package snapshot

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/raftmark/raftmark/raft"
)

// created is a snapshot made here. Its header and trailer are kept, and its blocks are verified when they are read, so
// that what rots on disk goes to no follower.
type created struct {
	name      raft.Snapshot
	file      file
	header    []byte
	trailer   []byte
	dataBytes uint64
}

func (c *created) blocksBytes() uint64 {
	blocks := (c.dataBytes + blockDataBytes - 1) / blockDataBytes
	return blocks*blockHeaderBytes + c.dataBytes
}

func (c *created) size() uint64 {
	return uint64(len(c.header)) + c.blocksBytes() + uint64(len(c.trailer))
}

// readAt fills p with the bytes of the file from offset on, which it has.
func (c *created) readAt(p []byte, offset uint64) error {
	begin, end := uint64(len(c.header)), uint64(len(c.header))+c.blocksBytes()
	var block []byte
	for len(p) > 0 {
		n := 0
		switch {
		case offset < begin:
			n = copy(p, c.header[offset:])
		case offset >= end:
			n = copy(p, c.trailer[offset-end:])
		default:
			if block == nil {
				block = make([]byte, blockBytes)
			}
			number := (offset - begin) / blockBytes
			at := begin + number*blockBytes
			whole := block[:min(blockBytes, end-at)]
			if err := c.readBlock(whole, number, at); err != nil {
				return err
			}
			n = copy(p, whole[offset-at:])
		}
		p, offset = p[n:], offset+uint64(n)
	}
	return nil
}

func (c *created) readBlock(block []byte, number, at uint64) error {
	if _, err := c.file.ReadAt(block, int64(at)); errors.Is(err, io.EOF) {
		return corrupt("block %d of snapshot is cut off", number)
	} else if err != nil {
		return err
	}
	if n := len(block) - blockHeaderBytes; binary.LittleEndian.Uint32(block) != uint32(n) {
		return corrupt("block %d of snapshot has not %d bytes", number, n)
	}
	return checkBlock(block, number)
}
