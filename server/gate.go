package server

import (
	"errors"
	"log/slog"
	"maps"
	"net"
	"sync"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/transport"
)

const (
	// refusedMax bounds the nodes that a gate remembers having refused.
	refusedMax = 64
	// strangersMax bounds the nodes that are no members whose life it remembers.
	strangersMax = 2 * raft.MembersMax
)

// What a claim tells fits in a greeting.
const _ = uint(transport.PreviousMax - storage.PreviousMax)

// gate admits peers: each with the disk that it was first seen with, in the newest life that was seen or one after it,
// so that a node whose data folder was wiped, rolled back or copied is not taken for who it was. Only what is known of
// members is remembered durably: anybody may greet.
type gate struct {
	lives  record // nil when nothing is kept on a disk
	node   raft.NodeID
	logger *slog.Logger

	// mu keeps the fields below. It is not held while the disk works.
	mu      sync.Mutex
	refused map[raft.NodeID]RefusedPeer
	members map[raft.NodeID]bool
	// strangers are the nodes that were admitted and are no members yet, with the life that each had last: it
	// is recorded when they become members.
	strangers map[raft.NodeID]storage.Life
}

// record is *storage.PeerLives.
type record interface {
	Admit(node raft.NodeID, life storage.Life, member bool) error
	Failure() *storage.Failure
}

// RefusedPeer is a node that this one does not talk to.
type RefusedPeer struct {
	Node        raft.NodeID `json:"node"`
	Disk        uint64      `json:"disk"`
	Incarnation uint64      `json:"incarnation"`
	Count       uint64      `json:"count"` // attempts to connect, in either direction
	Err         string      `json:"err"`
}

func openGate(c Config) (*gate, error) {
	g := &gate{
		node: c.Node, logger: c.Logger, refused: map[raft.NodeID]RefusedPeer{}, members: membersOf(c.bootstrap()),
		strangers: map[raft.NodeID]storage.Life{},
	}
	if c.LogStorage == StorageMem {
		return g, nil
	}
	lives, err := storage.OpenPeerLives(c.DataDir, c.Logger)
	if err != nil {
		return nil, err
	}
	g.lives = lives
	return g, nil
}

// Failure keeps the first error of what the gate writes; nil when it writes nothing.
func (g *gate) Failure() *storage.Failure {
	if g == nil || g.lives == nil {
		return nil
	}
	return g.lives.Failure()
}

// greeted implements transport.Options.Admit.
func (g *gate) greeted(by transport.Greeting) error {
	life := storage.Life{Disk: by.Disk, Incarnation: by.Incarnation, Nonce: by.Nonce, Previous: by.Previous}
	switch err := g.admit(by.Node, life); {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrOtherDisk):
		return transport.Refused(transport.RefusedDisk, "%v", err)
	case errors.Is(err, storage.ErrRolledBack):
		return transport.Refused(transport.RefusedLife, "%v", err)
	default:
		return transport.Refused(transport.RefusedUndecided, "%v", err)
	}
}

// admit returns why node is refused in that life, or nil.
func (g *gate) admit(node raft.NodeID, life storage.Life) error {
	if g.lives == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	member := g.members[node]
	err := g.ask(node, life, member)
	if err == nil && !member {
		if g.members[node] { // it has become one
			err = g.ask(node, life, true)
		} else {
			g.remember(node, life)
		}
	}
	if g.lives.Failure().Get() == nil { // which is no fault of the peer, and ends the node
		g.note(node, life, err)
	}
	return err
}

// ask is lives.Admit, which may sync, without mu. It needs mu, and has it again when it returns.
func (g *gate) ask(node raft.NodeID, life storage.Life, member bool) error {
	g.mu.Unlock()
	defer g.mu.Lock()
	return g.lives.Admit(node, life, member)
}

// note keeps whether node was refused, and says so when that has changed. It needs mu.
func (g *gate) note(node raft.NodeID, life storage.Life, err error) {
	before, known := g.refused[node]
	switch {
	case err == nil && known:
		delete(g.refused, node) // it is back with its own disk
		g.logger.Info("peer admitted again", "node", uint64(g.node), "peer", uint64(node), "incarnation", life.Incarnation)
	case err != nil && (known || len(g.refused) < refusedMax):
		now := RefusedPeer{
			Node: node, Disk: life.Disk, Incarnation: life.Incarnation, Count: before.Count + 1, Err: err.Error(),
		}
		g.refused[node] = now
		if now.Err != before.Err {
			g.logger.Error("peer refused", "node", uint64(g.node), "peer", uint64(node), "err", err)
		}
	}
}

// remember notes the life of a stranger, in the place of any other when there are too many. It needs mu.
func (g *gate) remember(node raft.NodeID, life storage.Life) {
	if _, known := g.strangers[node]; !known && len(g.strangers) >= strangersMax {
		for other := range g.strangers {
			delete(g.strangers, other)
			break
		}
	}
	g.strangers[node] = life
}

// follow tells the gate who is a member: of any of the configurations. The lives of those that were strangers
// are durable when it returns nil.
func (g *gate) follow(configurations ...raft.Configuration) error {
	if g.lives == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	members := membersOf(configurations...)
	g.members = members
	var errs []error
	// Who becomes a member during this loop was none of the strangers: it is recorded by admit.
	for node, life := range maps.Clone(g.strangers) {
		if !members[node] {
			continue
		}
		err := g.ask(node, life, true)
		if err == nil || errors.Is(err, storage.ErrOtherDisk) || errors.Is(err, storage.ErrRolledBack) {
			// In the last two cases it is refused when it greets again.
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
