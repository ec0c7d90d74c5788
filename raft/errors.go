package raft

import "errors"

// Sentinels of the ports that carry and store raft's types, matched with errors.Is.
var (
	// ErrCompacted says that entries were asked for that are no longer in the log.
	ErrCompacted = errors.New("entries compacted")
	// ErrOutOfRange says that entries were asked for that the log does not have.
	ErrOutOfRange = errors.New("entries out of range")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
)
