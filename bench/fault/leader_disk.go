package fault

import (
	"context"
	"fmt"
	"time"
)

// How long Check waits for a sync to meet the fault, and how often it looks. Under load there are many a second.
const (
	diskHitWithin = 3 * time.Second
	diskHitPoll   = 5 * time.Millisecond
)

// leaderDisk makes the syncs of the log slow, or hang, at the node that leads when the fault is injected.
//
// The effect is when the node's fault port has said that the rule is there: no sync that begins later escapes it.
type leaderDisk struct {
	node  uint64
	fault DiskFault
}

// Prepare finds out who leads, so that Inject has nothing to ask.
func (f *leaderDisk) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader whose disk is to break: %w", err)
	}
	f.node = leader
	return nil
}

func (f *leaderDisk) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded := c.Now()
	if err := c.BreakDisk(ctx, f.node, f.fault); err != nil {
		return Injection{}, fmt.Errorf("break the disk of node %d: %w", f.node, err)
	}
	return Injection{Node: f.node, Commanded: commanded, Effective: c.Now()}, nil
}

// Check waits until a sync has met the fault.
func (f *leaderDisk) Check(ctx context.Context, c Cluster) error {
	ctx, cancel := context.WithTimeoutCause(ctx, diskHitWithin,
		fmt.Errorf("no sync of node %d met the fault within %v", f.node, diskHitWithin))
	defer cancel()
	tick := time.NewTicker(diskHitPoll)
	defer tick.Stop()
	for {
		hits, err := c.DiskHits(ctx, f.node)
		if err == nil && hits > 0 {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("ask node %d whether its disk is broken: %w", f.node, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (f *leaderDisk) Heal(ctx context.Context, c Cluster) error {
	if err := c.HealDisk(ctx, f.node); err != nil {
		return fmt.Errorf("heal the disk of node %d: %w", f.node, err)
	}
	return nil
}
