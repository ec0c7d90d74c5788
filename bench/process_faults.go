package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/fault"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

func (p *processes) Members() []uint64 {
	var members []uint64
	for _, node := range p.cluster.Nodes() {
		members = append(members, uint64(node.ID()))
	}
	return members
}

func (p *processes) KillAll(context.Context) (commanded, gone time.Duration, err error) {
	return p.cluster.KillAll()
}

func (p *processes) RestartAll(ctx context.Context) error { return p.cluster.RestartAll(ctx) }

func (p *processes) BreakDisk(ctx context.Context, id uint64, f fault.DiskFault) error {
	node, err := p.node(id)
	if err != nil {
		return err
	}
	rule := faultfs.Rule{Op: faultfs.Sync, Path: storage.LogDir("") + "/", Action: faultfs.Stall}
	if f.Delay > 0 {
		rule.Action, rule.Delay = faultfs.Delay, faultfs.Duration(f.Delay)
	}
	_, err = p.cluster.Control().AddFaults(ctx, node.AdminAddr(), rule)
	return err
}

func (p *processes) DiskHits(ctx context.Context, id uint64) (uint64, error) {
	node, err := p.node(id)
	if err != nil {
		return 0, err
	}
	now, err := p.cluster.Control().Faults(ctx, node.AdminAddr())
	hits := int64(0)
	for _, rule := range now.Rules {
		hits += rule.Hits
	}
	return uint64(hits), err
}

func (p *processes) HealDisk(ctx context.Context, id uint64) error {
	node, err := p.node(id)
	if err != nil {
		return err
	}
	_, err = p.cluster.Control().ClearFaults(ctx, node.AdminAddr())
	return err
}

// trialRules is the name of the rules of a trial, beside which there may be those of the arm.
const trialRules = "trial"

func (p *processes) CutLinks(ctx context.Context, id uint64, cuts ...fault.LinkCut) error {
	node, err := p.node(id)
	if err != nil {
		return err
	}
	rules := make([]linkfaults.Rule, 0, len(cuts))
	for _, cut := range cuts {
		rule := linkfaults.Rule{
			Name: trialRules, Peer: raft.NodeID(cut.Peer), Direction: linkfaults.Both, Action: linkfaults.Cut,
			FlapMin: linkfaults.Duration(cut.FlapMin), FlapMax: linkfaults.Duration(cut.FlapMax), Seed: cut.Seed,
		}
		switch {
		case !cut.Receive:
			rule.Direction = linkfaults.Out
		case !cut.Send:
			rule.Direction = linkfaults.In
		}
		rules = append(rules, rule)
	}
	_, err = p.cluster.Control().AddLinkFaults(ctx, node.AdminAddr(), rules...)
	return err
}

func (p *processes) LinkHits(ctx context.Context, id uint64) (uint64, error) {
	node, err := p.node(id)
	if err != nil {
		return 0, err
	}
	now, err := p.cluster.Control().Faults(ctx, node.AdminAddr())
	hits := int64(0)
	for _, rule := range now.Links {
		if rule.Name == trialRules {
			hits += rule.Hits
		}
	}
	return uint64(hits), err
}

func (p *processes) HealLinks(ctx context.Context, id uint64) error {
	node, err := p.node(id)
	if err != nil {
		return err
	}
	_, err = p.cluster.Control().ClearLinkFaults(ctx, node.AdminAddr(), trialRules)
	return err
}

func (p *processes) Pause(_ context.Context, id uint64) (commanded, stopped time.Duration, err error) {
	node, err := p.node(id)
	if err != nil {
		return 0, 0, err
	}
	return node.Pause()
}

func (p *processes) Paused(id uint64) (bool, error) {
	node, err := p.node(id)
	if err != nil {
		return false, err
	}
	return node.Paused()
}

func (p *processes) Resume(_ context.Context, id uint64) error {
	node, err := p.node(id)
	if err != nil {
		return err
	}
	return node.Resume()
}

func (p *processes) Stop(ctx context.Context, id uint64) (commanded, gone time.Duration, err error) {
	node, err := p.node(id)
	if err != nil {
		return 0, 0, err
	}
	if commanded, gone, err = node.Stop(ctx); err == nil && ctx.Err() != nil { // then it was killed
		err = fmt.Errorf("node %d did not stop in time: %w", id, context.Cause(ctx))
	}
	return commanded, gone, err
}

func (p *processes) HandOver(ctx context.Context, id uint64) (uint64, error) {
	node, err := p.node(id)
	if err != nil {
		return 0, err
	}
	to, err := node.HandOver(ctx)
	return uint64(to), err
}

// AwaitCaughtUp implements fault.Cluster. The goal is what was committed when a leader was seen first.
func (p *processes) AwaitCaughtUp(ctx context.Context) error {
	commit := uint64(0)
	for {
		statuses := p.status(ctx, false)
		if leader, ok := leaderOf(statuses); ok {
			if commit == 0 {
				commit = leader.commit
			}
			if caughtUp(statuses, len(p.cluster.Nodes()), commit) {
				return nil
			}
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait until all nodes have caught up: %w", err)
		}
	}
}
