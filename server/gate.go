package server

import (
	"errors"
	"net"
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

const (
	// refusedMax bounds the nodes that a gate remembers having refused.
	refusedMax = 64
	// strangersMax bounds the nodes that are no members whose disk it remembers.
	strangersMax = 2 * raft.MembersMax
)

// gate admits peers: each with the disk that it was first seen with, so that a node whose data folder was
// wiped is not taken for who it was. Only the disks of members are remembered durably: anybody may greet.
type gate struct {
	disks *storage.PeerDisks // nil when nothing is kept on a disk

	mu      sync.Mutex
	refused map[raft.NodeID]RefusedPeer
	members map[raft.NodeID]bool
	// strangers are the nodes that were admitted and are no members yet, with the disk that each had last: it
	// is recorded when they become members.
	strangers map[raft.NodeID]uint64
}

// RefusedPeer is a node that this one does not talk to.
type RefusedPeer struct {
	Node  raft.NodeID `json:"node"`
	Disk  uint64      `json:"disk"`
	Count uint64      `json:"count"` // attempts to connect, in either direction
	Err   string      `json:"err"`
}

func openGate(c Config) (*gate, error) {
	g := &gate{
		refused: map[raft.NodeID]RefusedPeer{}, members: membersOf(c.bootstrap()), strangers: map[raft.NodeID]uint64{},
	}
	if c.LogStorage == StorageMem {
		return g, nil
	}
	var err error
	g.disks, err = storage.OpenPeerDisks(c.DataDir)
	return g, err
}

// admit implements transport.Options.Admit.
func (g *gate) admit(node raft.NodeID, disk uint64) error {
	if g.disks == nil {
		return nil
	}
	g.mu.Lock()
	member := g.members[node]
	g.mu.Unlock()
	err := g.disks.Admit(node, disk, member)
	g.mu.Lock()
	defer g.mu.Unlock()
	before, known := g.refused[node]
	switch {
	case err == nil && !member && g.members[node]:
		err = g.disks.Admit(node, disk, true) // it has become one
	case err == nil && !member:
		g.remember(node, disk)
	}
	switch {
	case err == nil:
		delete(g.refused, node) // it is back with its own disk
	case known || len(g.refused) < refusedMax:
		g.refused[node] = RefusedPeer{Node: node, Disk: disk, Count: before.Count + 1, Err: err.Error()}
	}
	return err
}

// remember notes the disk of a stranger, in the place of any other when there are too many. It needs mu.
func (g *gate) remember(node raft.NodeID, disk uint64) {
	if _, known := g.strangers[node]; !known && len(g.strangers) >= strangersMax {
		for other := range g.strangers {
			delete(g.strangers, other)
			break
		}
	}
	g.strangers[node] = disk
}

// follow tells the gate who is a member: of any of the configurations. The disks of those that were strangers
// are durable when it returns nil.
func (g *gate) follow(configurations ...raft.Configuration) error {
	if g.disks == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = membersOf(configurations...)
	var errs []error
	for node, disk := range g.strangers {
		if !g.members[node] {
			continue
		}
		err := g.disks.Admit(node, disk, true)
		if err == nil || errors.Is(err, storage.ErrOtherDisk) { // the latter is refused when it greets again
			delete(g.strangers, node)
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func membersOf(configurations ...raft.Configuration) map[raft.NodeID]bool {
	ids := map[raft.NodeID]bool{}
	for _, c := range configurations {
		for i := range c.Members {
			ids[c.Members[i].ID] = true
		}
	}
	return ids
}

// list returns the nodes that were refused, by id.
func (g *gate) list() []RefusedPeer {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []RefusedPeer
	for _, id := range sortedIDs(g.refused) {
		list = append(list, g.refused[id])
	}
	return list
}

// advertise returns the address at which other nodes can answer, or "" for the one listened on.
func (c Config) advertise() string {
	address := c.Peers[c.Node].Peer
	if _, port, err := net.SplitHostPort(address); err != nil || port == "0" {
		return ""
	}
	return address
}
