package fault

import (
	"context"
	"fmt"
)

// powerLoss sends SIGKILL to all processes at one instant.
type powerLoss struct {
	leader uint64
}

// Prepare finds out who leads: the trial is written down under its name.
func (f *powerLoss) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader before the power goes: %w", err)
	}
	f.leader = leader
	return nil
}

func (f *powerLoss) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded, gone, err := c.KillAll(ctx)
	if err != nil {
		return Injection{}, err
	}
	return Injection{Node: f.leader, Commanded: commanded, Effective: gone}, nil
}

func (f *powerLoss) Check(_ context.Context, c Cluster) error {
	for _, node := range c.Members() {
		if c.Running(node) {
			return fmt.Errorf("node %d still runs after the power loss", node)
		}
	}
	return nil
}

func (f *powerLoss) Heal(ctx context.Context, c Cluster) error {
	if err := c.RestartAll(ctx); err != nil {
		return fmt.Errorf("restart all nodes: %w", err)
	}
	return nil
}
