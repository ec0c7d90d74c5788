package raft

import "fmt"

// NodeID names a server of the cluster for ever: it is never given to another one, not even after the
// server's disk was lost. Zero is no server.
type NodeID uint64

// None is the NodeID of nobody: no leader known, no vote given.
const None NodeID = 0

// Term is a logical clock (§5.1). Zero is the term before the first election.
type Term uint64

// Index is a position in the log. The first entry has index 1; zero is the position before it.
type Index uint64

// EntryID names one entry: by Log Matching (§5.3), two logs that hold the same EntryID are identical up to it.
// The zero EntryID is the empty log's end.
type EntryID struct {
	Term  Term
	Index Index
}

// String returns the form "term.index" of scripts and logs.
func (id EntryID) String() string { return fmt.Sprintf("%d.%d", id.Term, id.Index) }

// UpToDate reports whether a log that ends in id is at least as up-to-date as one that ends in other (§5.4.1):
// the later last term wins; with equal terms the longer log does.
func (id EntryID) UpToDate(other EntryID) bool {
	if id.Term != other.Term {
		return id.Term > other.Term
	}
	return id.Index >= other.Index
}

// EntryKind says who an entry is for. Its values are part of the wire and disk formats.
type EntryKind uint8

const (
	// EntryCommand carries a command for the replicated state machine.
	EntryCommand EntryKind = 1
	// EntryNoop is the blank entry that a leader appends at the start of its term (§8).
	EntryNoop EntryKind = 2
	// EntryConfig carries a cluster configuration (§6).
	EntryConfig EntryKind = 3
)

// String returns the kind's name.
func (k EntryKind) String() string {
	switch k {
	case EntryCommand:
		return "command"
	case EntryNoop:
		return "noop"
	case EntryConfig:
		return "config"
	default:
		return fmt.Sprintf("EntryKind(%d)", uint8(k))
	}
}

// Entry is one log entry. Its index is given by its place in the [Span] that carries it.
// Data is immutable once the entry exists; every holder may keep it and none may write to it.
type Entry struct {
	Term Term
	Kind EntryKind
	Data []byte
}

// Span is a run of consecutive entries and the identity of the entry before the first: it covers the range
// (Prev.Index, Last().Index]. The slice is immutable and may be shared.
type Span struct {
	Prev    EntryID
	Entries []Entry
	// Encoded, when not nil, is AppendEntries(nil, Entries): the one encoding that the log write and all
	// messages share. It is immutable, and a cache only: whoever changes Entries drops it.
	Encoded []byte
}

// LastIndex returns the index of the span's last entry, or Prev.Index when it has none.
func (s Span) LastIndex() Index { return s.Prev.Index + Index(len(s.Entries)) }

// Last returns the EntryID of the span's last entry, or Prev when it has none.
func (s Span) Last() EntryID {
	if len(s.Entries) == 0 {
		return s.Prev
	}
	return EntryID{Term: s.Entries[len(s.Entries)-1].Term, Index: s.LastIndex()}
}

// After returns the part of the span in (index, LastIndex()]. It needs Prev.Index <= index <= LastIndex().
// The result shares the receiver's entries; Encoded survives only when nothing was cut.
func (s Span) After(index Index) Span {
	n := int(index - s.Prev.Index)
	if n == 0 {
		return s
	}
	return Span{Prev: EntryID{Term: s.Entries[n-1].Term, Index: index}, Entries: s.Entries[n:]}
}

// HardState is what a server must have on stable storage before it answers (Figure 2, "persistent state"),
// and the commit index beside it, which only spares work after a restart (it is never ahead of the entries
// stored with it).
type HardState struct {
	Term   Term
	Vote   NodeID
	Commit Index
	// Recover, when not zero, says that this server's disk lost the end of its log: it once ended in this entry,
	// durably. Until the server has caught up with a leader it neither votes nor stands for election.
	Recover EntryID
}

// Size returns the bytes that the entry counts against every cap in bytes: its data and a fixed overhead.
func (e Entry) Size() int { return len(e.Data) + EntryOverheadBytes }

// EntryOverheadBytes is what an entry costs beside its data, in memory and on the wire, for the caps in bytes.
const EntryOverheadBytes = 32

// LogState is what stable storage holds when a server starts.
type LogState struct {
	HardState HardState
	// First is the entry that the log begins after: zero, or the last compacted one.
	First EntryID
	// Configuration is the one as of First, which the entry at ConfigurationIndex brought; zero when nothing was
	// compacted.
	Configuration      Configuration
	ConfigurationIndex Index
	// Last is the last entry stored, or First when there is none. Invariant: First.Index <= Last.Index.
	Last EntryID
}

// Snapshot names a snapshot of the state machine (§7, Figure 13): everything up to Last is in it.
type Snapshot struct {
	Last EntryID
	// Configuration is the one as of Last, which the entry at ConfigurationIndex brought; index 0 is the
	// configuration that the cluster began with.
	Configuration      Configuration
	ConfigurationIndex Index
}

// Chunk is a part of a snapshot on its way (Figure 13). Its data are immutable.
type Chunk struct {
	Snapshot Snapshot
	Offset   uint64 // of Data in the stream
	Data     []byte
	Done     bool // the stream ends with Data
}

// ChunkOverheadBytes is what a chunk costs beside its data, for the caps in bytes.
const ChunkOverheadBytes = 64
