package floor

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A frame is the bytes after this header, and the number of the last command in it, both little-endian; then each
// command with its length before it. An acknowledgement is the number of a command.
const (
	headerBytes = 4 + 8
	ackBytes    = 8
	frameMax    = 1 << 30
)

// batch is what goes to the nodes at once.
type batch struct {
	bytes []byte
	upto  uint64
}

func newBatch() *batch { return &batch{bytes: make([]byte, headerBytes, 4<<10)} }

func (b *batch) empty() bool { return len(b.bytes) == headerBytes }

func (b *batch) add(data []byte, n uint64) {
	b.bytes = binary.LittleEndian.AppendUint32(b.bytes, uint32(len(data)))
	b.bytes = append(b.bytes, data...)
	b.upto = n
}

// frame returns the finished bytes.
func (b *batch) frame() []byte {
	binary.LittleEndian.PutUint32(b.bytes, uint32(len(b.bytes)-headerBytes))
	binary.LittleEndian.PutUint64(b.bytes[4:], b.upto)
	return b.bytes
}

// readFrame reads one frame, its header included.
func readFrame(r io.Reader) (frame []byte, upto uint64, err error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, 0, err
	}
	n := binary.LittleEndian.Uint32(header[:])
	if n > frameMax {
		return nil, 0, fmt.Errorf("floor: a frame of %d bytes, at most %d", n, frameMax)
	}
	frame = make([]byte, headerBytes+int(n))
	copy(frame, header[:])
	_, err = io.ReadFull(r, frame[headerBytes:])
	return frame, binary.LittleEndian.Uint64(header[4:]), err
}

func readAck(r io.Reader) (uint64, error) {
	var ack [ackBytes]byte
	_, err := io.ReadFull(r, ack[:])
	return binary.LittleEndian.Uint64(ack[:]), err
}
