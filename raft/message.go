package raft

import "fmt"

// MessageKind tells the messages apart. Its values are part of the wire format.
type MessageKind uint8

const (
	// MsgPreVote asks whether the receiver would vote for the sender at Term, without anybody's term changing
	// (thesis §9.6). Term is the term that the sender would campaign in. Uses Last.
	MsgPreVote MessageKind = 1
	// MsgPreVoteReply answers it. Term is the term asked for when granted, else the receiver's own. Uses
	// Reject.
	MsgPreVoteReply MessageKind = 2
	// MsgVote is RequestVote (Figure 2). Uses Last.
	MsgVote MessageKind = 3
	// MsgVoteReply answers it. Uses Reject.
	MsgVoteReply MessageKind = 4
	// MsgAppend is AppendEntries (Figure 2), with or without entries. Uses Span, Commit, Seq.
	MsgAppend MessageKind = 5
	// MsgAppendReply answers MsgAppend. Accepted: Match is min(received, durable). Rejected: Reject is set,
	// Match is the index refused (the request's Span.Prev.Index) and Last is the hint: where the follower's
	// log may agree. Uses Seq, which is 0 in the answer to an older term's leader: that says only the term.
	MsgAppendReply MessageKind = 6
	// MsgHeartbeat is the empty AppendEntries that only says "I lead" (§5.2); apart from MsgAppend so that
	// it travels on the control lane. Commit is min(leader's commit, the follower's matchIndex). Uses Seq.
	MsgHeartbeat MessageKind = 7
	// MsgHeartbeatReply answers it with the same Seq. The core does not look at Reject: drivers say with it that the
	// sender has no room for more entries.
	MsgHeartbeatReply MessageKind = 8
	// MsgSnapshot is InstallSnapshot (Figure 13): a chunk of a snapshot for a follower that fell behind the
	// log. Uses Chunk, Seq.
	MsgSnapshot MessageKind = 9
	// MsgTimeoutNow tells the receiver to campaign at once (thesis §3.10).
	MsgTimeoutNow MessageKind = 10
	// MsgReadIndex asks the leader for an index that a follower may serve reads at (thesis §6.4). Uses Seq.
	MsgReadIndex MessageKind = 11
	// MsgReadIndexReply answers it and MsgRecover. Commit is that index; Reject says that there is none. Uses Seq.
	MsgReadIndexReply MessageKind = 12
	// MsgSnapshotReply answers MsgSnapshot. Chunk names the snapshot, Offset is how much of it the follower
	// has stored (the chunk wanted next begins there), Done says that it needs no more of it, and then
	// Match is how far its log matches. Reject says that the chunk was not the one wanted. Uses Seq.
	MsgSnapshotReply MessageKind = 13
	// MsgRecover tells the leader that the sender's disk lost what it had acknowledged, and asks how far its log must
	// reach until its word counts again. MsgReadIndexReply answers it. Uses Seq.
	MsgRecover MessageKind = 14
)

// String returns the kind's name as the paper or this package calls it.
func (k MessageKind) String() string {
	names := [...]string{
		MsgPreVote: "PreVote", MsgPreVoteReply: "PreVoteReply", MsgVote: "RequestVote", MsgVoteReply: "RequestVoteReply",
		MsgAppend: "AppendEntries", MsgAppendReply: "AppendEntriesReply", MsgHeartbeat: "Heartbeat",
		MsgHeartbeatReply: "HeartbeatReply", MsgSnapshot: "InstallSnapshot", MsgTimeoutNow: "TimeoutNow",
		MsgReadIndex: "ReadIndex", MsgReadIndexReply: "ReadIndexReply", MsgSnapshotReply: "InstallSnapshotReply",
		MsgRecover: "Recover",
	}
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return fmt.Sprintf("MessageKind(%d)", uint8(k))
}

// Message is what servers send each other. Which fields a kind uses is said at the kind; the others are zero.
// A message owns nothing: Span's entries, Chunk and their data are immutable and may be shared with the log.
type Message struct {
	Kind     MessageKind
	From, To NodeID
	Term     Term    // the sender's current term, but see MsgPreVote
	Last     EntryID // of the candidate's log, or the hint of a rejecting follower
	Span     Span    // entries to append, after Span.Prev
	Match    Index
	Commit   Index
	Seq      uint64 // echoed by the reply, so that the leader can tell replies apart
	Chunk    *Chunk
	Reject   bool
	// Transfer says, of a MsgVote, that the leader itself wants this election (thesis §3.10): its lease
	// does not stand in the way.
	Transfer bool
}
