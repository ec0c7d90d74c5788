package storage

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/raftmark/raftmark/raft"
)

const lockName = "LOCK"

// Claim is the right to use a data folder. It holds the folder's lock until Close.
type Claim struct {
	dir       string
	life      Life
	adoptions uint64
	closeOnce sync.Once
	closeErr  error
	lock      *os.File

	mu         sync.Mutex
	logCreated bool
}

// NewClaim claims o.Dir for o.Cluster and o.Node: it takes the lock, compares the identity or, in an empty
// folder, writes it with a new id of the disk, and makes the next incarnation durable. A folder that is a copy is
// refused (ErrCopied) unless o.AdoptCopied. On an error nothing that was there has changed, but maybe the incarnation.
func NewClaim(o Options) (*Claim, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := MakeDir(o.Dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(o.Dir)
	if err != nil {
		return nil, err
	}
	c, err := identify(o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	c.lock = lock
	return c, nil
}

// Incarnation returns how often the folder has been claimed, this time included; at least 1.
func (c *Claim) Incarnation() uint64 { return c.life.Incarnation }

// Disk returns the id of the folder, never 0: drawn when it was created, so that a node whose disk was lost and that
// begins again with an empty folder is seen to be another one.
func (c *Claim) Disk() uint64 { return c.life.Disk }

// Life returns what peers are told of this claim.
func (c *Claim) Life() Life {
	l := c.life
	l.Previous = slices.Clone(l.Previous)
	return l
}

// Adoptions returns how often the folder was claimed as a copy, with Options.AdoptCopied.
func (c *Claim) Adoptions() uint64 { return c.adoptions }

// LogCreated reports whether NoteLog was called, in this life of the folder or in one before. A folder without its log
// has then lost it, and with it the votes of the node.
func (c *Claim) LogCreated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logCreated
}

// NoteLog says that the folder has a log, and that its watermark is durable. That is written once, to INCARNATION,
// because no folder is claimed without that.
func (c *Claim) NoteLog() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.logCreated {
		return nil
	}
	if err := writeIncarnation(c.dir, c.life, true); err != nil {
		return fmt.Errorf("note that there is a log: %w", err)
	}
	c.logCreated = true
	return nil
}

// Close gives the claim up. Calls after the first return the same.
func (c *Claim) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.lock.Close() })
	return c.closeErr
}

// identify checks or creates the identity, and begins the next life.
func identify(o Options) (*Claim, error) {
	found, err := readIdentity(o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createIdentity(o)
	case err != nil:
		return nil, fmt.Errorf("read identity: %w", err)
	}
	if err := checkIdentity(o, found.cluster, found.node); err != nil {
		return nil, err
	}
	last, err := readIncarnation(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data folder %s has %s but no %s: %w", o.Dir, identityName, incarnationName, ErrCorrupt)
	} else if err != nil {
		return nil, fmt.Errorf("read incarnation: %w", err)
	}
	if was := last.life.Disk; was != 0 && was != found.disk {
		return nil, fmt.Errorf("data folder %s: %s is of disk %d, %s of disk %d: %w",
			o.Dir, incarnationName, was, identityName, found.disk, ErrCorrupt)
	}
	copied, err := checkOrigins(o.Dir, found.written, last.file)
	if err != nil {
		return nil, err
	}
	if copied != "" && !o.AdoptCopied {
		return nil, fmt.Errorf("%w: %s: %s", ErrCopied, o.Dir, copied)
	}
	if err := needPeers(o.Dir, last.old); err != nil {
		return nil, err
	}
	rewrite := found.written.system == "" // a folder from before disks had ids, or files told where they are
	if copied != "" {
		found.adoptions++
		rewrite = true
		o.Logger.Warn("copied data folder adopted", "node", uint64(o.Node), "dir", o.Dir, "found", copied,
			"adoptions", found.adoptions)
	}
	if found.disk == 0 {
		found.disk = newNonce()
	}
	last.life.Disk = found.disk
	next := last.life.next()
	if err := writeIncarnation(o.Dir, next, last.logCreated); err != nil {
		return nil, err
	}
	if rewrite {
		if err := writeIdentity(o, found.disk, found.adoptions); err != nil {
			return nil, err
		}
	}
	warnUntold(o)
	return &Claim{dir: o.Dir, life: next, adoptions: found.adoptions, logCreated: last.logCreated}, nil
}

// warnUntold logs when a copy of the folder could not be told from it.
func warnUntold(o Options) {
	if now, err := originOfName(o.Dir, identityName); err == nil && !now.tells() {
		o.Logger.Warn("a copy of the data folder would not be noticed: its file system has no lasting inode numbers "+
			"and no birth times", "node", uint64(o.Node), "dir", o.Dir, "file_system", now.system)
	}
}

// createIdentity makes a folder without identity ours, unless it has data: then the identity was lost.
func createIdentity(o Options) (*Claim, error) {
	watermark := filepath.Join(o.Dir, WatermarkName)
	for _, part := range []string{LogDir(o.Dir), MachineDir(o.Dir), SnapshotDir(o.Dir), watermark} {
		if _, err := os.Stat(part); err == nil {
			return nil, fmt.Errorf("data folder %s has %s but no %s: %w",
				o.Dir, filepath.Base(part), identityName, ErrCorrupt)
		}
	}
	first := Life{Disk: newNonce()}.next()
	if err := createPeers(o.Dir); err != nil {
		return nil, err
	}
	if err := writeIncarnation(o.Dir, first, false); err != nil {
		return nil, err
	}
	if err := writeIdentity(o, first.Disk, 0); err != nil {
		return nil, err
	}
	warnUntold(o)
	return &Claim{dir: o.Dir, life: first}, nil
}

// newNonce draws a number that was not drawn before, and is not 0.
func newNonce() uint64 {
	for {
		var raw [8]byte
		_, _ = rand.Read(raw[:]) // never fails: the program ends instead
		if n := binary.LittleEndian.Uint64(raw[:]); n != 0 {
			return n
		}
	}
}

func parsePositive(what, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s %.64q, need a positive number: %w", what, text, ErrCorrupt)
	}
	return n, nil
}

func formatNode(id raft.NodeID) string { return strconv.FormatUint(uint64(id), 10) }
