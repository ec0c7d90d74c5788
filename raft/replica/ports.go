package replica

import (
	"io"

	"github.com/raftmark/raftmark/raft"
)

// Log is the stable storage of one server: its hard state and its log. One goroutine at a time calls
// Append; Read may be called at any time from any goroutine. The first error of a write or a sync is
// sticky: every later Append and its wait return it, nothing is retried, and the replica stops (fail-stop).
type Log interface {
	// Load returns what the log holds, before the first Append; again after a Compact before it.
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
	// Compact makes the log begin after upto.Last and remembers upto's configuration. When the log holds that entry (of
	// the same term), the entries after it stay, and what is below may be dropped later, but First and Configuration as
	// Load reports them move durably and at once. When it does not (the log ends before it, or holds another term
	// there), a snapshot takes the place of the whole log: everything is dropped, the log begins and ends at
	// upto.Last, durable when Compact returns, and the hard state stays. It takes effect after all earlier Appends,
	// and is called by the goroutine that calls Append. Compact to First or below changes nothing.
	Compact(upto raft.Snapshot) error
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

// Machine is the replicated state machine (§2). One goroutine calls it; its views may be used beside that.
type Machine interface {
	// Applied returns the index of the last entry that the machine holds, 0 for a new machine.
	Applied() (raft.Index, error)
	// Apply applies the entries of span in order; span.Prev.Index is the index applied last. Entries that
	// are not commands only advance the index. results[i] takes the result of entry i, opaque to the
	// replica, read-only and the caller's to keep; results is as long as span.Entries, or nil when nobody
	// waits for any of them. A command that the machine cannot decode or refuses has a result that says so;
	// an error means that the machine is broken, and stops the replica.
	Apply(span raft.Span, results [][]byte) error
	// Snapshot returns a view of the state as of the last Apply. It is cheap: nothing is copied.
	Snapshot() (raft.View, error)
	// Restore replaces the whole state by the one that state streams, which is that of index: at once with regard to
	// crashes, and durable on return if the machine is a durable one. What is streamed came from the Stream of a view
	// of a machine of the same kind, and its checksum was right; still, when it is malformed or ends early, that is
	// an error and the old state stays.
	Restore(index raft.Index, state io.Reader) error
	// Close releases the machine.
	Close() error
}

// Snapshots holds two snapshots of the state machine in files: the one created here for followers that fell behind the
// log, and the one that is received from a leader. One goroutine at a time calls it. What travels in chunks is opaque
// to everybody else.
type Snapshots interface {
	// Create writes the snapshot named s from what stream gives to its write function, and replaces the one created
	// before, whose readers lose it. It need not survive a crash: it can be made again. After an error of stream the
	// one before stays or is gone, and nothing of the new one is seen.
	Create(s raft.Snapshot, stream func(write func([]byte) error) error) error
	// Created returns the name of the created snapshot, or false.
	Created() (raft.Snapshot, bool)
	// Read returns the chunk at offset of the created snapshot, at most bytesMax bytes of data. Its error wraps
	// raft.ErrOutOfRange when the created snapshot is not of, or ends before offset.
	Read(of raft.EntryID, offset uint64, bytesMax int) (raft.Chunk, error)

	// Store adds a chunk to the incoming snapshot; Offset 0 begins anew. With Done the whole is checked against its
	// length and its checksum and made durable, together with its name: from then on it is the received one. A damaged
	// one is dropped, with an error.
	Store(c raft.Chunk) error
	// Received returns the received snapshot and its state, which is the caller's to close, or false. It survives
	// crashes; what had not arrived completely does not.
	Received() (s raft.Snapshot, state io.ReadCloser, ok bool, err error)
	// Discard removes the received snapshot, durably.
	Discard() error

	// Close releases everything.
	Close() error
}
