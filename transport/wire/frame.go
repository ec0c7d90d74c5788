package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// FrameVersion is the version of the frame's header.
const FrameVersion = 1

// HeaderBytes is the length of a frame's header.
const HeaderBytes = 12

const (
	magic0, magic1 = 'r', 'm'
	checkedBytes   = 8 // of the header, under the checksum
)

// ErrFormat is wrapped by every error that says that the bytes are not what this package writes.
var ErrFormat = errors.New("malformed frame")

// ErrVersion says that a frame has another version. It wraps nothing: the bytes may be well-formed.
var ErrVersion = errors.New("other frame version")

// Kind says what a frame carries.
type Kind uint8

const (
	// KindHello carries a [Hello].
	KindHello Kind = 1
	// KindWelcome carries a [Welcome].
	KindWelcome Kind = 2
	// KindMessages carries messages.
	KindMessages Kind = 3
	// KindKeepAlive carries nothing: its sender is alive.
	KindKeepAlive Kind = 4
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindHello:
		return "hello"
	case KindWelcome:
		return "welcome"
	case KindMessages:
		return "messages"
	case KindKeepAlive:
		return "keep-alive"
	default:
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
}

// Frame is one frame, read and checked.
type Frame struct {
	Kind    Kind
	Payload []byte
}

// castagnoli is immutable; crc32 keeps it as a singleton of its own.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// putHeader fills the header of a frame whose payload is the rest of first and the slices of more.
func putHeader(kind Kind, first []byte, payloadBytes int, more [][]byte) {
	first[0], first[1], first[2], first[3] = magic0, magic1, FrameVersion, byte(kind)
	binary.LittleEndian.PutUint32(first[4:], uint32(payloadBytes))
	sum := crc32.Update(0, castagnoli, first[:checkedBytes])
	sum = crc32.Update(sum, castagnoli, first[HeaderBytes:])
	for _, part := range more {
		sum = crc32.Update(sum, castagnoli, part)
	}
	binary.LittleEndian.PutUint32(first[8:], sum)
}

// AppendFrame appends a frame to dst; for small payloads, others use an [Encoder].
func AppendFrame(dst []byte, kind Kind, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, HeaderBytes)...)
	dst = append(dst, payload...)
	putHeader(kind, dst[start:], len(payload), nil)
	return dst
}

// KeepAlive returns a new frame that carries nothing.
func KeepAlive() []byte { return AppendFrame(nil, KindKeepAlive, nil) }

// header is a frame's header, not yet trusted.
type header struct {
	kind   Kind
	length int
	sum    uint32
}

// parseHeader checks all of a header but the checksum; src holds at least HeaderBytes.
func parseHeader(src []byte, payloadBytesMax int) (header, error) {
	if src[0] != magic0 || src[1] != magic1 {
		return header{}, fmt.Errorf("%w: magic %#02x%02x", ErrFormat, src[0], src[1])
	}
	if src[2] != FrameVersion {
		return header{}, fmt.Errorf("%w: %d, want %d", ErrVersion, src[2], FrameVersion)
	}
	h := header{kind: Kind(src[3]), sum: binary.LittleEndian.Uint32(src[8:])}
	if h.kind < KindHello || h.kind > KindKeepAlive {
		return header{}, fmt.Errorf("%w: kind %d", ErrFormat, src[3])
	}
	length := binary.LittleEndian.Uint32(src[4:])
	if h.kind == KindKeepAlive {
		payloadBytesMax = 0
	}
	if uint64(length) > uint64(payloadBytesMax) {
		return header{}, fmt.Errorf("%w: %v frame of %d bytes, at most %d", ErrFormat, h.kind, length, payloadBytesMax)
	}
	h.length = int(length)
	return h, nil
}

// check compares the checksum; frame is the header and the payload.
func (h header) check(frame []byte) error {
	sum := crc32.Update(0, castagnoli, frame[:checkedBytes])
	sum = crc32.Update(sum, castagnoli, frame[HeaderBytes:])
	if sum != h.sum {
		return fmt.Errorf("%w: checksum of a %v frame of %d bytes", ErrFormat, h.kind, h.length)
	}
	return nil
}

// uvarints decodes unsigned varints one after the other and remembers whether one failed.
type uvarints struct {
	src    []byte
	failed bool
}

func (u *uvarints) next() uint64 {
	// Most numbers are small, and most of the time of a decoder is spent here.
	if len(u.src) > 0 && u.src[0] < 0x80 {
		value := uint64(u.src[0])
		u.src = u.src[1:]
		return value
	}
	value, n := binary.Uvarint(u.src)
	if n <= 0 {
		u.failed = true
		u.src = nil
		return 0
	}
	u.src = u.src[n:]
	return value
}

// bytes returns the next n bytes, of which there may be at most bytesMax. They alias the source.
func (u *uvarints) bytes(n uint64, bytesMax int) []byte {
	if u.failed || n > uint64(bytesMax) || n > uint64(len(u.src)) {
		u.failed, u.src = true, nil
		return nil
	}
	b := u.src[:n:n]
	u.src = u.src[n:]
	return b
}
