package storage

import (
	"crypto/rand"
	"encoding/binary"
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
	identityHeader    = "raftmark-identity 2"
	identityHeader1   = "raftmark-identity 1" // without a disk; still read
	incarnationName   = "INCARNATION"
	incarnationHeader = "raftmark-incarnation 1"
	lockName          = "LOCK"
)

// Claim is the right to use a data folder. It holds the folder's lock until Close.
type Claim struct {
	incarnation uint64
	disk        uint64
	closeOnce   sync.Once
	closeErr    error
	lock        *os.File
}

// NewClaim claims o.Dir for o.Cluster and o.Node: it takes the lock, compares the identity or, in an empty
// folder, writes it with a new id of the disk, and makes the next incarnation durable. On an error nothing that was
// there has changed, but maybe the incarnation.
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
	incarnation, disk, err := identify(o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Claim{incarnation: incarnation, disk: disk, lock: lock}, nil
}

// Incarnation returns how often the folder has been claimed, this time included; at least 1.
func (c *Claim) Incarnation() uint64 { return c.incarnation }

// Disk returns the id of the folder, never 0: drawn when it was created, so that a node whose disk was lost and that
// begins again with an empty folder is seen to be another one.
func (c *Claim) Disk() uint64 { return c.disk }

// Close gives the claim up. Calls after the first return the same.
func (c *Claim) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.lock.Close() })
	return c.closeErr
}

// identify checks or creates the identity, and returns the new incarnation and the disk's id.
func identify(o Options) (incarnation, disk uint64, err error) {
	found, err := readIdentity(o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createIdentity(o)
	case err != nil:
		return 0, 0, fmt.Errorf("read identity: %w", err)
	}
	if err := checkIdentity(o, found.cluster, found.node); err != nil {
		return 0, 0, err
	}
	last, err := readRecordFile(o.Dir, incarnationName, incarnationHeader, "incarnation")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("data folder %s has %s but no %s: %w", o.Dir, identityName, incarnationName, ErrCorrupt)
	} else if err != nil {
		return 0, 0, fmt.Errorf("read incarnation: %w", err)
	}
	incarnation, err = parsePositive("incarnation", last[0])
	if err != nil {
		return 0, 0, err
	}
	incarnation++
	if err := writeIncarnation(o.Dir, incarnation); err != nil {
		return 0, 0, err
	}
	if found.disk == 0 { // a folder from before disks had ids
		found.disk = newDisk()
		err = writeIdentity(o, found.disk)
	}
	return incarnation, found.disk, err
}

func parsePositive(what, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s %q, need a positive number: %w", what, text, ErrCorrupt)
	}
	return n, nil
}

// identity is what the file says; disk is 0 in version 1 of it.
type identity struct {
	cluster, node string
	disk          uint64
}

func readIdentity(dir string) (identity, error) {
	values, err := readRecordFile(dir, identityName, identityHeader, "cluster", "node", "disk")
	if errors.Is(err, ErrFormat) {
		if values, old := readRecordFile(dir, identityName, identityHeader1, "cluster", "node"); old == nil {
			return identity{cluster: values[0], node: values[1]}, nil
		}
	}
	if err != nil {
		return identity{}, err
	}
	disk, err := parsePositive("disk", values[2])
	return identity{cluster: values[0], node: values[1], disk: disk}, err
}

func writeIdentity(o Options, disk uint64) error {
	return writeRecordFile(o.Dir, identityName, identityHeader, []field{
		{"cluster", o.Cluster}, {"node", formatNode(o.Node)}, {"disk", strconv.FormatUint(disk, 10)},
	})
}

// newDisk draws an id that no other folder has.
func newDisk() uint64 {
	for {
		var raw [8]byte
		_, _ = rand.Read(raw[:]) // never fails: the program ends instead
		if disk := binary.LittleEndian.Uint64(raw[:]); disk != 0 {
			return disk
		}
	}
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
func createIdentity(o Options) (incarnation, disk uint64, err error) {
	for _, dir := range []string{LogDir(o.Dir), MachineDir(o.Dir), SnapshotDir(o.Dir)} {
		if _, err := os.Stat(dir); err == nil {
			return 0, 0, fmt.Errorf("data folder %s has %s but no %s: %w",
				o.Dir, filepath.Base(dir), identityName, ErrCorrupt)
		}
	}
	if err := writeIncarnation(o.Dir, 1); err != nil {
		return 0, 0, err
	}
	disk = newDisk()
	return 1, disk, writeIdentity(o, disk)
}

func writeIncarnation(dir string, incarnation uint64) error {
	return writeRecordFile(dir, incarnationName, incarnationHeader,
		[]field{{"incarnation", strconv.FormatUint(incarnation, 10)}})
}

func formatNode(id raft.NodeID) string { return strconv.FormatUint(uint64(id), 10) }
