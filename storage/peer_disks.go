package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/raftmark/raftmark/raft"
)

const (
	peersName   = "PEERS"
	peersHeader = "raftmark-peers 1"
	// PeerDisksMax bounds the peers that are remembered. Ids are never given again, so it also bounds how many servers a
	// server ever meets.
	PeerDisksMax = 4096
	// peersBytesMax has room for that many fields of two numbers of 20 digits.
	peersBytesMax = PeerDisksMax*(20+2+20+1) + 256
)

// PeerDisks remembers, durably, which disk each member was first seen with: by that a node that lost its disk is told
// from the node that it was. All methods may be called from any goroutine.
type PeerDisks struct {
	dir   string
	mu    sync.RWMutex
	disks map[raft.NodeID]uint64 // what the file has
}

// OpenPeerDisks reads the record in the data folder dir, which the caller has claimed; there may be none yet.
func OpenPeerDisks(dir string) (*PeerDisks, error) {
	fields, err := readFields(dir, peersName, peersHeader, peersBytesMax)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read disks of peers: %w", err)
	}
	p := &PeerDisks{dir: dir, disks: map[raft.NodeID]uint64{}}
	last := raft.None
	for _, f := range fields {
		node, nodeErr := parsePositive("node", f.name)
		disk, diskErr := parsePositive("disk", f.value)
		if err := errors.Join(nodeErr, diskErr); err != nil {
			return nil, fmt.Errorf("read disks of peers: %w", err)
		}
		if raft.NodeID(node) <= last {
			return nil, fmt.Errorf("read disks of peers: node %d after %d: %w", node, last, ErrCorrupt)
		}
		last = raft.NodeID(node)
		p.disks[last] = disk
	}
	return p, nil
}

// Admit returns nil when no other disk is recorded of node. When none is, and node is a member, disk is recorded: that
// is durable before Admit returns. Of others nothing is recorded, so that whoever greets under an id takes it from
// nobody. When another disk is recorded the error wraps ErrOtherDisk. Disk 0 is that of a node that keeps nothing on a
// disk: it is not recorded, and not admitted once a disk was.
func (p *PeerDisks) Admit(node raft.NodeID, disk uint64, member bool) error {
	if node == raft.None {
		return errors.New("admit node 0: need at least 1")
	}
	p.mu.RLock()
	admitted, err := p.known(node, disk)
	p.mu.RUnlock()
	if admitted || err != nil || !member {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if admitted, err := p.known(node, disk); admitted || err != nil {
		return err
	}
	if len(p.disks) >= PeerDisksMax {
		return fmt.Errorf("admit node %d: the disks of %d nodes are remembered, at most %d", node, len(p.disks), PeerDisksMax)
	}
	next := maps.Clone(p.disks)
	next[node] = disk
	if err := p.write(next); err != nil {
		return fmt.Errorf("remember disk of node %d: %w", node, err)
	}
	p.disks = next
	return nil
}

// known reports whether node may go on with disk, or that it may not; neither when it was not seen yet. It needs mu.
func (p *PeerDisks) known(node raft.NodeID, disk uint64) (bool, error) {
	switch seen, ok := p.disks[node]; {
	case ok && seen != disk:
		return false, fmt.Errorf("%w: node %d has disk %d, was first seen with %d: "+
			"its data are lost, it must join under a new id", ErrOtherDisk, node, disk, seen)
	default:
		return ok || disk == 0, nil
	}
}

func (p *PeerDisks) write(disks map[raft.NodeID]uint64) error {
	var fields []field
	for _, node := range slices.SortedFunc(maps.Keys(disks), cmp.Compare) {
		fields = append(fields, field{formatNode(node), strconv.FormatUint(disks[node], 10)})
	}
	return writeRecordFile(p.dir, peersName, peersHeader, fields)
}
