package wire

import (
	"errors"
	"fmt"
	"io"

	"github.com/raftmark/raftmark/internal/invariant"
)

const (
	chunkBytesMin  = 4 << 10   // the first chunk: enough for a greeting and heartbeats
	chunkBytesBusy = 64 << 10  // a busy connection's chunk grows to it, even if nothing is retained
	chunkBytesMax  = 256 << 10 // of chunks that are not for one long frame
	readBytesMin   = 2 << 10   // a read is not offered less room, but for the rest of a frame
	claimBytesMax  = 48 << 10  // of a frame are made room for although they may never arrive
)

// Reader reads frames into large chunks that it carves up, so that a frame is neither allocated nor copied for itself.
// A chunk is used again when nothing in it was retained. Not for concurrent use.
//
//	chunk  [ retained | frames to be parsed | room for the next read ]
//	       0       floor      begin        end                  len(chunk)
//
// Invariant: floor <= begin <= end <= len(chunk), whenever begin < end; before a read into an empty chunk
// begin and end go back to floor.
type Reader struct {
	src             io.Reader
	payloadBytesMax int

	chunk             []byte
	floor, begin, end int
	nextChunkBytes    int
	filled            bool // the last read left no room: a larger chunk saves reads
}

// NewReader returns a reader of frames whose payload is at most payloadBytesMax.
func NewReader(src io.Reader, payloadBytesMax int) *Reader {
	return &Reader{src: src, payloadBytesMax: payloadBytesMax, nextChunkBytes: chunkBytesMin}
}

// SetPayloadBytesMax changes the cap for the frames that follow.
func (r *Reader) SetPayloadBytesMax(n int) { r.payloadBytesMax = n }

// Source returns where the reader reads from.
func (r *Reader) Source() io.Reader { return r.src }

// SetSource has the reader go on reading from src.
func (r *Reader) SetSource(src io.Reader) { r.src = src }

// Next returns the next frame. At the end of the source between two frames the error is io.EOF, inside of a frame
// io.ErrUnexpectedEOF; an error of the format wraps ErrFormat or ErrVersion. No error can be recovered from.
func (r *Reader) Next() (Frame, error) {
	if err := r.fill(HeaderBytes); err != nil {
		return Frame{}, err
	}
	h, err := parseHeader(r.chunk[r.begin:r.end], r.payloadBytesMax)
	if err != nil {
		return Frame{}, err
	}
	size := HeaderBytes + h.length
	if err := r.fill(size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	frame := r.chunk[r.begin : r.begin+size : r.begin+size]
	if err := h.check(frame); err != nil {
		return Frame{}, err
	}
	r.begin += size
	return Frame{Kind: h.kind, Payload: frame[HeaderBytes:]}, nil
}

// Retain says that something of the frame that Next returned last is still referred to, for as long as somebody does.
func (r *Reader) Retain() { r.floor = r.begin }

// Buffered returns the number of bytes read from the source but not yet returned.
func (r *Reader) Buffered() int { return r.end - r.begin }

// fill reads until need bytes are buffered.
func (r *Reader) fill(need int) error {
	for r.end-r.begin < need {
		r.makeRoom(need)
		n, err := r.src.Read(r.chunk[r.end:])
		r.end += n
		r.filled = r.end == len(r.chunk)
		if n > 0 || err == nil {
			continue
		}
		if err == io.EOF && r.begin < r.end {
			return io.ErrUnexpectedEOF
		}
		if err == io.EOF {
			return io.EOF
		}
		return fmt.Errorf("read frame: %w", err)
	}
	return nil
}

// makeRoom makes sure that the chunk has room for the next read, towards need bytes from begin.
func (r *Reader) makeRoom(need int) {
	have := r.end - r.begin
	if have == 0 {
		invariant.Mangle(r.chunk[r.floor:r.end])
		r.begin, r.end = r.floor, r.floor
	}
	room := len(r.chunk) - r.end
	busy := have == 0 && r.filled && len(r.chunk) < chunkBytesBusy
	if room >= need-have && (have > 0 || room >= readBytesMin) && !busy {
		return
	}
	// The length is only a claim: first use what is there, then at most double what has arrived, and a little more.
	size := max(r.nextChunkBytes, min(need, 2*have+claimBytesMax))
	if size < need && room >= readBytesMin {
		return
	}
	r.nextChunkBytes = min(2*r.nextChunkBytes, chunkBytesMax)
	chunk := make([]byte, size)
	copy(chunk, r.chunk[r.begin:r.end])
	r.chunk, r.floor, r.begin, r.end, r.filled = chunk, 0, 0, have, false
}
