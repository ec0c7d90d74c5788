package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// turnWithin bounds the restart of one node, until all have caught up.
const turnWithin = 60 * time.Second

// rollingRestart stops each node in order, by id, starts it again, and goes on when all have caught up: what an upgrade
// does. Inject does all of it.
type rollingRestart struct {
	leader uint64
	done   map[uint64]bool // was gone, and came back
}

// Prepare finds out who leads: the trial is written down under its name.
func (f *rollingRestart) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader before the restarts: %w", err)
	}
	f.leader, f.done = leader, map[uint64]bool{}
	return nil
}

func (f *rollingRestart) Inject(ctx context.Context, c Cluster) (Injection, error) {
	injection := Injection{Node: f.leader}
	for i, node := range c.Members() {
		steps, err := f.turn(ctx, c, node)
		if err != nil {
			return Injection{}, fmt.Errorf("restart of node %d in its turn: %w", node, err)
		}
		if i == 0 {
			injection.Commanded = steps[0].At
			injection.Effective = injection.Commanded
		}
		injection.Steps = append(injection.Steps, steps...)
	}
	return injection, nil
}

func (f *rollingRestart) turn(ctx context.Context, c Cluster, node uint64) ([]Step, error) {
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	commanded, gone, err := c.Stop(ctx, node)
	if err != nil {
		return nil, err
	}
	wasGone := !c.Running(node)
	again := c.Now()
	if err := errors.Join(c.Restart(ctx, node), c.AwaitCaughtUp(ctx)); err != nil {
		return nil, err
	}
	f.done[node] = wasGone && c.Running(node)
	return []Step{
		{At: commanded, Node: node, Kind: result.EventOrderStop}, {At: gone, Node: node, Kind: result.EventStop},
		{At: again, Node: node, Kind: result.EventRestart}, {At: c.Now(), Node: node, Kind: result.EventCaughtUp},
	}, nil
}

// Check says whether each node was gone, and runs again.
func (f *rollingRestart) Check(_ context.Context, c Cluster) error {
	var errs []error
	for _, node := range c.Members() {
		if !f.done[node] || !c.Running(node) {
			errs = append(errs, fmt.Errorf("node %d was not restarted in its turn", node))
		}
	}
	return errors.Join(errs...)
}

func (*rollingRestart) Heal(context.Context, Cluster) error { return nil }
