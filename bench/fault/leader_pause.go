package fault

import (
	"context"
	"errors"
	"fmt"
)

// leaderPause freezes the process of the node that leads when the fault is injected: its sockets stay open, its peers
// and clients hear nothing. When it goes on it takes itself for the leader, until it hears of the new one.
type leaderPause struct {
	node uint64
}

// Prepare finds out who leads, so that Inject has nothing to ask.
func (f *leaderPause) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader to pause: %w", err)
	}
	f.node = leader
	return nil
}

func (f *leaderPause) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded, stopped, err := c.Pause(ctx, f.node)
	if err != nil {
		return Injection{}, err
	}
	return Injection{Node: f.node, Commanded: commanded, Effective: stopped}, nil
}

func (f *leaderPause) Check(_ context.Context, c Cluster) error { return stillPaused(c, f.node) }

// Heal lets it go on. A process that went on before has ended the fault too early.
func (f *leaderPause) Heal(ctx context.Context, c Cluster) error {
	return errors.Join(stillPaused(c, f.node), c.Resume(ctx, f.node))
}

func stillPaused(c Cluster, node uint64) error {
	paused, err := c.Paused(node)
	if err != nil {
		return fmt.Errorf("look whether node %d stands still: %w", node, err)
	}
	if !paused {
		return fmt.Errorf("node %d goes on although it was paused", node)
	}
	return nil
}
