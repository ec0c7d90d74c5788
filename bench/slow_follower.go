package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// slowTurn is how long a slow follower is stopped and goes on once.
const slowTurn = 100 * time.Millisecond

// slowFollower stops one follower for its share of each turn until the function it returns is called, which lets it go
// on and says what failed. It does nothing when the scenario wants none.
func (r *run) slowFollower(ctx context.Context) (end func() error, err error) {
	share := r.scenario.SlowFollower
	if share == 0 {
		return func() error { return nil }, nil
	}
	statuses := r.look(ctx)
	leader, ok := leaderOf(statuses)
	if !ok {
		return nil, errors.New("nobody leads, so nobody is a follower to slow down")
	}
	victim := uint64(0)
	for _, s := range statuses {
		if s.node != leader.node {
			victim = s.node
		}
	}
	if victim == 0 {
		return nil, errors.New("no follower answers that could be slowed down")
	}
	r.act(result.EventSlow, victim, fmt.Sprintf("stopped for %.0f %% of each %v", share*100, slowTurn))
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.slowDown(ctx, victim, time.Duration(share*float64(slowTurn))) }()
	return func() error { cancel(); return <-ended }, nil
}

// slowDown takes turns until ctx ends; the node goes on afterwards.
func (r *run) slowDown(ctx context.Context, node uint64, stopped time.Duration) error {
	for ctx.Err() == nil {
		if s, err := r.sys.nodeStatus(ctx, node); err == nil && s.leads {
			_ = pause(ctx, slowTurn)
			continue
		}
		_, _, err := r.sys.Pause(ctx, node)
		_ = pause(ctx, stopped) // it ends early with ctx
		if err = errors.Join(err, r.sys.Resume(ctx, node)); err != nil {
			return fmt.Errorf("slow node %d down: %w", node, err)
		}
		_ = pause(ctx, slowTurn-stopped)
	}
	return nil
}
