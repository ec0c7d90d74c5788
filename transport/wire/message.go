package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

const (
	flagLast     = 1
	flagSpan     = 2
	flagMatch    = 4
	flagCommit   = 8
	flagSeq      = 16
	flagReject   = 32
	flagChunk    = 64
	flagTransfer = 128
)

// MessageOverheadBytes bounds what a message takes beside its entries and its chunk: two bytes, and up to twelve
// varints.
const MessageOverheadBytes = 2 + 12*binary.MaxVarintLen64

// SizeBound returns an upper bound of the bytes that m takes in a frame, which is also what it counts against
// the caps of a queue.
func SizeBound(m *raft.Message) int {
	size := MessageOverheadBytes
	if m.Chunk != nil {
		size += chunkBound(m.Chunk)
	}
	if m.Span.Encoded != nil {
		return size + len(m.Span.Encoded)
	}
	for i := range m.Span.Entries {
		size += m.Span.Entries[i].Size()
	}
	return size
}

func flagsOf(m *raft.Message) byte {
	var flags byte
	if m.Last != (raft.EntryID{}) {
		flags |= flagLast
	}
	if len(m.Span.Entries) > 0 || m.Span.Prev != (raft.EntryID{}) {
		flags |= flagSpan
	}
	if m.Match != 0 {
		flags |= flagMatch
	}
	if m.Commit != 0 {
		flags |= flagCommit
	}
	if m.Seq != 0 {
		flags |= flagSeq
	}
	if m.Reject {
		flags |= flagReject
	}
	if m.Chunk != nil {
		flags |= flagChunk
	}
	if m.Transfer {
		flags |= flagTransfer
	}
	return flags
}

// appendUvarint is binary.AppendUvarint with the common case inlined.
func appendUvarint(dst []byte, value uint64) []byte {
	if value < 0x80 {
		return append(dst, byte(value))
	}
	return binary.AppendUvarint(dst, value)
}

// appendBeforeEntries appends the encoding of m up to its entries, of which there are encodedBytes.
func appendBeforeEntries(dst []byte, m *raft.Message, flags byte, encodedBytes int) []byte {
	dst = append(dst, byte(m.Kind), flags)
	dst = appendUvarint(dst, uint64(m.From))
	dst = appendUvarint(dst, uint64(m.To))
	dst = appendUvarint(dst, uint64(m.Term))
	if flags&flagLast != 0 {
		dst = appendUvarint(dst, uint64(m.Last.Term))
		dst = appendUvarint(dst, uint64(m.Last.Index))
	}
	if flags&flagSpan != 0 {
		dst = appendUvarint(dst, uint64(m.Span.Prev.Term))
		dst = appendUvarint(dst, uint64(m.Span.Prev.Index))
		dst = appendUvarint(dst, uint64(len(m.Span.Entries)))
		dst = appendUvarint(dst, uint64(encodedBytes))
	}
	return dst
}

// appendAfterEntries appends the rest, but for the data of a chunk, which come last.
func appendAfterEntries(dst []byte, m *raft.Message, flags byte) []byte {
	if flags&flagMatch != 0 {
		dst = appendUvarint(dst, uint64(m.Match))
	}
	if flags&flagCommit != 0 {
		dst = appendUvarint(dst, uint64(m.Commit))
	}
	if flags&flagSeq != 0 {
		dst = appendUvarint(dst, m.Seq)
	}
	if flags&flagChunk != 0 {
		dst = appendChunk(dst, m)
	}
	return dst
}

// encodedBytes returns the length of raft.AppendEntries(nil, entries).
func encodedBytes(entries []raft.Entry) int {
	total := 0
	for i := range entries {
		e := &entries[i]
		total += 1 + uvarintBytes(uint64(e.Term)) + uvarintBytes(uint64(len(e.Data))) + len(e.Data)
	}
	return total
}

