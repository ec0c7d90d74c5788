package replica

import "github.com/raftmark/raftmark/raft"

// EventKind names a step in the life of a node that an observer may want to time.
type EventKind string

// The events, in the order in which a failover goes through them.
const (
	// EventPreCampaign: the election timeout passed and a pre-vote was started. Term is the term to be
	// campaigned in.
	EventPreCampaign EventKind = "pre_campaign"
	// EventCampaign: a RequestVote round was started in Term.
	EventCampaign EventKind = "campaign"
	// EventLeader: this node won the election of Term.
	EventLeader EventKind = "leader"
	// EventTermCommitted: the no-op of this leader's Term is committed; the leader can answer from now on.
	EventTermCommitted EventKind = "term_committed"
	// EventFollower: this node became a follower in Term, or learned of its Leader.
	EventFollower EventKind = "follower"
	// EventDiskStall: a write has taken longer than Options.DiskStallMax; this node does not lead until it is done.
	EventDiskStall EventKind = "disk_stall"
	// EventDiskFull: there is too little room on this node's disk, or in its log's budget: it takes no more commands.
	EventDiskFull EventKind = "disk_full"
	// EventDiskRoom: there is room again.
	EventDiskRoom EventKind = "disk_room"
	// EventConfig: another Configuration counts, from the entry at ConfigurationIndex on: one was appended, or rolled
	// back, or came with a snapshot; or the node started.
	EventConfig EventKind = "config"
	// EventTransfer: this leader told Peer to campaign at once.
	EventTransfer EventKind = "transfer"
	// EventCompacted: the log was compacted, and begins after Snapshot.
	EventCompacted EventKind = "compacted"
	// EventSnapshotSent: the last part of Snapshot left for Peer.
	EventSnapshotSent EventKind = "snapshot_sent"
	// EventSnapshotInstalled: Snapshot took the place of this node's log and state.
	EventSnapshotInstalled EventKind = "snapshot_installed"
	// EventPeerUp and EventPeerDown: a connection to or from Peer was made, or broke.
	EventPeerUp   EventKind = "peer_up"
	EventPeerDown EventKind = "peer_down"
)

// Event is one such step. The observer adds the time.
type Event struct {
	Kind   EventKind
	Term   raft.Term
	Leader raft.NodeID // the leader known now, or raft.None
	Peer   raft.NodeID // of EventPeerUp, EventPeerDown, EventTransfer and EventSnapshotSent
	Index  raft.Index  // the commit index now

	Configuration      raft.Configuration // of EventConfig
	ConfigurationIndex raft.Index
	Snapshot           raft.EntryID // of EventCompacted, EventSnapshotSent and EventSnapshotInstalled: its last entry
}
