package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// handOverWithin bounds a hand-over.
const handOverWithin = 15 * time.Second

// leaderTransfer tells the leader to hand leadership over to whoever is best prepared. Nobody dies.
//
// Note: it takes effect with the order, from which on the leader takes no new commands. The answer to the order comes
// when another node leads.
type leaderTransfer struct {
	node, to uint64
}

// Prepare finds out who leads, so that Inject has nothing to ask.
func (f *leaderTransfer) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader that is to hand over: %w", err)
	}
	f.node = leader
	return nil
}

func (f *leaderTransfer) Inject(ctx context.Context, c Cluster) (Injection, error) {
	ctx, cancel := context.WithTimeout(ctx, handOverWithin)
	defer cancel()
	commanded := c.Now()
	to, err := c.HandOver(ctx, f.node)
	if err != nil {
		return Injection{}, err
	}
	f.to = to
	return Injection{
		Node: f.node, Commanded: commanded, Effective: commanded,
		Steps: []Step{{At: commanded, Node: f.node, Kind: result.EventOrderTransfer}},
	}, nil
}

// Check looks at who was named as the new leader: some other node.
func (f *leaderTransfer) Check(context.Context, Cluster) error {
	if f.to == 0 || f.to == f.node {
		return fmt.Errorf("node %d was to hand over, and node %d leads", f.node, f.to)
	}
	return nil
}

func (*leaderTransfer) Heal(context.Context, Cluster) error { return nil }
