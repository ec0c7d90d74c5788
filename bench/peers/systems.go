package peers

import (
	"slices"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers/dragonboat"
	"github.com/raftmark/raftmark/bench/peers/etcd"
	"github.com/raftmark/raftmark/bench/peers/etcdraft"
	"github.com/raftmark/raftmark/bench/peers/hashicorp"
)

// Systems returns all peers.
func Systems() []bench.Candidate {
	return slices.Concat(
		[]bench.Candidate{etcdraft.Candidate(), hashicorp.Candidate()}, dragonboat.Candidates(),
		[]bench.Candidate{etcd.Candidate()},
	)
}
