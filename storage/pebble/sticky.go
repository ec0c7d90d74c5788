package pebble

import (
	"errors"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// Failure returns what keeps the first error of the log: of a write, of a read, or of the engine's own work.
func (l *Log) Failure() *storage.Failure { return l.failure }

// Read implements replica.Log. An error of the disk, or damage, is sticky like one of a write: a log that cannot be
// read may not be there after the next start.
func (l *Log) Read(after, upto raft.Index, bytesMax int) (raft.Span, error) {
	span, err := l.read(after, upto, bytesMax)
	if err != nil && !isAnswer(err) {
		_ = l.failure.Set(err)
	}
	return span, err
}

// isAnswer reports whether err is of the question and not of the disk.
func isAnswer(err error) bool {
	return errors.Is(err, raft.ErrCompacted) || errors.Is(err, raft.ErrOutOfRange) || errors.Is(err, raft.ErrClosed)
}
