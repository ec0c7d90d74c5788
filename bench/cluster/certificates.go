package cluster

import (
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/identity"
)

// WriteCertificates sees to it that nodes 1 to n of the cluster have certificates in dir, of the authority that is
// there, or of a new one. They are for one machine: the authority's key lies beside them.
func WriteCertificates(dir, name string, n int) error {
	ids := make([]raft.NodeID, n)
	for i := range ids {
		ids[i] = raft.NodeID(i + 1)
	}
	return writeCertificates(dir, name, ids)
}

func writeCertificates(dir, name string, ids []raft.NodeID) error {
	folder, err := identity.OpenOrCreateFolder(dir, name)
	if err != nil {
		return err
	}
	return folder.IssueMissing(ids, identity.NodeLifetime)
}
