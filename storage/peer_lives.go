package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/raftmark/raftmark/raft"
)

const (
	peersName    = "PEERS"
	peersHeader  = "raftmark-peers 2"
	peersHeader1 = "raftmark-peers 1" // disks only; still read
	// PeersMax bounds the peers that are remembered. Ids are never given again, so it also bounds how many servers a
	// server ever meets.
	PeersMax = 4096
	// peersBytesMax has room for that many fields of four numbers of 20 digits and a word.
	peersBytesMax = PeersMax*(4*21+len(forkedWord)+2) + 256
)

// PeerLives remembers, durably, which disk each member was first seen with, and the newest life that was seen of it: by
// that a node that lost its disk, or whose disk was rolled back, is told from the node that it was. All methods may be
// called from any goroutine. The first error of a write is the last: see Failure.
type PeerLives struct {
	dir     string
	failure *Failure
	writing sync.Mutex // held while the file is written
	mu      sync.RWMutex
	seen    map[raft.NodeID]peerLife // what the file has; replaced as a whole, with both locks held
}

// peerLife is what is remembered of a peer.
type peerLife struct {
	disk uint64
	// incarnation and nonce are those of the newest life; 0 in a file from before there were lives.
	incarnation, nonce uint64
	// forked says that another life was refused, once: from then on only what is known to be of this line is admitted.
	forked bool
}

