package server

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
)

// readyLagMax is how many committed entries a node may have yet to apply and still be ready.
const readyLagMax = 1000

// Status is what /status answers.
type Status struct {
	Cluster     string      `json:"cluster"`
	Node        raft.NodeID `json:"node"`
	PID         int         `json:"pid"`
	Incarnation uint64      `json:"incarnation"`
	// Adoptions is how often the data folder was adopted as a copy (Config.AdoptCopiedFolder).
	Adoptions uint64 `json:"adoptions,omitempty"`
	UptimeNs  int64  `json:"uptime_ns"`
	DataDir   string `json:"data_dir"`
	// Ready says that a leader is known, able to answer when it is this node, and that what is known to be
	// committed is applied.
	Ready bool `json:"ready"`
	// NotReady says why it is not.
	NotReady string `json:"not_ready,omitempty"`
	// Removed says that this node was removed from the cluster, as far as it or a peer that refused it knows.
	Removed bool `json:"removed,omitempty"`
	// Reads is how reads are served: index, log, or lease, which trusts the clocks for Config.Lease.
	Reads  string `json:"reads"`
	Listen Peer   `json:"listen"` // the addresses really in use
	Raft   Raft   `json:"raft"`
	// StateHash is the hash of the state machine at StateIndex; only with ?hash=1.
	StateHash  string     `json:"state_hash,omitempty"`
	StateIndex raft.Index `json:"state_index,omitempty"`

	Clients       ClientStatus       `json:"clients"`
	EventsDropped uint64             `json:"events_dropped"`
	Disk          DiskStatus         `json:"disk"`
	Metrics       replica.Metrics    `json:"metrics"`
	Transport     *transport.Metrics `json:"transport,omitempty"`
	// Identity is the node's certificate; without one it talks to its peers in plaintext.
	Identity *identity.Status `json:"identity,omitempty"`
	// Insecure says what of the node anybody can reach from other machines; see Config.Insecure.
	Insecure []string `json:"insecure,omitempty"`
	// Refused are the nodes that this one does not talk to, because their disk, or its state, is not the one
	// that they were known with.
	Refused []RefusedPeer `json:"refused,omitempty"`
	Config  Config        `json:"config"`
}

// Raft is the protocol's part of a Status.
type Raft struct {
	// Role is follower, precandidate, candidate or leader; or learner, of a follower without a vote.
	Role          string      `json:"role"`
	Term          raft.Term   `json:"term"`
	Vote          raft.NodeID `json:"vote"`
	Leader        raft.NodeID `json:"leader"`
	TermCommitted bool        `json:"term_committed"`
	CommitIndex   raft.Index  `json:"commit_index"`
	LastApplied   raft.Index  `json:"last_applied"`
	FirstIndex    raft.Index  `json:"first_index"` // the log begins after it
	LastIndex     raft.Index  `json:"last_index"`
	DurableIndex  raft.Index  `json:"durable_index"`
	// Recover is where the log once ended, while this node does not vote because its disk lost that end.
	Recover    *raft.EntryID     `json:"recover,omitempty"`
	TransferTo raft.NodeID       `json:"transfer_to,omitempty"`
	Members    Membership        `json:"members"`
	Peers      []raft.PeerStatus `json:"peers,omitempty"`
}

// ClientStatus is the client port's part of a Status.
type ClientStatus struct {
	Connected int    `json:"connected"`
	Accepted  int64  `json:"accepted"`
	Refused   int64  `json:"refused"`
	Commands  uint64 `json:"commands"`
	Redirects uint64 `json:"redirects"`
	Unknown   uint64 `json:"unknown"` // outcomes not known, timeouts not included
	// InflightBytes is what the unanswered requests of all connections hold, see client.inflight_bytes_all_max.
	InflightBytes int64 `json:"inflight_bytes"`
}

// IsLeader reports whether the node leads and can answer clients.
func (s Status) IsLeader() bool { return s.Raft.Role == raft.Leader.String() && s.Raft.TermCommitted }

