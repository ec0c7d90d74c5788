package bench

import (
	"context"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

func (p *processes) addNode(ctx context.Context) (uint64, error) {
	node, err := p.cluster.StartJoining(ctx)
	if err != nil {
		return 0, err
	}
	return uint64(node.ID()), nil
}

func (p *processes) change(ctx context.Context, changes []memberChange) error {
	asked := make([]server.MemberChange, len(changes))
	for i, c := range changes {
		asked[i] = server.MemberChange{Op: string(c.op), ID: raft.NodeID(c.node)}
		if c.op != opAdd {
			continue
		}
		node, err := p.node(c.node)
		if err != nil {
			return err
		}
		asked[i].Peer = node.Config().Peers[node.ID()]
	}
	_, err := p.cluster.Control().Change(ctx, asked...)
	return err
}
