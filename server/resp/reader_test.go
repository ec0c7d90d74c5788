package resp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/raftmark/raftmark/internal/allocation"
)

func TestReaderParses(t *testing.T) {
	o := Options{RequestBytesMax: 16, ArgsMax: 3}.WithDefaults()
	for _, c := range []struct{ name, in, want string }{
		{"array", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "GET|k"},
		{"binary", "*2\r\n$3\r\nGET\r\n$4\r\n\r\n\x00k\r\n", "GET|\r\n\x00k"},
		{"empty argument", "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "GET|"},
		{"inline", "PING\r\n", "PING"},
		{"inline, bare newline, blanks", " set  k  v \n", "set|k|v"},
		{"blank lines are skipped", "\r\n   \r\n\nPING\r\n", "PING"},
		{"empty array is skipped", "*0\r\nPING\r\n", "PING"},
		{"exactly the limit", "*2\r\n$3\r\nGET\r\n$13\r\n0123456789abc\r\n", "GET|0123456789abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args, err := newReader(iotest.OneByteReader(strings.NewReader(c.in)), o).next()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range args {
				got = append(got, string(a))
			}
			if strings.Join(got, "|") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	o := Options{RequestBytesMax: 16, ArgsMax: 3}.WithDefaults()
	for _, c := range []struct{ name, in, want string }{
		{"bulk length near 2^63", "*1\r\n$9223372036854775807\r\n", "invalid bulk length"},
		{"bulk beyond what is skipped", "*1\r\n$99999999\r\n", "invalid bulk length"},
		{"negative bulk", "*1\r\n$-1\r\n", "invalid bulk length"},
		{"huge array", "*1000000000\r\n", "invalid multibulk length"},
		{"array above the limit", "*4\r\n", "invalid multibulk length"},
		{"negative array", "*-1\r\n", "invalid multibulk length"},
		{"no dollar", "*1\r\n:3\r\n", "expected '$'"},
		{"no line end", "*1\r\n$1\r\nkxx", "not followed by a line end"},
		{"endless line", strings.Repeat("x", LineBytesMax+1), "line of more than"},
		{"too many inline", "a b c d\r\n", "too many arguments"},
		{"HTTP", "POST / HTTP/1.1\r\n", "not an HTTP port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newReader(strings.NewReader(c.in), o).next()
			var protocol protocolError
			if !errors.As(err, &protocol) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a protocol error with %q", err, c.want)
			}
		})
	}
}

func TestReaderSkipsWhatIsTooLarge(t *testing.T) {
	big := strings.Repeat("v", 1000)
	in := "*2\r\n$3\r\nGET\r\n$1000\r\n" + big + "\r\n" + "PING\r\n"
	r := newReader(strings.NewReader(in), Options{RequestBytesMax: 16}.WithDefaults())
	if _, err := r.next(); !errors.Is(err, errTooLarge) {
		t.Fatalf("got %v, want errTooLarge", err)
	}
	if cap(r.buf) > 64 {
		t.Errorf("kept %d bytes of a request that was too large", cap(r.buf))
	}
	args, err := r.next()
	if err != nil || len(args) != 1 || string(args[0]) != "PING" {
		t.Errorf("got %q, %v after it, want PING", args, err)
	}
}

func TestReaderEndsInTheMiddle(t *testing.T) {
	_, err := newReader(strings.NewReader("*1\r\n$4\r\nPI"), Options{}.WithDefaults()).next()
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))
	f.Add([]byte("PING\r\n\r\n*0\r\n*1\r\n$9223372036854775807\r\n"))
	f.Add([]byte("*1\r\n$900000\r\nxyz"))
	f.Fuzz(func(t *testing.T, in []byte) {
		o := Options{RequestBytesMax: 1 << 20, ArgsMax: 8}.WithDefaults()
		// The buffer is there whatever comes; a request is gathered by doubling, and each refusal is an error.
		most := 6*len(in) + 200*strings.Count(string(in), "\n") + LineBytesMax + 2*allocation.Slack
		allocation.AtMost(t, most, func() {
			r := newReader(bytes.NewReader(in), o)
			for {
				args, err := r.next()
				if errors.Is(err, errTooLarge) {
					continue
				}
				if err != nil {
					return
				}
				if len(args) == 0 || len(args) > o.ArgsMax {
					t.Fatalf("got %d arguments, want 1 to %d", len(args), o.ArgsMax)
				}
			}
		})
	})
}
