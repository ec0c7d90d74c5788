package server

import (
	"context"
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

// peerSetter is a transport whose peers can be changed.
type peerSetter interface {
	SetPeers(peers map[raft.NodeID]string, removedUpTo raft.NodeID) error
}

// followMembers tells the transport who the members are, beside the replica's loop, until the replica
// stops. A configuration that is not committed yet may be rolled back: until then the members of the
// committed one are peers, too, and nobody counts as removed because of it.
func (n *Node) followMembers() {
	setter, ok := n.transport.(peerSetter)
	if !ok {
		return
	}
	retry := time.NewTicker(n.config.Heartbeat)
	defer retry.Stop()
	var committed raft.Configuration
	var told map[raft.NodeID]string
	for settled := false; ; {
		var again <-chan time.Time
		if !settled {
			again = retry.C
		}
		select {
		case <-n.replica.Done():
			return
		case <-n.membersChanged:
		case <-again:
		}
		s := n.replica.Status()
		if settled = s.ConfigurationIndex <= s.CommitIndex; settled {
			committed = s.Configuration
		}
		if s.Configuration.IsZero() {
			continue // it joins: what it was told to begin with is all it knows
		}
		peers := n.reachable(committed)
		maps.Copy(peers, n.reachable(s.Configuration))
		if !settled && maps.Equal(peers, told) {
			continue
		}
		if err := setter.SetPeers(peers, committed.LastID); err != nil {
			n.config.Logger.Error("set peers", "node", uint64(n.config.Node), "err", err)
			continue
		}
		told = peers
	}
}

// reachable returns the addresses of the members that the transport takes.
func (n *Node) reachable(configuration raft.Configuration) map[raft.NodeID]string {
	addresses := make(map[raft.NodeID]string, len(configuration.Members))
	for id, p := range n.config.peersOf(configuration) {
		if n.config.Transport != TransportMem {
			if _, _, err := net.SplitHostPort(p.Peer); err != nil {
				continue
			}
		}
		if n.config.Transport == TransportTCP && id != n.config.Node {
			if err := transport.CheckLoopback(p.Peer); err != nil {
				n.config.Logger.Warn("a member cannot be reached", "node", uint64(n.config.Node), "peer", uint64(id), "err", err)
				continue
			}
		}
		addresses[id] = p.Peer
	}
	return addresses
}

// handOver gives leadership to another node, if this one has it, so that the cluster goes on at once when
// it stops.
func (n *Node) handOver(ctx context.Context) {
	if n.replica.Status().Role != raft.Leader {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*n.config.ElectionMin)
	defer cancel()
	if err := n.replica.Transfer(ctx, raft.None); err != nil {
		n.config.Logger.Info("stop without handing over", "node", uint64(n.config.Node), "err", err)
	}
}
