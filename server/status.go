package server

import (
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
)

// readyLagMax is how many committed entries a node may have yet to apply and still be ready.
const readyLagMax = 1000

// Status is what /status answers.
type Status struct {
	Cluster     string      `json:"cluster"`
	Node        raft.NodeID `json:"node"`
	PID         int         `json:"pid"`
	Incarnation uint64      `json:"incarnation"`
	UptimeNs    int64       `json:"uptime_ns"`
	DataDir     string      `json:"data_dir"`
	// Ready says that a leader is known, able to answer when it is this node, and that what is known to be committed
	// is applied.
	Ready  bool `json:"ready"`
	Listen Peer `json:"listen"` // the addresses really in use
	Raft   Raft `json:"raft"`
	// StateHash is the hash of the state machine at StateIndex; only with ?hash=1.
	StateHash  string     `json:"state_hash,omitempty"`
	StateIndex raft.Index `json:"state_index,omitempty"`

	Clients       ClientStatus       `json:"clients"`
	EventsDropped uint64             `json:"events_dropped"`
	Metrics       replica.Metrics    `json:"metrics"`
	Transport     *transport.Metrics `json:"transport,omitempty"`
	Config        Config             `json:"config"`
}

// Raft is the protocol's part of a Status.
type Raft struct {
	Role          string            `json:"role"`
	Term          raft.Term         `json:"term"`
	Vote          raft.NodeID       `json:"vote"`
	Leader        raft.NodeID       `json:"leader"`
	TermCommitted bool              `json:"term_committed"`
	CommitIndex   raft.Index        `json:"commit_index"`
	LastApplied   raft.Index        `json:"last_applied"`
	LastIndex     raft.Index        `json:"last_index"`
	DurableIndex  raft.Index        `json:"durable_index"`
	Peers         []raft.PeerStatus `json:"peers,omitempty"`
}

// ClientStatus is the client port's part of a Status.
type ClientStatus struct {
	Connected int    `json:"connected"`
	Accepted  int64  `json:"accepted"`
	Refused   int64  `json:"refused"`
	Commands  uint64 `json:"commands"`
	Redirects uint64 `json:"redirects"`
	Unknown   uint64 `json:"unknown"` // outcomes not known, timeouts not included
}

// IsLeader reports whether the node leads and can answer clients.
func (s Status) IsLeader() bool { return s.Raft.Role == raft.Leader.String() && s.Raft.TermCommitted }

func readyStatus(s raft.Status) bool {
	return s.Leader != raft.None && s.LastApplied+readyLagMax >= s.CommitIndex &&
		(s.Role != raft.Leader || s.TermCommitted)
}

// Status returns a snapshot of the node, without the state's hash.
func (n *Node) Status() Status {
	s := n.replica.Status()
	status := Status{
		Cluster: n.config.Cluster, Node: n.config.Node, PID: n.pid, Incarnation: n.incarnation,
		UptimeNs: time.Since(n.started).Nanoseconds(), DataDir: n.config.DataDir, Ready: readyStatus(s),
		Listen: Peer{Peer: n.config.PeerListen, Client: n.ClientAddr(), Admin: n.AdminAddr()},
		Raft: Raft{
			Role: s.Role.String(), Term: s.Term, Vote: s.Vote, Leader: s.Leader, TermCommitted: s.TermCommitted,
			CommitIndex: s.CommitIndex, LastApplied: s.LastApplied, LastIndex: s.LastIndex,
			DurableIndex: s.DurableIndex, Peers: s.Peers,
		},
		EventsDropped: n.recorder.dropped.Load(), Metrics: n.replica.Metrics(), Config: n.config,
	}
	if m, ok := n.transport.(interface{ Metrics() transport.Metrics }); ok {
		metrics := m.Metrics()
		status.Transport = &metrics
	}
	if n.clients != nil {
		c := &status.Clients
		c.Connected, c.Accepted, c.Refused = n.clients.Connections()
		c.Commands, c.Redirects, c.Unknown = n.commands.served.Load(), n.commands.redirects.Load(), n.commands.unknown.Load()
	}
	return status
}
