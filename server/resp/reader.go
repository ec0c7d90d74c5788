package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// reader parses requests: arrays of bulk strings, or lines typed by hand.
//
//	*<count>\r\n  ( $<length>\r\n <length bytes> \r\n ) x count
//	PING\r\n
type reader struct {
	br       *bufio.Reader
	argsMax  int
	bytesMax int

	buf  []byte   // the arguments of the request read last, one after the other
	ends []int    // where each ends in buf
	args [][]byte // slices of buf
}

// growStepBytes is how much memory is taken ahead of the bytes that have arrived.
const growStepBytes = 64 << 10

func newReader(src io.Reader, o Options) *reader {
	return &reader{
		br: bufio.NewReaderSize(src, LineBytesMax), argsMax: o.ArgsMax, bytesMax: o.RequestBytesMax,
	}
}

// next returns the arguments of the next request, which are valid until the next call. An error that wraps
// errTooLarge leaves the stream at the start of the next request; any other error ends it.
func (r *reader) next() ([][]byte, error) {
	r.reset()
	for {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			continue // an empty line typed by hand
		}
		if line[0] != '*' {
			args, err := r.inline(line)
			if err != nil || len(args) > 0 {
				return args, err
			}
			continue
		}
		count, ok := parseLength(line[1:])
		if !ok || count > r.argsMax {
			return nil, protocolErrorf("invalid multibulk length, want 0 to %d", r.argsMax)
		}
		if count == 0 {
			continue
		}
		return r.bulks(count)
	}
}

func (r *reader) reset() {
	if cap(r.buf) > bufferKeepBytes {
		r.buf = nil
	}
	r.buf, r.ends, r.args = r.buf[:0], r.ends[:0], r.args[:0]
}

func (r *reader) bulks(count int) ([][]byte, error) {
	total, kept := 0, true
	for range count {
		line, err := r.line()
		if err != nil {
			return nil, unexpected(err)
		}
		if len(line) == 0 || line[0] != '$' {
			return nil, protocolErrorf("expected '$', got %.16q", line)
		}
		size, ok := parseLength(line[1:])
		if !ok || size > RequestBytesSkipMax-total {
			return nil, protocolErrorf("invalid bulk length")
		}
		total += size
		if total > r.bytesMax {
			kept = false
		}
		if err := r.bulk(size, kept); err != nil {
			return nil, unexpected(err)
		}
	}
	if !kept {
		return nil, errTooLarge
	}
	start := 0
	for _, end := range r.ends {
		r.args = append(r.args, r.buf[start:end:end])
		start = end
	}
	return r.args, nil
}

// bulk reads size bytes and the line end behind them.
func (r *reader) bulk(size int, keep bool) error {
	if keep {
		for left := size; left > 0; {
			n := min(left, growStepBytes)
			start := len(r.buf)
			r.buf = append(r.buf, make([]byte, n)...)
			if _, err := io.ReadFull(r.br, r.buf[start:]); err != nil {
				return err
			}
			left -= n
		}
		r.ends = append(r.ends, len(r.buf))
	} else if _, err := io.CopyN(io.Discard, r.br, int64(size)); err != nil {
		return err
	}
	end, err := r.br.Peek(2)
	if err != nil {
		return err
	}
	if end[0] != '\r' || end[1] != '\n' {
		return protocolErrorf("bulk not followed by a line end")
	}
	_, err = r.br.Discard(2)
	return err
}

// inline splits a line typed by hand, which may be blank. What looks like HTTP ends the connection, so that no web
// page can talk to it.
func (r *reader) inline(line []byte) ([][]byte, error) {
	fields := bytes.Fields(line)
	if len(fields) > r.argsMax {
		return nil, protocolErrorf("too many arguments, want at most %d", r.argsMax)
	}
	if len(fields) > 0 && (bytes.EqualFold(fields[0], []byte("POST")) || bytes.EqualFold(fields[0], []byte("Host:"))) {
		return nil, protocolErrorf("this is not an HTTP port")
	}
	for _, f := range fields {
		start := len(r.buf)
		r.buf = append(r.buf, f...)
		r.args = append(r.args, r.buf[start:len(r.buf):len(r.buf)])
	}
	return r.args, nil
}

// line returns the next line without its end; it is valid until the next read.
func (r *reader) line() ([]byte, error) {
	line, err := r.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, protocolErrorf("line of more than %d bytes", LineBytesMax)
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// unexpected turns an end of the stream inside a request into io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseLength reads a decimal length of at most nine digits; more is larger than any cap. Negative ones, which the
// protocol allows as null, are not accepted in requests.
func parseLength(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