// removed reports whether the node was removed: by a configuration in its own log or, since nobody tells a
// node that is gone, by peers that do not talk to it any more.
func removed(s *raft.Status, refusedBy map[string]uint64) bool {
	_, member := s.Configuration.Member(s.ID)
	known := s.ConfigurationIndex <= s.CommitIndex && !s.Configuration.IsZero() && s.ID <= s.Configuration.LastID
	return !member && known || s.Leader == raft.None && refusedBy[transport.RefusedRemoved.String()] > 0
}

// notReady says why a node with such a status is not ready, or "" when it is.
func notReady(s *raft.Status, refusedBy map[string]uint64) string {
	disk, life := refusedBy[transport.RefusedDisk.String()], refusedBy[transport.RefusedLife.String()]
	switch {
	case removed(s, refusedBy):
		return transport.RefusedRemoved.Advice()
	case life > 0: // even if others talk to it: they have missed what those have seen
		return fmt.Sprintf("peers refused %d connections: %s", life, transport.RefusedLife.Advice())
	case s.Recover != raft.EntryID{}:
		return fmt.Sprintf("its disk lost the end of the log, which went up to %v: it does not vote until it has caught up "+
			"with a leader, which the others must elect", s.Recover)
	case s.Leader != raft.None && s.Role == raft.Leader && !s.TermCommitted:
		return "it leads, but has not committed an entry of its term"
	case s.Leader != raft.None && s.LastApplied+readyLagMax < s.CommitIndex:
		return fmt.Sprintf("it has applied %d of %d that are committed", s.LastApplied, s.CommitIndex)
	case s.Leader != raft.None:
		return ""
	case disk > 0:
		return fmt.Sprintf("peers refused %d connections: %s", disk, transport.RefusedDisk.Advice())
	case s.Configuration.IsZero():
		return fmt.Sprintf("it waits to be added to a cluster: raftmark ctl members add %d", s.ID)
	default:
		return "no leader known"
	}
}

// Status returns a snapshot of the node, without the state's hash.
func (n *Node) Status() Status {
	s := n.replica.Status()
	status := Status{
		Cluster: n.config.Cluster, Node: n.config.Node, PID: n.pid, Incarnation: n.incarnation,
		Adoptions: n.adoptions,
		UptimeNs:  time.Since(n.started).Nanoseconds(), DataDir: n.config.DataDir, Reads: n.config.Reads,
		Listen: Peer{Peer: n.config.PeerListen, Client: n.ClientAddr(), Admin: n.AdminAddr()},
		Raft: Raft{
			Role: n.roleName(&s), Term: s.Term, Vote: s.Vote, Leader: s.Leader, TermCommitted: s.TermCommitted,
			CommitIndex: s.CommitIndex, LastApplied: s.LastApplied, FirstIndex: s.FirstIndex, LastIndex: s.LastIndex,
			DurableIndex: s.DurableIndex, TransferTo: s.TransferTo, Members: n.membership(&s), Peers: s.Peers,
		},
		Disk:          n.diskStatus(),
		EventsDropped: n.recorder.dropped.Load(), Metrics: n.replica.Metrics(), Refused: n.gate.list(),
		Insecure: n.config.exposures(), Config: n.config,
	}
	if n.identity != nil {
		now := n.identity.Status()
		status.Identity = &now
	}
	var refusedBy map[string]uint64
	if m, ok := n.transport.(interface{ Metrics() transport.Metrics }); ok {
		metrics := m.Metrics()
		status.Transport, refusedBy = &metrics, metrics.RefusedBy
	}
	if s.Recover != (raft.EntryID{}) {
		status.Raft.Recover = &s.Recover
	}
	status.NotReady, status.Removed = notReady(&s, refusedBy), removed(&s, refusedBy)
	status.Ready = status.NotReady == ""
	if n.clients != nil {
		c := &status.Clients
		c.Connected, c.Accepted, c.Refused = n.clients.Connections()
		c.InflightBytes = n.clients.InflightBytes()
		c.Commands, c.Redirects, c.Unknown = n.commands.served.Load(), n.commands.redirects.Load(), n.commands.unknown.Load()
	}
	return status
}
