package transport

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Lane is one of the ways to a peer that do not wait for each other. Its values are part of the wire format.
type Lane uint8

const (
	// LaneControl carries what must not wait: votes, heartbeats, reads, what tells the leader that a follower took a part
	// of a snapshot.
	LaneControl Lane = 0
	// LaneAppend carries entries and the replies to them.
	LaneAppend Lane = 1
	// LaneSnapshot carries snapshots. It is connected when the first one is sent.
	LaneSnapshot Lane = 2
)

// LaneCount is the number of lanes.
const LaneCount = 3

// LaneOf returns the lane of a kind of message.
func LaneOf(kind raft.MessageKind) Lane {
	switch kind {
	case raft.MsgAppend, raft.MsgAppendReply:
		return LaneAppend
	case raft.MsgSnapshot:
		return LaneSnapshot
	default:
		return LaneControl
	}
}

// String returns the lane's name.
func (l Lane) String() string {
	switch l {
	case LaneControl:
		return "control"
	case LaneAppend:
		return "append"
	case LaneSnapshot:
		return "snapshot"
	default:
		return fmt.Sprintf("Lane(%d)", uint8(l))
	}
}
