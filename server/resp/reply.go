package resp

import (
	"strconv"

	"github.com/tidwall/redcon"
)

// Protocol is the version of the protocol that a connection speaks.
type Protocol int

// The protocols. A connection starts with RESP2 and changes with HELLO.
const (
	RESP2 Protocol = 2
	RESP3 Protocol = 3
)

// Replier gives the reply of a completed call.
type Replier interface {
	// AppendReply appends exactly one encoded reply to dst and returns the extended slice.
	AppendReply(dst []byte, p Protocol) []byte
}

// AppendOK appends the simple string OK.
func AppendOK(dst []byte) []byte { return redcon.AppendOK(dst) }

// AppendSimple appends a simple string; s has no line end.
func AppendSimple(dst []byte, s string) []byte { return redcon.AppendString(dst, s) }

// AppendError appends an error; s starts with its code, as in "ERR no such thing".
func AppendError(dst []byte, s string) []byte { return redcon.AppendError(dst, s) }

// AppendInt appends an integer.
func AppendInt(dst []byte, n int64) []byte { return redcon.AppendInt(dst, n) }

// AppendBulk appends a bulk string.
func AppendBulk(dst, b []byte) []byte { return redcon.AppendBulk(dst, b) }

// AppendBulkString appends a bulk string.
func AppendBulkString(dst []byte, s string) []byte { return redcon.AppendBulkString(dst, s) }

// AppendArray appends the header of an array of n replies.
func AppendArray(dst []byte, n int) []byte { return redcon.AppendArray(dst, n) }

// AppendMap appends the header of a map of n pairs: an array of 2n in RESP2.
func AppendMap(dst []byte, n int, p Protocol) []byte {
	if p == RESP2 {
		return redcon.AppendArray(dst, 2*n)
	}
	dst = append(dst, '%')
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// AppendNull appends the null of the protocol.
func AppendNull(dst []byte, p Protocol) []byte {
	if p == RESP2 {
		return redcon.AppendNull(dst)
	}
	return append(dst, '_', '\r', '\n')
}
