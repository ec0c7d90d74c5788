package storage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

const (
	identityName    = "IDENTITY"
	identityHeader  = "raftmark-identity 3"
	identityHeader2 = "raftmark-identity 2" // without adoptions and origin; still read
	identityHeader1 = "raftmark-identity 1" // without a disk, too; still read
)

// identity is what the file of that name says.
type identity struct {
	cluster, node string
	disk          uint64 // 0 in version 1
	adoptions     uint64
	written       origin // zero before version 3
}

func readIdentity(dir string) (identity, error) {
	names := append([]string{"cluster", "node", "disk", "adoptions"}, originFields()...)
	values, err := readRecordFile(dir, identityName, identityHeader, names...)
	if errors.Is(err, ErrFormat) {
		if old, oldErr := readOldIdentity(dir); oldErr == nil {
			return old, nil
		}
	}
	if err != nil {
		return identity{}, err
	}
	disk, diskErr := parsePositive("disk", values[2])
	adoptions, adoptionsErr := strconv.ParseUint(values[3], 10, 64)
	if adoptionsErr != nil {
		adoptionsErr = fmt.Errorf("adoptions %q, need a number: %w", values[3], ErrCorrupt)
	}
	written, writtenErr := parseOrigin(values[4:])
	return identity{cluster: values[0], node: values[1], disk: disk, adoptions: adoptions, written: written},
		errors.Join(diskErr, adoptionsErr, writtenErr)
}

// readOldIdentity reads what versions 1 and 2 wrote.
func readOldIdentity(dir string) (identity, error) {
	if values, err := readRecordFile(dir, identityName, identityHeader1, "cluster", "node"); err == nil {
		return identity{cluster: values[0], node: values[1]}, nil
	}
	values, err := readRecordFile(dir, identityName, identityHeader2, "cluster", "node", "disk")
	if err != nil {
		return identity{}, err
	}
	disk, err := parsePositive("disk", values[2])
	return identity{cluster: values[0], node: values[1], disk: disk}, err
}

func writeIdentity(o Options, disk, adoptions uint64) error {
	return writeRecordOf(o.Dir, identityName, identityHeader, func(file *os.File) ([]field, error) {
		from, err := originOf(o.Dir, file)
		return append([]field{
			{"cluster", o.Cluster}, {"node", formatNode(o.Node)}, {"disk", strconv.FormatUint(disk, 10)},
			{"adoptions", strconv.FormatUint(adoptions, 10)},
		}, from.fields()...), err
	})
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
