package server

import (
	"net"
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// refusedMax bounds the nodes that a gate remembers having refused.
const refusedMax = 64

// gate admits peers: each with the disk that it was first seen with, so that a node whose data folder was
// wiped is not taken for who it was.
type gate struct {
	disks *storage.PeerDisks // nil when nothing is kept on a disk

	mu      sync.Mutex
	refused map[raft.NodeID]RefusedPeer
}

// RefusedPeer is a node that this one does not talk to.
type RefusedPeer struct {
	Node  raft.NodeID `json:"node"`
	Disk  uint64      `json:"disk"`
	Count uint64      `json:"count"` // attempts to connect, in either direction
	Err   string      `json:"err"`
}

func openGate(c Config) (*gate, error) {
	g := &gate{refused: map[raft.NodeID]RefusedPeer{}}
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
	err := g.disks.Admit(node, disk)
	g.mu.Lock()
	defer g.mu.Unlock()
	before, known := g.refused[node]
	switch {
	case err == nil:
		delete(g.refused, node) // it is back with its own disk
	case known || len(g.refused) < refusedMax:
		g.refused[node] = RefusedPeer{Node: node, Disk: disk, Count: before.Count + 1, Err: err.Error()}
	}
	return err
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
