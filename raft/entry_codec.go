package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The one encoding of entries, used by the wire and by the log alike, so that a batch is encoded once and then
// shared. Entries follow each other without padding:
//
//	+------+---------------+----------------+----------+
//	| kind | term (uvarint)| len (uvarint)  | data ... |
//	| 1 B  | 1-10 B        | 1-5 B          | len B    |
//	+------+---------------+----------------+----------+

// ErrEntryEncoding is wrapped by every error of [DecodeEntries].
var ErrEntryEncoding = errors.New("malformed entry encoding")

// EntryDataBytesMax bounds the data of one entry, in bytes. It leaves room below the wire's frame limit.
const EntryDataBytesMax = 8 << 20

// entryEncodedBytesMin is the least that one encoded entry takes; it bounds allocation while decoding.
const entryEncodedBytesMin = 3

// AppendEntries appends the encoding of entries to dst and returns the extended slice.
func AppendEntries(dst []byte, entries []Entry) []byte {
	for i := range entries {
		e := &entries[i]
		dst = append(dst, byte(e.Kind))
		dst = binary.AppendUvarint(dst, uint64(e.Term))
		dst = binary.AppendUvarint(dst, uint64(len(e.Data)))
		dst = append(dst, e.Data...)
	}
	return dst
}

// DecodeEntries decodes count entries that fill src exactly. The entries' data alias src, which must not be
// written to afterwards. Nothing is allocated before count is checked against the length of src.
func DecodeEntries(src []byte, count int) ([]Entry, error) {
	if count < 0 || count > len(src)/entryEncodedBytesMin {
		return nil, fmt.Errorf("%w: count %d in %d bytes", ErrEntryEncoding, count, len(src))
	}
	if count == 0 {
		if len(src) != 0 {
			return nil, fmt.Errorf("%w: %d bytes after the last entry", ErrEntryEncoding, len(src))
		}
		return nil, nil
	}
	entries := make([]Entry, count)
	for i := range entries {
		rest, err := decodeEntry(&entries[i], src)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %d: %w", i, count, err)
		}
		src = rest
	}
	if len(src) != 0 {
		return nil, fmt.Errorf("%w: %d bytes after the last entry", ErrEntryEncoding, len(src))
	}
	return entries, nil
}

func decodeEntry(e *Entry, src []byte) (rest []byte, err error) {
	if len(src) == 0 {
		return nil, fmt.Errorf("%w: no kind", ErrEntryEncoding)
	}
	e.Kind = EntryKind(src[0])
	if e.Kind < EntryCommand || e.Kind > EntryConfig {
		return nil, fmt.Errorf("%w: kind %d", ErrEntryEncoding, src[0])
	}
	src = src[1:]
	term, n := binary.Uvarint(src)
	if n <= 0 {
		return nil, fmt.Errorf("%w: term", ErrEntryEncoding)
	}
	e.Term = Term(term)
	src = src[n:]
	size, n := binary.Uvarint(src)
	if n <= 0 || size > EntryDataBytesMax || size > uint64(len(src)-n) {
		return nil, fmt.Errorf("%w: data length %d of %d bytes left, at most %d",
			ErrEntryEncoding, size, len(src), EntryDataBytesMax)
	}
	src = src[n:]
	if size > 0 {
		e.Data = src[:size:size]
	}
	return src[size:], nil
}
