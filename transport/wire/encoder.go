package wire

import (
	"net"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// encoderKeepBytesMax is the largest own buffer that an encoder keeps between frames.
const encoderKeepBytesMax = 1 << 20

// Encoder builds messages frames: the encoded entries of long spans and the data of long chunks are referred to,
// everything else is copied to a buffer that is used again. The zero value is ready. Not for concurrent use.
type Encoder struct {
	// SharedBytesMin is the length from which a span's Encoded or a chunk's data are referred to instead of copied: below
	// it, one more slice costs the writer more than the copy. Zero means 512.
	SharedBytesMin int

	own    []byte   // header, and everything that is not shared
	cuts   []cut    // where in own a shared slice belongs
	frame  [][]byte // built by Frame; its array is used again
	shared int      // bytes
}

type cut struct {
	at     int // offset in own
	shared []byte
}

const sharedBytesMinDefault = 512

// Reset drops what was added and starts a new frame.
func (e *Encoder) Reset() {
	if cap(e.own) > encoderKeepBytesMax {
		e.own = nil
	}
	if cap(e.own) == 0 {
		e.own = make([]byte, 0, 4<<10)
	}
	e.own = e.own[:HeaderBytes]
	clear(e.cuts)
	e.cuts = e.cuts[:0]
	clear(e.frame)
	e.frame = e.frame[:0]
	e.shared = 0
}

// Add appends a message to the frame.
func (e *Encoder) Add(m *raft.Message) {
	invariant.Check(len(e.own) >= HeaderBytes, "Encoder.Add before Reset")
	threshold := e.SharedBytesMin
	if threshold == 0 {
		threshold = sharedBytesMinDefault
	}
	data := chunkData(m)
	if len(m.Span.Encoded) < threshold && len(data) < threshold {
		e.own = AppendMessage(e.own, m)
		return
	}
	flags := flagsOf(m)
	if len(m.Span.Encoded) < threshold {
		e.own = appendBeforeData(e.own, m, flags)
	} else {
		e.own = appendBeforeEntries(e.own, m, flags, len(m.Span.Encoded))
		e.share(m.Span.Encoded)
		e.own = appendAfterEntries(e.own, m, flags)
	}
	if len(data) < threshold {
		e.own = append(e.own, data...)
	} else {
		e.share(data)
	}
}

// share refers to data at the present end of the frame.
func (e *Encoder) share(data []byte) {
	e.cuts = append(e.cuts, cut{at: len(e.own), shared: data})
	e.shared += len(data)
}

// Bytes returns the length of the frame so far.
func (e *Encoder) Bytes() int { return len(e.own) + e.shared }

// Frame ends the frame and returns it as slices to be written one after the other. They are valid, and the array that
// holds them may be consumed, until the next Reset.
func (e *Encoder) Frame() net.Buffers {
	begin := 0
	for _, c := range e.cuts {
		if c.at > begin {
			e.frame = append(e.frame, e.own[begin:c.at])
		}
		e.frame = append(e.frame, c.shared)
		begin = c.at
	}
	if begin < len(e.own) {
		e.frame = append(e.frame, e.own[begin:])
	}
	putHeader(KindMessages, e.frame[0], e.Bytes()-HeaderBytes, e.frame[1:])
	return e.frame
}
