package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// followerKill sends SIGKILL to the process of a follower, chosen by the seed.
type followerKill struct {
	seed uint64
	node uint64
}

// Prepare chooses the follower.
func (f *followerKill) Prepare(ctx context.Context, c Cluster) (err error) {
	f.node, err = aFollower(ctx, c, f.seed)
	return err
}

// aFollower returns the follower that a seed decides.
func aFollower(ctx context.Context, c Cluster, seed uint64) (uint64, error) {
	leader, err := c.Leader(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the leader, so as to hit another: %w", err)
	}
	followers := slices.DeleteFunc(slices.Sorted(slices.Values(c.Members())), func(n uint64) bool { return n == leader })
	if len(followers) == 0 {
		return 0, errors.New("the leader has no followers")
	}
	return followers[rand.New(rand.NewPCG(seed, 0x666f6c)).IntN(len(followers))], nil
}

func (f *followerKill) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded, gone, err := c.Kill(ctx, f.node)
	if err != nil {
		return Injection{}, fmt.Errorf("kill node %d: %w", f.node, err)
	}
	return Injection{Node: f.node, Commanded: commanded, Effective: gone}, nil
}

func (f *followerKill) Check(_ context.Context, c Cluster) error {
	if c.Running(f.node) {
		return fmt.Errorf("node %d still runs after its kill", f.node)
	}
	return nil
}

func (f *followerKill) Heal(ctx context.Context, c Cluster) error {
	if err := c.Restart(ctx, f.node); err != nil {
		return fmt.Errorf("restart node %d: %w", f.node, err)
	}
	return nil
}
