package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// stopWithin bounds an orderly end.
const stopWithin = 15 * time.Second

// leaderShutdown ends the process of the node that leads when the fault is injected in order: it hands leadership over,
// answers what is under way, and ends.
//
// Note: it takes effect with the order. When the process is gone a new leader has been answering for some time.
type leaderShutdown struct {
	node uint64
}

// Prepare finds out who leads, so that Inject has nothing to ask.
func (f *leaderShutdown) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader to stop: %w", err)
	}
	f.node = leader
	return nil
}

func (f *leaderShutdown) Inject(ctx context.Context, c Cluster) (Injection, error) {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	commanded, gone, err := c.Stop(ctx, f.node)
	if err != nil {
		return Injection{}, err
	}
	return Injection{
		Node: f.node, Commanded: commanded, Effective: commanded,
		Steps: []Step{
			{At: commanded, Node: f.node, Kind: result.EventOrderStop}, {At: gone, Node: f.node, Kind: result.EventStop},
		},
	}, nil
}

func (f *leaderShutdown) Check(_ context.Context, c Cluster) error {
	if c.Running(f.node) {
		return fmt.Errorf("node %d still runs after its stop", f.node)
	}
	return nil
}

func (f *leaderShutdown) Heal(ctx context.Context, c Cluster) error {
	if err := c.Restart(ctx, f.node); err != nil {
		return fmt.Errorf("restart node %d: %w", f.node, err)
	}
	return nil
}
