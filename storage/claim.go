package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/raftmark/raftmark/raft"
)

const (
	identityName      = "IDENTITY"
	identityHeader    = "raftmark-identity 1"
	incarnationName   = "INCARNATION"
	incarnationHeader = "raftmark-incarnation 1"
	lockName          = "LOCK"
)

// Claim is the right to use a data folder. It holds the folder's lock until Close.
type Claim struct {
	incarnation uint64
	closeOnce   sync.Once
	closeErr    error
	lock        *os.File
}

// NewClaim claims o.Dir for o.Cluster and o.Node: it takes the lock, compares the identity or, in an empty
// folder, writes it, and makes the next incarnation durable. On an error nothing that was there has
// changed.
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
	incarnation, err := identify(o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Claim{incarnation: incarnation, lock: lock}, nil
}

// Incarnation returns how often the folder has been claimed, this time included; at least 1.
func (c *Claim) Incarnation() uint64 { return c.incarnation }

// Close gives the claim up. Calls after the first return the same.
func (c *Claim) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.lock.Close() })
	return c.closeErr
}

// identify checks or creates the identity and returns the new incarnation.
func identify(o Options) (uint64, error) {
	found, err := readRecordFile(o.Dir, identityName, identityHeader, "cluster", "node")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createIdentity(o)
	case err != nil:
		return 0, fmt.Errorf("read identity: %w", err)
	}
	if err := checkIdentity(o, found[0], found[1]); err != nil {
		return 0, err
	}
	last, err := readRecordFile(o.Dir, incarnationName, incarnationHeader, "incarnation")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("data folder %s has %s but no %s: %w", o.Dir, identityName, incarnationName, ErrCorrupt)
	} else if err != nil {
		return 0, fmt.Errorf("read incarnation: %w", err)
	}
	incarnation, err := strconv.ParseUint(last[0], 10, 64)
	if err != nil || incarnation == 0 {
		return 0, fmt.Errorf("incarnation %q, need a positive number: %w", last[0], ErrCorrupt)
	}
	return incarnation + 1, writeIncarnation(o.Dir, incarnation+1)
}

func checkIdentity(o Options, cluster, node string) error {
	if cluster != o.Cluster {
		return fmt.Errorf("%w: %s: cluster: found %q, want %q", ErrWrongCluster, o.Dir, cluster, o.Cluster)
	}
	if want := formatNode(o.Node); node != want {
		return fmt.Errorf("%w: %s: node: found %s, want %s", ErrWrongNode, o.Dir, node, want)
	}
	return nil
}

// createIdentity makes a folder without identity ours, unless it has data: then the identity was lost.
func createIdentity(o Options) (uint64, error) {
	for _, dir := range []string{LogDir(o.Dir), MachineDir(o.Dir), SnapshotDir(o.Dir)} {
		if _, err := os.Stat(dir); err == nil {
			return 0, fmt.Errorf("data folder %s has %s but no %s: %w",
				o.Dir, filepath.Base(dir), identityName, ErrCorrupt)
		}
	}
	if err := writeIncarnation(o.Dir, 1); err != nil {
		return 0, err
	}
	return 1, writeRecordFile(o.Dir, identityName, identityHeader,
		[]field{{"cluster", o.Cluster}, {"node", formatNode(o.Node)}})
}

func writeIncarnation(dir string, incarnation uint64) error {
	return writeRecordFile(dir, incarnationName, incarnationHeader,
		[]field{{"incarnation", strconv.FormatUint(incarnation, 10)}})
}

func formatNode(id raft.NodeID) string { return strconv.FormatUint(uint64(id), 10) }