func uvarintBytes(value uint64) int {
	n := 1
	for ; value >= 0x80; value >>= 7 {
		n++
	}
	return n
}

// AppendMessage appends the encoding of m to dst.
func AppendMessage(dst []byte, m *raft.Message) []byte {
	return append(appendBeforeData(dst, m, flagsOf(m)), chunkData(m)...)
}

// appendBeforeData appends the encoding of m but for the data of a chunk.
func appendBeforeData(dst []byte, m *raft.Message, flags byte) []byte {
	if flags&flagSpan == 0 {
		return appendAfterEntries(appendBeforeEntries(dst, m, flags, 0), m, flags)
	}
	if m.Span.Encoded != nil {
		dst = appendBeforeEntries(dst, m, flags, len(m.Span.Encoded))
		return appendAfterEntries(append(dst, m.Span.Encoded...), m, flags)
	}
	size := encodedBytes(m.Span.Entries)
	dst = appendBeforeEntries(dst, m, flags, size)
	start := len(dst)
	dst = raft.AppendEntries(dst, m.Span.Entries)
	invariant.Check(len(dst)-start == size, "entries took %d bytes, counted %d", len(dst)-start, size)
	return appendAfterEntries(dst, m, flags)
}

// DecodeMessage decodes the first message of src into m, all of whose fields it sets, and returns what follows. What
// [Aliases] reports refers to src; with entries, m.Span.Encoded is not nil.
func DecodeMessage(src []byte, m *raft.Message) (rest []byte, err error) {
	*m = raft.Message{}
	if len(src) < 2 {
		return nil, fmt.Errorf("%w: message of %d bytes", ErrFormat, len(src))
	}
	m.Kind = raft.MessageKind(src[0])
	flags := src[1]
	if m.Kind < raft.MsgPreVote || m.Kind > raft.MsgRecover || (flags&flagChunk != 0) != hasChunk(m.Kind) {
		return nil, fmt.Errorf("%w: message kind %d, flags %#x", ErrFormat, src[0], flags)
	}
	u := uvarints{src: src[2:]}
	m.From, m.To, m.Term = raft.NodeID(u.next()), raft.NodeID(u.next()), raft.Term(u.next())
	if flags&flagLast != 0 {
		m.Last = raft.EntryID{Term: raft.Term(u.next()), Index: raft.Index(u.next())}
	}
	if flags&flagSpan != 0 {
		if err := decodeSpan(&u, &m.Span); err != nil {
			return nil, fmt.Errorf("decode %v: %w", m.Kind, err)
		}
	}
	if flags&flagMatch != 0 {
		m.Match = raft.Index(u.next())
	}
	if flags&flagCommit != 0 {
		m.Commit = raft.Index(u.next())
	}
	if flags&flagSeq != 0 {
		m.Seq = u.next()
	}
	m.Reject, m.Transfer = flags&flagReject != 0, flags&flagTransfer != 0
	if flags&flagChunk != 0 {
		if m.Chunk, err = decodeChunk(&u, m.Kind); err != nil {
			return nil, fmt.Errorf("decode %v: %w", m.Kind, err)
		}
	}
	if u.failed {
		return nil, fmt.Errorf("%w: %v ends early", ErrFormat, m.Kind)
	}
	return u.src, nil
}

func decodeSpan(u *uvarints, span *raft.Span) error {
	span.Prev = raft.EntryID{Term: raft.Term(u.next()), Index: raft.Index(u.next())}
	count, length := u.next(), u.next()
	if u.failed || length > uint64(len(u.src)) || count > length || count > raft.MessageEntriesLimit {
		return fmt.Errorf("%w: %d entries in %d bytes of %d", ErrFormat, count, length, len(u.src))
	}
	encoded := u.src[:length:length]
	u.src = u.src[length:]
	entries, err := raft.DecodeEntries(encoded, int(count))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(entries) > 0 {
		span.Entries, span.Encoded = entries, encoded
	}
	return nil
}
