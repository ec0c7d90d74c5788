package server

import (
	"maps"
	"net"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/transport"
)

// members is the configuration that counts in this node's log, and where its members can be reached. It is
// immutable.
type members struct {
	configuration raft.Configuration
	index         raft.Index
	peers         map[raft.NodeID]Peer
}

func newMembers(c *Config, configuration raft.Configuration, index raft.Index) *members {
	return &members{configuration: configuration, index: index, peers: c.peersOf(configuration)}
}

// peersOf returns the addresses of all members: those of Config.Peers before those of the log.
func (c *Config) peersOf(configuration raft.Configuration) map[raft.NodeID]Peer {
	peers := make(map[raft.NodeID]Peer, len(configuration.Members))
	for i := range configuration.Members {
		m := &configuration.Members[i]
		p, given := c.Peers[m.ID]
		if !given {
			var err error
			if p, err = DecodePeer(m.Address); err != nil {
				c.Logger.Warn("a member has no address that is understood", "peer", uint64(m.ID), "err", err)
			}
		}
		p.Priority = m.Priority
		peers[m.ID] = p
	}
	return peers
}

// observe takes the replica's events, on its loop.
func (n *Node) observe(e replica.Event) {
	n.recorder.observe(e)
	n.leader.Store(uint64(e.Leader))
	if e.Kind == replica.EventTransfer {
		n.handedTo.Store(uint64(e.Peer))
	}
	if e.Kind != replica.EventConfig {
		return
	}
	n.members.Store(newMembers(&n.config, e.Configuration, e.ConfigurationIndex))
	select {
	case n.membersChanged <- struct{}{}:
	default:
	}
}

// peerOf returns where a member can be reached, or the zero Peer.
func (n *Node) peerOf(id raft.NodeID) Peer { return n.members.Load().peers[id] }

// insteadOf returns where clients should turn when this node was removed, so that those that know nobody else
// find the cluster: whom it handed leadership to, the first time, and then the voters by turns. It is
// raft.None when this node was not removed, as far as it knows.
func (n *Node) insteadOf(turn uint64) raft.NodeID {
	now := n.members.Load()
	c := &now.configuration
	if _, member := c.Member(n.config.Node); (member || n.config.Node > c.LastID) && !n.shunned.Load() {
		return raft.None
	}
	var voters []raft.NodeID
	for i := range c.Members {
		m := &c.Members[i]
		if !m.Voter || m.ID == n.config.Node || now.peers[m.ID].Client == "" {
			continue
		}
		if n.handedTo.CompareAndSwap(uint64(m.ID), uint64(raft.None)) { // it may be gone by the next time
			return m.ID
		}
		voters = append(voters, m.ID)
	}
	if len(voters) == 0 {
		return raft.None
	}
	return voters[turn%uint64(len(voters))]
}

// timesRefused returns how often peers refused this node for reason. It is asked at each heartbeat, and so not taken
// from the transport's metrics: to sum these up takes a system call for each connection.
func (n *Node) timesRefused(reason transport.Refusal) uint64 {
	t, ok := n.transport.(interface {
		TimesRefused(transport.Refusal) uint64
	})
	if !ok {
		return 0
	}
	return t.TimesRefused(reason)
}

// peerSetter is a transport whose peers can be changed.
type peerSetter interface {
	SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error
}

// followMembers tells the transport and the gate who the members are, beside the replica's loop, until the
// replica stops. What could not be told is told again.
func (n *Node) followMembers() {
	retry := time.NewTicker(n.config.Heartbeat)
	defer retry.Stop()
	var told map[raft.NodeID]string
	for settled := false; ; {
		select {
		case <-n.replica.Done():
			return
		case <-n.membersChanged:
		case <-retry.C:
			if n.leader.Load() == uint64(raft.None) {
				n.shunned.Store(n.timesRefused(transport.RefusedRemoved) > 0)
			}
			if settled {
				continue
			}
		}
		if n.silenced.Load() { // there is nobody to tell
			continue
		}
		s := n.replica.Status()
		waits := !settled
		settled = s.ConfigurationIndex <= s.CommitIndex
		if s.Configuration.IsZero() {
			continue // it joins: what it was told to begin with is all it knows
		}
		if err := n.gate.follow(s.Configuration, s.Committed); err != nil {
			n.config.Logger.Error("remember disks of members", "node", uint64(n.config.Node), "err", err)
			settled = false
		}
		setter, ok := n.transport.(peerSetter)
		peers, removedUpTo := n.transportPeers(&s)
		if !ok || waits && !settled && maps.Equal(peers, told) {
			continue
		}
		if err := setter.SetPeers(peers, removedUpTo); err != nil {
			n.config.Logger.Error("set peers", "node", uint64(n.config.Node), "err", err)
			settled, told = false, nil
			continue
		}
		told = peers
	}
}

// transportPeers returns what the transport is told. A configuration that is not committed yet may be rolled
// back: until then the members of the committed one are peers, too, and nobody counts as removed because of
// it.
func (n *Node) transportPeers(s *raft.Status) (peers map[raft.NodeID]string, removedUpTo raft.NodeID) {
	peers = n.reachable(s.Committed)
	maps.Copy(peers, n.reachable(s.Configuration))
	return peers, s.Committed.LastID
}

// reachable returns the addresses of the other members that the transport takes.
func (n *Node) reachable(configuration raft.Configuration) map[raft.NodeID]string {
	addresses := make(map[raft.NodeID]string, len(configuration.Members))
	for id, p := range n.config.peersOf(configuration) {
		if id == n.config.Node {
			continue
		}
		if n.config.Transport != TransportMem {
			if _, _, err := net.SplitHostPort(p.Peer); err != nil {
				continue
			}
		}
		if err := n.config.checkPlaintext(p.Peer); err != nil {
			n.config.Logger.Warn("a member cannot be reached", "node", uint64(n.config.Node), "peer", uint64(id), "err", err)
			continue
		}
		addresses[id] = p.Peer
	}
	return addresses
}
