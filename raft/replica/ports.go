package replica

import "github.com/raftmark/raftmark/raft"

// Log is the stable storage of one server: its hard state and its log. One goroutine at a time calls
// Append; Read may be called at any time from any goroutine. The first error of a write or a sync is
// sticky: every later Append and its wait return it, nothing is retried, and the replica stops (fail-stop).
type Log interface {
	// Load returns what the log holds, once, before the first Append.
	Load() (raft.LogState, error)
	// Append writes hs (when not nil) and the spans, in order, in one atomic batch; batches take effect in
	// the order of the calls. A span with entries whose Prev.Index is below the last index first removes
	// every entry above Prev.Index; one without entries changes nothing. Each span needs Prev.Index <= the
	// last index before it. Append may return before the batch is durable: wait blocks until it is, and
	// returns nil only then. Waits may be called from another goroutine, once each, in the order of the
	// Appends, and complete in that order. Append keeps neither the slices of spans nor of entries, but may
	// keep their data and Encoded.
	Append(hs *raft.HardState, spans []raft.Span) (wait func() error, err error)
	// Read returns entries of (after, upto], at least one and then as many as fit in bytesMax (by
	// Entry.Size). The span's Prev carries after's term. It returns an error that wraps raft.ErrCompacted
	// when after is below the compacted prefix, and raft.ErrOutOfRange when upto is above the last index
	// that was appended. The entries are the caller's.
	Read(after, upto raft.Index, bytesMax int) (raft.Span, error)
	// Compact drops the entries at and below upto; it may do so later. It needs upto <= the last durable index.
	Compact(upto raft.Index) error
	// Close waits for writes under way and releases everything. Calls after Close return an error that
	// wraps raft.ErrClosed.
	Close() error
}

// Transport carries messages between servers. It may drop, delay, duplicate, and reorder across reconnects;
// it never corrupts, and never delivers a message whose From is not the peer that sent it. Messages of one
// lane of one connection arrive in order.
type Transport interface {
	// Start begins to listen, to connect and to deliver. Both functions are called concurrently from the
	// transport's goroutines, must not block and must not call Close. A delivered span's data may alias a
	// receive buffer that the transport does not touch again. peer says that a connection to or from a peer
	// was made (up) or broke: a hint.
	Start(deliver func(raft.Message), peer func(id raft.NodeID, up bool)) error
	// Send queues m for m.To and returns at once; false says that it was dropped (unknown peer, full queue,
	// closed), which is also counted. The transport reads m.Span until it has been written, and never
	// writes to it.
	Send(m raft.Message) bool
	// Close stops everything, drops what is queued and returns when no delivery is under way or will come.
	Close() error
}

// Machine is the replicated state machine (§2). One goroutine calls it.
type Machine interface {
	// Applied returns the index of the last entry that the machine holds, 0 for a new machine.
	Applied() (raft.Index, error)
	// Apply applies the entries of span in order; span.Prev.Index is the index applied last. Entries that
	// are not commands only advance the index. results[i] takes the result of entry i, opaque to the
	// replica, read-only and the caller's to keep; results is as long as span.Entries, or nil when nobody
	// waits for any of them. A command that the machine cannot decode or refuses has a result that says so;
	// an error means that the machine is broken, and stops the replica.
	Apply(span raft.Span, results [][]byte) error
	// Close releases the machine.
	Close() error
}
