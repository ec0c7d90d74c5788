package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// KillAll ends all nodes with SIGKILL, as near to one instant as a loop of signals is, and returns when the last one is
// gone: when the first was ordered, and when the system said that the last process has ended, on internal/clock. All
// nodes must run.
//
// It is as much of a power loss as processes can have: nothing in them survives. What they had given to the operating
// system does, synced or not.
func (c *Cluster) KillAll() (commanded, effective time.Duration, err error) {
	nodes := c.Nodes()
	running := make([]*process, len(nodes))
	for i, n := range nodes {
		if running[i] = n.current(); running[i] == nil || !running[i].running() {
			return 0, 0, fmt.Errorf("kill all nodes: node %d does not run", n.id)
		}
	}
	for _, p := range running {
		p.ordered.Store(true)
	}
	commanded = c.clock.Now()
	errs := make([]error, len(nodes))
	for i, p := range running {
		errs[i] = p.cmd.Process.Kill()
	}
	if err := errors.Join(errs...); err != nil {
		return 0, 0, fmt.Errorf("kill all nodes: %w", err)
	}
	for _, p := range running {
		<-p.done
		effective = max(effective, c.clock.At(p.ended))
	}
	c.options.Logger.Info("all node processes killed", "nodes", len(nodes))
	return commanded, effective, nil
}

// RestartAll starts all nodes at once, each on its own data, and returns when the ports of all of them answer.
func (c *Cluster) RestartAll(ctx context.Context) error {
	nodes := c.Nodes()
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() { errs[i] = n.Restart(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
