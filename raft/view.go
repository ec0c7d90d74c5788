package raft

// View is a state machine's state as of one index, which later commands do not change. Its methods may be called from
// any goroutine, beside the machine's own, one at a time.
type View interface {
	// Index returns the last entry that is in the state.
	Index() Index
	// Persist makes the state up to Index durable in the machine itself: after it returned nil, no crash takes the
	// machine back below Index, and the log up to there is no longer needed.
	Persist() error
	// Stream gives the state to write, piece by piece, in the form that restores any machine of the kind. It returns
	// the first error of write. A piece is valid during the call only.
	Stream(write func([]byte) error) error
	// Close releases the view.
	Close() error
}
