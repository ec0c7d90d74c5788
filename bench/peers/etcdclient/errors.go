package etcdclient

import "errors"

// Errors of operations that no server answered.
var (
	ErrClosed   = errors.New("the target was closed")
	ErrDeadline = errors.New("deadline passed")
	ErrCounter  = errors.New("the value is not a number that can be counted up")
)
