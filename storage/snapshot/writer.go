package snapshot

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/raftmark/raftmark/raft"
)

// writer writes a snapshot file of at most bytesMax bytes.
type writer struct {
	out      io.Writer
	bytesMax int64
	written  int64
	whole    uint32 // checksum of what was written
	block    []byte // header and data so far
	blocks   uint64
	data     uint64
}

// newWriter returns a writer and the header that it has written.
func newWriter(out io.Writer, s raft.Snapshot, bytesMax int64) (w *writer, header []byte, err error) {
	header = encodeHeader(appendName(nil, s))
	w = &writer{out: out, bytesMax: bytesMax, block: make([]byte, blockHeaderBytes, blockBytes)}
	return w, header, w.put(header)
}

func (w *writer) put(p []byte) error {
	if w.written+int64(len(p))+trailerBytes > w.bytesMax {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, w.bytesMax)
	}
	n, err := w.out.Write(p)
	w.written += int64(n)
	w.whole = crc32.Update(w.whole, castagnoli, p)
	return err
}

// write adds p to the data.
func (w *writer) write(p []byte) error {
	w.data += uint64(len(p))
	for len(p) > 0 {
		n := min(len(p), blockBytes-len(w.block))
		w.block, p = append(w.block, p[:n]...), p[n:]
		if len(w.block) == blockBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) flush() error {
	putBlockHeader(w.block, w.blocks, len(w.block)-blockHeaderBytes)
	w.blocks++
	err := w.put(w.block)
	w.block = w.block[:blockHeaderBytes]
	return err
}

// finish writes what is left and the trailer, and returns that.
func (w *writer) finish() (trailer []byte, err error) {
	if len(w.block) > blockHeaderBytes {
		if err := w.flush(); err != nil {
			return nil, err
		}
	}
	trailer = encodeTrailer(w.blocks, w.data, w.whole)
	n, err := w.out.Write(trailer)
	w.written += int64(n)
	return trailer, err
}
