package fault

import (
	"context"
	"fmt"
)

// leaderKill sends SIGKILL to the process of the node that leads when the fault is injected.
type leaderKill struct {
	node uint64
}

// Prepare finds out who leads, so that Inject has nothing to ask.
func (f *leaderKill) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader to kill: %w", err)
	}
	f.node = leader
	return nil
}

func (f *leaderKill) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded, gone, err := c.Kill(ctx, f.node)
	if err != nil {
		return Injection{}, fmt.Errorf("kill node %d: %w", f.node, err)
	}
	return Injection{Node: f.node, Commanded: commanded, Effective: gone}, nil
}

func (f *leaderKill) Check(_ context.Context, c Cluster) error {
	if c.Running(f.node) {
		return fmt.Errorf("node %d still runs after its kill", f.node)
	}
	return nil
}

func (f *leaderKill) Heal(ctx context.Context, c Cluster) error {
	if err := c.Restart(ctx, f.node); err != nil {
		return fmt.Errorf("restart node %d: %w", f.node, err)
	}
	return nil
}
