package resp

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by Serve after Shutdown or Close.
var ErrClosed = errors.New("resp server closed")

// errTooLarge says that a request was read to its end but not kept; the connection can go on.
var errTooLarge = errors.New("request too large")

// protocolError says that the stream cannot be understood any further; its text is the reply before the close.
type protocolError struct{ text string }

// Error implements error.
func (e protocolError) Error() string { return "Protocol error: " + e.text }

func protocolErrorf(format string, args ...any) error {
	return protocolError{text: fmt.Sprintf(format, args...)}
}
