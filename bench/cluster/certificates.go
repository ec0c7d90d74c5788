package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/identity"
)

// WriteCertificates makes certificates for nodes 1 to n of the cluster in dir, signed by the authority that is
// there, or by a new one. They are for development: the authority's key lies beside them.
func WriteCertificates(dir, name string, n int) error {
	ids := make([]raft.NodeID, n)
	for i := range ids {
		ids[i] = raft.NodeID(i + 1)
	}
	return writeCertificates(dir, name, ids)
}

func writeCertificates(dir, name string, ids []raft.NodeID) error {
	authority, err := identity.LoadAuthority(dir)
	if _, stat := os.Stat(filepath.Join(dir, "ca.key")); errors.Is(stat, fs.ErrNotExist) {
		if authority, err = identity.NewAuthority(name); err != nil {
			return err
		}
		err = authority.WriteFiles(dir)
	}
	if err != nil {
		return err
	}
	if authority.Cluster() != name {
		return fmt.Errorf("certificates in %s are of cluster %q, want %q", dir, authority.Cluster(), name)
	}
	for _, id := range ids {
		issued, err := authority.Issue(id)
		if err != nil {
			return err
		}
		if err := issued.WriteFiles(dir); err != nil {
			return err
		}
	}
	return nil
}