// OpenPeerLives reads the record in the data folder dir, which the caller has claimed: so there is one.
func OpenPeerLives(dir string, logger *slog.Logger) (*PeerLives, error) {
	seen, err := readPeers(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = lostPeers(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read lives of peers: %w", err)
	}
	return &PeerLives{dir: dir, failure: NewFailure("lives of peers", logger), seen: seen}, nil
}

// Failure keeps the first error of writing the record. From then on nobody is admitted, because what is remembered is
// not known.
func (p *PeerLives) Failure() *Failure { return p.failure }

// createPeers writes the record of a folder that has met nobody. One that has met somebody is not new.
func createPeers(dir string) error {
	seen, err := readPeers(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writePeers(dir, nil)
	case err != nil:
		return fmt.Errorf("read lives of peers: %w", err)
	case len(seen) > 0:
		return fmt.Errorf("data folder %s has lives in %s but no %s: %w", dir, peersName, identityName, ErrCorrupt)
	}
	return nil // of a crash while the folder was created
}

// needPeers wants the record to be there; a folder from before each had one gets it.
func needPeers(dir string, old bool) error {
	_, err := os.Stat(filepath.Join(dir, peersName))
	switch {
	case errors.Is(err, fs.ErrNotExist) && old:
		return writePeers(dir, nil)
	case errors.Is(err, fs.ErrNotExist):
		return lostPeers(dir)
	case err != nil:
		return fmt.Errorf("look at %s: %w", peersName, err)
	}
	return nil
}

func lostPeers(dir string) error {
	return fmt.Errorf("data folder %s has %s but no %s: the node has forgotten which lives of its peers it has seen: %w",
		dir, identityName, peersName, ErrCorrupt)
}

// Admit returns nil when life is the newest that was seen of node, or comes after it, on the same disk. When none was
// seen, or an older one, and node is a member, life is recorded: that is durable before Admit returns, so each life
// costs one sync. Of others nothing is recorded, so that whoever greets under an id takes it from nobody.
//
// When another disk is recorded the error wraps ErrOtherDisk. When life is not the newest, or does not come after it,
// the error wraps ErrRolledBack. A life that goes back less far than the newest one that was seen (Life.Previous) is
// admitted for its greater incarnation, unless one of another line was refused before. Disk 0 is that of a node that
// keeps nothing on a disk: it is not recorded, and not admitted once a disk was.
//
// After a write that failed every call returns its error.
func (p *PeerLives) Admit(node raft.NodeID, life Life, member bool) error {
	if err := p.failure.Get(); err != nil {
		return err
	}
	if node == raft.None {
		return errors.New("admit node 0: need at least 1")
	}
	if life.Disk != 0 && (life.Incarnation == 0 || life.Nonce == 0) {
		return fmt.Errorf("admit node %d: incarnation %d with nonce %d, need both", node, life.Incarnation, life.Nonce)
	}
	if next, err := p.check(node, life, member); next == nil {
		return err
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := p.failure.Get(); err != nil { // while this call waited
		return err
	}
	next, refused := p.check(node, life, member)
	if next == nil {
		return refused
	}
	all := maps.Clone(p.seen)
	all[node] = *next
	if len(all) > PeersMax {
		return fmt.Errorf("admit node %d: %d nodes are remembered, at most %d", node, len(p.seen), PeersMax)
	}
	if err := writePeers(p.dir, all); err != nil {
		return p.failure.Set(fmt.Errorf("remember life of node %d: %w", node, err))
	}
	p.mu.Lock()
	p.seen = all
	p.mu.Unlock()
	return refused
}

// check returns why node is refused, or nil, and what is to be remembered of it, or nil.
func (p *PeerLives) check(node raft.NodeID, life Life, member bool) (next *peerLife, err error) {
	p.mu.RLock()
	seen, ok := p.seen[node]
	p.mu.RUnlock()
	fresh := peerLife{disk: life.Disk, incarnation: life.Incarnation, nonce: life.Nonce, forked: seen.forked}
	switch {
	case !ok && life.Disk == 0:
		return nil, nil
	case ok && seen.disk != life.Disk:
		return nil, fmt.Errorf("%w: node %d has disk %d, was first seen with %d: "+
			"its data are lost, it must join under a new id", ErrOtherDisk, node, life.Disk, seen.disk)
	case !ok || seen.incarnation == 0:
		return fresh.ifMember(member), nil
	}
	after, known := life.after(seen.incarnation, seen.nonce)
	if after && (known || !seen.forked) {
		if life.Incarnation == seen.incarnation {
			return nil, nil
		}
		return fresh.ifMember(member), nil
	}
	// Note: an older incarnation alone is no proof of another line, and nothing is remembered of it: it may be the
	// greeting of a process that has ended since, on its way for long.
	if !seen.forked && life.Incarnation >= seen.incarnation {
		seen.forked = true
		next = seen.ifMember(member)
	}
	return next, fmt.Errorf("%w: node %d has incarnation %d, which does not come after %d, the newest that was seen: "+
		"its data folder was rolled back or copied, it must join under a new id",
		ErrRolledBack, node, life.Incarnation, seen.incarnation)
}

// ifMember returns l when its node is a member.
func (l peerLife) ifMember(member bool) *peerLife {
	if member {
		return &l
	}
	return nil
}

const forkedWord = "forked"

func readPeers(dir string) (map[raft.NodeID]peerLife, error) {
	seen := map[raft.NodeID]peerLife{}
	fields, err := readFields(dir, peersName, peersHeader, int64(peersBytesMax))
	if errors.Is(err, ErrFormat) {
		if old, oldErr := readFields(dir, peersName, peersHeader1, int64(peersBytesMax)); oldErr == nil {
			fields, err = old, nil
		}
	}
	if err != nil {
		return seen, err
	}
	last := raft.None
	for _, f := range fields {
		node, nodeErr := parsePositive("node", f.name)
		life, lifeErr := parsePeerLife(f.value)
		if err := errors.Join(nodeErr, lifeErr); err != nil {
			return nil, err
		}
		if raft.NodeID(node) <= last {
			return nil, fmt.Errorf("node %d after %d: %w", node, last, ErrCorrupt)
		}
		last = raft.NodeID(node)
		seen[last] = life
	}
	return seen, nil
}

func parsePeerLife(text string) (l peerLife, err error) {
	words := strings.SplitN(text, " ", 5)
	if n := len(words); n == 4 && words[3] == forkedWord {
		l.forked, words = true, words[:3]
	}
	switch {
	case len(words) == 1 && !l.forked: // of version 1, and not seen since
		l.disk, err = parsePositive("disk", words[0])
		return l, err
	case len(words) != 3:
		return l, fmt.Errorf("life %.64q, want disk, incarnation and nonce: %w", text, ErrCorrupt)
	}
	var errs [3]error
	l.disk, errs[0] = parsePositive("disk", words[0])
	l.incarnation, errs[1] = parsePositive("incarnation", words[1])
	l.nonce, errs[2] = parsePositive("nonce", words[2])
	return l, errors.Join(errs[:]...)
}

// String is the inverse of parsePeerLife.
func (l peerLife) String() string {
	text := strconv.FormatUint(l.disk, 10)
	if l.incarnation == 0 {
		return text
	}
	text += fmt.Sprintf(" %d %d", l.incarnation, l.nonce)
	if l.forked {
		text += " " + forkedWord
	}
	return text
}

func writePeers(dir string, lives map[raft.NodeID]peerLife) error {
	var fields []field
	for _, node := range slices.SortedFunc(maps.Keys(lives), cmp.Compare) {
		fields = append(fields, field{formatNode(node), lives[node].String()})
	}
	return writeRecordFile(dir, peersName, peersHeader, fields)
}
