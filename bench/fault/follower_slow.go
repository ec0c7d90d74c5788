package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The turns of a slow follower: it stands still for slowStopped, and goes on for the rest of slowTurn. That is shorter
// than any election timeout worth having, so that it is slow and not away.
const (
	slowTurn    = 100 * time.Millisecond
	slowStopped = 80 * time.Millisecond
	// slowCheckTurns is how many turns Check waits for, within slowCheckWithin.
	slowCheckTurns  = 2
	slowCheckWithin = 10 * time.Second
)

// followerSlow stops the process of a follower, chosen by the seed, for a part of each turn, until Heal. It takes
// effect with the first stop.
type followerSlow struct {
	seed uint64
	node uint64

	stop  chan struct{} // closed by Heal
	turns chan struct{} // one for each stop after the first that was seen to stand still, as long as Check listens
	ended chan error
}

// Prepare chooses the follower.
func (f *followerSlow) Prepare(ctx context.Context, c Cluster) (err error) {
	f.node, err = aFollower(ctx, c, f.seed)
	return err
}

func (f *followerSlow) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded, stopped, err := c.Pause(ctx, f.node)
	if err != nil {
		return Injection{}, err
	}
	f.stop, f.turns, f.ended = make(chan struct{}), make(chan struct{}, slowCheckTurns), make(chan error, 1)
	stop := f.stop
	go func() { f.ended <- f.slowDown(context.WithoutCancel(ctx), c, stop) }()
	return Injection{Node: f.node, Commanded: commanded, Effective: stopped}, nil
}

// slowDown begins with the node standing still, and ends with it going on.
func (f *followerSlow) slowDown(ctx context.Context, c Cluster, stop <-chan struct{}) error {
	for {
		again := sleepUnless(stop, slowStopped)
		if err := c.Resume(ctx, f.node); err != nil {
			return err
		}
		if !again || !sleepUnless(stop, slowTurn-slowStopped) {
			return nil
		}
		if _, _, err := c.Pause(ctx, f.node); err != nil {
			return errors.Join(err, c.Resume(ctx, f.node))
		}
		select {
		case f.turns <- struct{}{}:
		default: // Check has seen enough
		}
	}
}

// sleepUnless returns false when stop ended it.
func sleepUnless(stop <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-timer.C:
		return true
	}
}

// Check waits for turns: each is a process that the system has shown standing still.
func (f *followerSlow) Check(ctx context.Context, _ Cluster) error {
	ctx, cancel := context.WithTimeoutCause(ctx, slowCheckWithin,
		fmt.Errorf("node %d was not stopped %d times more within %v", f.node, slowCheckTurns, slowCheckWithin))
	defer cancel()
	for range slowCheckTurns {
		select {
		case <-f.turns:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Heal ends the turns, and says what failed in them. There is nothing to heal without an injection.
func (f *followerSlow) Heal(ctx context.Context, _ Cluster) error {
	if f.stop == nil {
		return nil
	}
	close(f.stop)
	f.stop = nil
	select {
	case err := <-f.ended:
		if err != nil {
			return fmt.Errorf("slow node %d down: %w", f.node, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("slow node %d down: %w", f.node, context.Cause(ctx))
	}
}
