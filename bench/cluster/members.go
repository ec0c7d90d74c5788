package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/server/control"
)

// Control returns a client that knows the admin ports of all nodes: Members, Change, Transfer.
func (c *Cluster) Control() *control.Client {
	var admins []string
	for _, n := range c.Nodes() {
		admins = append(admins, n.AdminAddr())
	}
	return control.New(admins...)
}

// Members returns the membership as the leader knows it.
func (c *Cluster) Members(ctx context.Context) (server.MembersAnswer, error) {
	return c.Control().Members(ctx)
}

// Transfer hands leadership to a node, or to whoever is best prepared when that is raft.None, and returns
// who leads then.
func (c *Cluster) Transfer(ctx context.Context, to raft.NodeID) (raft.NodeID, error) {
	return c.Control().Transfer(ctx, to)
}

// AddNode starts one more node, under an id that was never used, adds it to the cluster, and returns when
// it has caught up and votes. When that fails the node is stopped, removed again as far as possible, and
// marked as removed.
func (c *Cluster) AddNode(ctx context.Context) (*Node, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	n, err := c.startJoining(ctx)
	if err != nil {
		return nil, fmt.Errorf("add node: %w", err)
	}
	if err := c.Control().Add(ctx, server.MemberChange{ID: n.id, Peer: n.Addresses()}, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("add node %d: %w", n.id, err), c.giveUp(n))
	}
	return n, nil
}

// giveUp undoes what was done to add n.
func (c *Cluster) giveUp(n *Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.options.StopGrace)
	defer cancel()
	if now, err := c.Members(ctx); err == nil && now.LastID >= n.id {
		if _, err := c.Control().Change(ctx, server.MemberChange{Op: "remove", ID: n.id}); err != nil {
			c.options.Logger.Warn("a node that was not added may be a member", "node", uint64(n.id), "err", err)
		}
	}
	return c.retire(ctx, n)
}

// StartJoining starts one more node, under an id that was never used, and returns when its ports answer. It
// is no member until Control adds it, and not ready before.
func (c *Cluster) StartJoining(ctx context.Context) (*Node, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	return c.startJoining(ctx)
}

func (c *Cluster) startJoining(ctx context.Context) (*Node, error) {
	now, err := c.Members(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	id := now.LastID
	for _, n := range slices.Concat(c.nodes, c.gone) {
		id = max(id, n.id)
	}
	c.mu.Unlock()
	for { // a folder may have been left by a node that was never added
		id++
		if _, err := os.Stat(c.options.nodeDir(id)); os.IsNotExist(err) {
			break
		}
	}
	free, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	peers := map[raft.NodeID]server.Peer{id: free[0].addresses()}
	for _, n := range c.Nodes() {
		peers[n.id] = n.Addresses()
	}
	if c.options.encrypted() {
		if err := writeCertificates(filepath.Join(c.options.Dir, "tls"), c.options.Name, []raft.NodeID{id}); err != nil {
			return nil, fmt.Errorf("make certificate: %w", err)
		}
	}
	n, err := c.newNode(c.options.joinConfig(id, peers))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.nodes = append(slices.Clip(c.nodes), n)
	slices.SortFunc(c.nodes, func(a, b *Node) int { return cmp.Compare(a.id, b.id) })
	c.mu.Unlock()
	if err := n.run(ctx, "start"); err != nil {
		return nil, errors.Join(err, c.retire(ctx, n))
	}
	return n, nil
}

// RemoveNode removes a node from the cluster for ever, stops it, and marks its folder; its data stay.
func (c *Cluster) RemoveNode(ctx context.Context, id raft.NodeID) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	n := c.Node(id)
	if n == nil {
		return fmt.Errorf("remove node %d: there is none", id)
	}
	if _, err := c.Control().Change(ctx, server.MemberChange{Op: "remove", ID: id}); err != nil {
		return fmt.Errorf("remove node %d: %w", id, err)
	}
	return c.retire(ctx, n)
}

// Retire stops a node that is no member any more, and sees to it that it is not started again; its data
// stay. RemoveNode does it by itself.
func (c *Cluster) Retire(ctx context.Context, id raft.NodeID) error {
	n := c.Node(id)
	if n == nil {
		return fmt.Errorf("retire node %d: there is none", id)
	}
	return c.retire(ctx, n)
}

func (c *Cluster) retire(ctx context.Context, n *Node) error {
	c.mu.Lock()
	c.nodes = slices.DeleteFunc(slices.Clone(c.nodes), func(o *Node) bool { return o == n })
	c.gone = append(c.gone, n)
	c.mu.Unlock()
	err := os.WriteFile(filepath.Join(n.Dir(), removedName), []byte("removed from the cluster\n"), 0o644)
	return errors.Join(err, n.stop(ctx.Done()))
}

// Addresses returns where the node can be reached, as Control is told it when the node is added.
func (n *Node) Addresses() server.Peer { return n.config.Peers[n.id] }
