package resp

import "errors"

// Why operations ended other than ok. Error replies are of type [ReplyError].
var (
	ErrClosed   = errors.New("target closed")
	ErrDeadline = errors.New("deadline passed")
	ErrBroken   = errors.New("connection broken while the answer was awaited")
	ErrOverload = errors.New("too many operations wait for a leader")
	ErrProtocol = errors.New("reply is not of the protocol")
)

// ReplyError is an error reply of the server, without its leading '-'.
type ReplyError string

// Error implements error.
func (e ReplyError) Error() string { return string(e) }
