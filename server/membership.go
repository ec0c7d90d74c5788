package server

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// Membership says who belongs to the cluster.
type Membership struct {
	// Configuration is the short form: "1 2 3", "1 2 +4" with a learner, "1 2 3 → 1 4 5" while it is joint.
	Configuration string `json:"configuration"`
	// Index is the entry that brought it; 0 is what the cluster began with.
	Index     raft.Index  `json:"index"`
	Committed bool        `json:"committed"`
	Joint     bool        `json:"joint"`
	LastID    raft.NodeID `json:"last_id"` // the greatest id that was ever used
	Members   []Member    `json:"members"`
}

// Member is one node of a Membership.
type Member struct {
	ID   raft.NodeID `json:"id"`
	Role MemberRole  `json:"role"`
	Peer             // its addresses and its priority
	// The rest is known to the leader only. Match is how far its log is known to be like the leader's, Lag
	// how many entries are missing, and SnapshotBytes how much it has of a snapshot that is being sent.
	Match         raft.Index `json:"match,omitempty"`
	Lag           raft.Index `json:"lag,omitempty"`
	Active        bool       `json:"active,omitempty"` // heard lately
	Lost          bool       `json:"lost,omitempty"`   // it does not have what it acknowledged
	SnapshotBytes uint64     `json:"snapshot_bytes,omitempty"`
}

// MemberRole is a member's part.
type MemberRole string

// The parts.
const (
	RoleVoter   MemberRole = "voter"
	RoleLearner MemberRole = "learner"
	// RoleJoining: it votes in the new configuration of a joint one, and not in the old.
	RoleJoining MemberRole = "joining"
	// RoleLeaving: it votes in the old one, and will be gone, or a learner, in the new.
	RoleLeaving MemberRole = "leaving"
)

func memberRole(m *raft.Member, joint bool) MemberRole {
	switch {
	case m.Outgoing && !m.Voter:
		return RoleLeaving
	case joint && m.Voter && !m.Outgoing:
		return RoleJoining
	case m.Voter:
		return RoleVoter
	default:
		return RoleLearner
	}
}

// membership describes the configuration of a status.
func (n *Node) membership(s *raft.Status) Membership {
	c := s.Configuration
	m := Membership{
		Configuration: c.String(), Index: s.ConfigurationIndex, Committed: s.ConfigurationIndex <= s.CommitIndex,
		Joint: c.Joint(), LastID: c.LastID, Members: make([]Member, 0, len(c.Members)),
	}
	peers := n.config.peersOf(c)
	progress := make(map[raft.NodeID]raft.PeerStatus, len(s.Peers))
	for _, p := range s.Peers {
		progress[p.ID] = p
	}
	for i := range c.Members {
		member := Member{ID: c.Members[i].ID, Role: memberRole(&c.Members[i], m.Joint), Peer: peers[c.Members[i].ID]}
		if p, ok := progress[member.ID]; ok {
			member.Match, member.Lag = p.Match, s.LastIndex-min(p.Match, s.LastIndex)
			member.Active, member.Lost, member.SnapshotBytes = p.Active, p.Lost, p.SnapshotBytes
		} else if member.ID == s.ID && s.Role == raft.Leader {
			member.Match, member.Active = s.LastIndex, true
		}
		m.Members = append(m.Members, member)
	}
	return m
}

// roleName names what the node is: a follower that is no voter is a learner.
func (n *Node) roleName(s *raft.Status) string {
	m, member := s.Configuration.Member(s.ID)
	switch {
	case s.Role != raft.Follower:
		return s.Role.String()
	case member && memberRole(&m, s.Configuration.Joint()) == RoleLearner:
		return string(RoleLearner)
	case !member && s.Configuration.IsZero():
		return "joining"
	case !member:
		return "removed"
	default:
		return s.Role.String()
	}
}

// MemberChange is one wish of a membership change, as it is asked of the admin port.
type MemberChange struct {
	// Op is add (as a learner), promote, demote, remove or priority.
	Op string      `json:"op"`
	ID raft.NodeID `json:"id"`
	// Peer are the addresses, of add; its priority, of add and priority.
	Peer
}

// change translates it.
func (c MemberChange) change() (raft.Change, error) {
	kinds := map[string]raft.ChangeKind{
		"add": raft.AddLearner, "promote": raft.Promote, "demote": raft.Demote, "remove": raft.Remove,
		"priority": raft.Reprioritize,
	}
	change := raft.Change{Kind: kinds[c.Op], ID: c.ID, Priority: c.Priority}
	switch {
	case change.Kind == 0:
		return change, fmt.Errorf("op: %.40q, want add, promote, demote, remove or priority", c.Op)
	case c.ID == raft.None:
		return change, fmt.Errorf("id: 0, want at least 1")
	case change.Kind != raft.AddLearner:
		return change, nil
	}
	for _, a := range c.addresses() {
		if *a.address == "" && a.kind != "peer" {
			continue
		}
		if err := checkAddress(*a.address); err != nil {
			return change, fmt.Errorf("%s: %.200q, %w", a.kind, *a.address, err)
		}
		if err := transport.CheckReachable(*a.address); err != nil {
			return change, fmt.Errorf("%s: %w", a.kind, err)
		}
	}
	change.Address = c.Encode()
	got, err := DecodePeer(change.Address)
	if got.Priority = c.Priority; err != nil || got != c.Peer {
		return change, fmt.Errorf("addresses: %.200q, want none with ',' in it", change.Address)
	}
	return change, nil
}

// checkAdded returns why the nodes that are to be added could not be told from others, or not be reached: what
// the log has, it has for ever.
func (n *Node) checkAdded(changes []MemberChange) error {
	s := n.replica.Status()
	if s.Role != raft.Leader {
		return nil // who leads knows who has which address
	}
	owners := map[string]raft.NodeID{}
	for id, p := range n.config.peersOf(s.Configuration) {
		for _, a := range p.addresses() {
			owners[*a.address] = id
		}
	}
	for i, c := range changes {
		if _, member := s.Configuration.Member(c.ID); c.Op != "add" || member {
			continue
		}
		for _, a := range c.addresses() {
			if *a.address == "" {
				continue
			}
			if owner, taken := owners[*a.address]; taken {
				return fmt.Errorf("changes[%d].%s: %.200q is an address of node %d", i, a.kind, *a.address, owner)
			}
			owners[*a.address] = c.ID
		}
		if err := n.config.checkPlaintext(c.Peer.Peer); err != nil {
			return fmt.Errorf("changes[%d].peer: %w", i, err)
		}
	}
	return nil
}
