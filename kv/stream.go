package kv

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/raftmark/raftmark/raft"
)

// A stream is a whole state; the package comment says its form.
const (
	streamMagic   = "raftmark"
	streamVersion = 1
	// streamPieceBytes is how much is gathered before it is written, at least.
	streamPieceBytes = 64 << 10
)

// ErrStream is wrapped by every error that says that a stream is no state.
var ErrStream = errors.New("malformed state stream")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// streamWriter encodes a state.
type streamWriter struct {
	write func([]byte) error
	buf   []byte
	sum   uint32
	count uint64
}

func newStreamWriter(index raft.Index, write func([]byte) error) *streamWriter {
	w := &streamWriter{write: write}
	w.buf = append(append(w.buf, streamMagic...), streamVersion)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(index))
	return w
}

// record adds a record; they come in the order of their keys.
func (w *streamWriter) record(key, value []byte) error {
	w.buf = appendBytes(appendBytes(w.buf, key), value)
	w.count++
	if len(w.buf) < streamPieceBytes {
		return nil
	}
	return w.flush()
}

func (w *streamWriter) flush() error {
	w.sum = crc32.Update(w.sum, castagnoli, w.buf)
	err := w.write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// finish writes the end.
func (w *streamWriter) finish() error {
	w.buf = binary.AppendUvarint(append(w.buf, 0), w.count)
	sum := crc32.Update(w.sum, castagnoli, w.buf)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, sum)
	return w.flush()
}

// streamReader decodes a state.
type streamReader struct {
	r     *bufio.Reader
	frame []byte // what was read since sum was brought up to date
	sum   uint32
	count uint64
	last  []byte // key
	// sessions takes the records of sessions.
	sessions *sessionLoader
}

// readStream gives the records of the state that r streams to take, in order, key and value valid during
// the call only, and returns its index and its sessions. Unless the error is nil, what take was given is no
// state. The error of take is returned as it is.
func readStream(r io.Reader, take func(key, value []byte) error) (raft.Index, *sessionTable, error) {
	s := &streamReader{r: bufio.NewReaderSize(r, streamPieceBytes)}
	index, err := s.header()
	if err != nil {
		return 0, nil, err
	}
	s.sessions = newSessionLoader(index)
	for {
		more, err := s.next(take)
		if err != nil {
			return 0, nil, err
		}
		if !more {
			break
		}
	}
	if err := s.end(); err != nil {
		return 0, nil, err
	}
	sessions, err := s.sessions.finish()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrStream, err)
	}
	return index, sessions, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrStream}, args...)...)
}

// cut is err of a read, where the end of the stream is a fault of it.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("cut short")
	}
	return fmt.Errorf("read state stream: %w", err)
}

// bytes reads n bytes, valid until the next call of settle. Memory is taken as they arrive: n is only a claim.
func (s *streamReader) bytes(n int) ([]byte, error) {
	from := len(s.frame)
	for left := n; left > 0; {
		step := min(left, max(streamPieceBytes/2, len(s.frame)))
		s.frame = append(s.frame, make([]byte, step)...)
		if _, err := io.ReadFull(s.r, s.frame[len(s.frame)-step:]); err != nil {
			return nil, cut(err)
		}
		left -= step
	}
	return s.frame[from:], nil
}

// settle adds what was read to the checksum, and forgets it.
func (s *streamReader) settle() {
	s.sum = crc32.Update(s.sum, castagnoli, s.frame)
	s.frame = s.frame[:0]
}

func (s *streamReader) uvarint(name string, most uint64) (uint64, error) {
	from := len(s.frame)
	for range binary.MaxVarintLen64 {
		b, err := s.r.ReadByte()
		if err != nil {
			return 0, cut(err)
		}
		s.frame = append(s.frame, b)
		if b < 0x80 {
			break
		}
	}
	v, n := binary.Uvarint(s.frame[from:])
	if n <= 0 || v > most {
		return 0, malformed("%s of %d, at most %d", name, v, most)
	}
	return v, nil
}

func (s *streamReader) header() (raft.Index, error) {
	b, err := s.bytes(len(streamMagic) + 1 + 8)
	if err != nil {
		return 0, err
	}
	defer s.settle()
	if string(b[:len(streamMagic)]) != streamMagic {
		return 0, malformed("begins with %q, want %q", b[:len(streamMagic)], streamMagic)
	}
	b = b[len(streamMagic):]
	if b[0] != streamVersion {
		return 0, malformed("version %d, want %d", b[0], streamVersion)
	}
	return raft.Index(binary.LittleEndian.Uint64(b[1:])), nil
}

// next reads one record, or the mark that there are no more.
func (s *streamReader) next(take func(key, value []byte) error) (more bool, err error) {
	n, err := s.uvarint("key bytes", 1+KeyBytesMax)
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := s.bytes(int(n)); err != nil {
		return false, err
	}
	key := len(s.frame) - int(n)
	size, err := s.uvarint("value bytes", ValueBytesMax)
	if err != nil {
		return false, err
	}
	if _, err := s.bytes(int(size)); err != nil {
		return false, err
	}
	value := len(s.frame) - int(size)
	if err := s.check(s.frame[key:key+int(n)], s.frame[value:]); err != nil {
		return false, err
	}
	if err := take(s.frame[key:key+int(n)], s.frame[value:]); err != nil {
		return false, err
	}
	s.settle()
	return true, nil
}

// check refuses a record that no state has.
func (s *streamReader) check(key, value []byte) error {
	if s.count > 0 && bytes.Compare(key, s.last) <= 0 {
		return malformed("key %.40x after %.40x", key, s.last)
	}
	s.last = append(s.last[:0], key...)
	s.count++
	if key[0] == prefixData {
		return nil
	}
	if err := s.sessions.add(key, value); err != nil {
		return fmt.Errorf("%w: %w", ErrStream, err)
	}
	return nil
}

// end reads what comes after the last record.
func (s *streamReader) end() error {
	count, err := s.uvarint("records", 1<<63)
	if err != nil {
		return err
	}
	if count != s.count {
		return malformed("%d records, want %d", s.count, count)
	}
	s.settle()
	want := s.sum
	b, err := s.bytes(4)
	if err != nil {
		return err
	}
	if got := binary.LittleEndian.Uint32(b); got != want {
		return malformed("checksum %08x, want %08x", got, want)
	}
	switch _, err := s.r.ReadByte(); {
	case err == nil:
		return malformed("bytes after its end")
	case !errors.Is(err, io.EOF):
		return cut(err)
	}
	return nil
}
