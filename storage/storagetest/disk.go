package storagetest

import "github.com/raftmark/raftmark/raft"

// Log is the port under test: replica.Log, which storage must not import.
type Log interface {
	Load() (raft.LogState, error)
	Append(hs *raft.HardState, spans []raft.Span) (wait func() error, err error)
	Read(after, upto raft.Index, bytesMax int) (raft.Span, error)
	Compact(upto raft.Snapshot) error
	Close() error
}

// Disk is what a log is opened on.
type Disk struct {
	// Open opens the log on what the disk holds now; at most one log is open at a time. Required.
	Open func() (Log, error)
	// Crash returns the disk as it would be after a power loss at this moment: with everything durable, and
	// of the rest each unit (whatever that is) with the given probability in percent, drawn from seed. The
	// disk itself is not used afterwards, but a log open on it may still be closed. Nil when the disk
	// cannot crash.
	Crash func(percent int, seed uint64) Disk
	// Fail makes every later write and sync fail with an error that wraps err. Nil when the disk cannot fail.
	Fail func(err error)
}
