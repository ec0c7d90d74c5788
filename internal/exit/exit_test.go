package exit

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// The code of an error is its own, however often it was wrapped; only one without words is not printed.
func TestCodesAndWords(t *testing.T) {
	for _, c := range []struct {
		err  error
		code Code
		said bool
	}{
		{nil, OK, true},
		{io.EOF, RunError, false},
		{Usage(io.EOF), UsageError, false},
		{Error{Code: Invalid}, Invalid, true},
		{fmt.Errorf("load: %w", Error{Code: Unsafe}), Unsafe, true},
		{fmt.Errorf("load: %w", Error{Code: Storage, Err: io.EOF}), Storage, false},
	} {
		if Of(c.err) != c.code || Said(c.err) != c.said {
			t.Errorf("%v: got code %d, said %v; want %d, %v", c.err, Of(c.err), Said(c.err), c.code, c.said)
		}
	}
	if err := Usage(io.EOF); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Errorf("got %v", err)
	}
	if got := (Error{Code: Invalid}).Error(); got != "exit code 5" {
		t.Errorf("got %q", got)
	}
}
