package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The turns of flapping.
const (
	flapMin = 50 * time.Millisecond
	flapMax = 500 * time.Millisecond
)

// How long Check waits for messages to meet a cut, and how often it looks. There are some with each heartbeat.
const (
	linkHitWithin = 3 * time.Second
	linkHitPoll   = 5 * time.Millisecond
)

// links cuts links of the node that leads when the fault is injected, and of others. Cuts are made at one end: a node
// that does not send to another, and does not hear it, is enough.
//
// The effect is when the last node's fault port has said that its rules are there.
type links struct {
	plan func(leader uint64, members []uint64) (map[uint64][]LinkCut, error)

	leader uint64
	cuts   map[uint64][]LinkCut // by the node that makes them
}

// isolate cuts the leader's links to all others.
func isolate(cut LinkCut) func(uint64, []uint64) (map[uint64][]LinkCut, error) {
	return func(leader uint64, _ []uint64) (map[uint64][]LinkCut, error) {
		return map[uint64][]LinkCut{leader: {cut}}, nil
	}
}

// loseOne cuts the link between the leader and the follower with the lowest id.
func loseOne(leader uint64, members []uint64) (map[uint64][]LinkCut, error) {
	for _, node := range slices.Sorted(slices.Values(members)) {
		if node != leader {
			return map[uint64][]LinkCut{leader: {{Peer: node, Send: true, Receive: true}}}, nil
		}
	}
	return nil, errors.New("the leader has no follower to lose")
}

// bridge cuts each link between two sides that share the follower with the highest id; with it, the leader's side is a
// majority.
func bridge(leader uint64, members []uint64) (map[uint64][]LinkCut, error) {
	followers := slices.DeleteFunc(slices.Sorted(slices.Values(members)), func(n uint64) bool { return n == leader })
	if len(followers) < 2 {
		return nil, errors.New("two sides and a bridge need three nodes")
	}
	sides := followers[:len(followers)-1]
	beside := (len(sides) - 1) / 2 // of the leader
	cuts := map[uint64][]LinkCut{}
	for _, here := range append([]uint64{leader}, sides[:beside]...) {
		for _, there := range sides[beside:] {
			cuts[here] = append(cuts[here], LinkCut{Peer: there, Send: true, Receive: true})
		}
	}
	return cuts, nil
}

// Prepare finds out who leads, so that Inject has nothing to ask.
func (f *links) Prepare(ctx context.Context, c Cluster) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return fmt.Errorf("find the leader whose links are to be cut: %w", err)
	}
	f.leader = leader
	f.cuts, err = f.plan(leader, c.Members())
	return err
}

// nodes are those that make the cuts, by id.
func (f *links) nodes() []uint64 { return slices.Sorted(maps.Keys(f.cuts)) }

func (f *links) Inject(ctx context.Context, c Cluster) (Injection, error) {
	commanded := c.Now()
	for _, node := range f.nodes() {
		if err := c.CutLinks(ctx, node, f.cuts[node]...); err != nil {
			return Injection{}, errors.Join(fmt.Errorf("cut links of node %d: %w", node, err), f.Heal(ctx, c))
		}
	}
	return Injection{Node: f.leader, Commanded: commanded, Effective: c.Now()}, nil
}

// Check waits until something has met the cuts of each node.
func (f *links) Check(ctx context.Context, c Cluster) error {
	ctx, cancel := context.WithTimeoutCause(ctx, linkHitWithin,
		fmt.Errorf("nothing met the cut links within %v", linkHitWithin))
	defer cancel()
	tick := time.NewTicker(linkHitPoll)
	defer tick.Stop()
	for _, node := range f.nodes() {
		for {
			hits, err := c.LinkHits(ctx, node)
			if err == nil && hits > 0 {
				break
			}
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("ask node %d whether its links are cut: %w", node, err)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("node %d: %w", node, context.Cause(ctx))
			case <-tick.C:
			}
		}
	}
	return nil
}

func (f *links) Heal(ctx context.Context, c Cluster) error {
	var errs []error
	for _, node := range f.nodes() {
		if err := c.HealLinks(ctx, node); err != nil {
			errs = append(errs, fmt.Errorf("heal the links of node %d: %w", node, err))
		}
	}
	return errors.Join(errs...)
}
