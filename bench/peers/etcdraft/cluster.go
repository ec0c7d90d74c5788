package etcdraft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers/local"
)

// leaderPoll is how often the nodes are asked who leads.
const leaderPoll = time.Millisecond

type config struct {
	bench.SystemOptions
	addresses []string
}

func (c config) dir(id uint64) string { return filepath.Join(c.Dir, fmt.Sprintf("node-%d", id)) }

func (c config) voters() []uint64 {
	voters := make([]uint64, c.Nodes)
	for i := range voters {
		voters[i] = uint64(i + 1)
	}
	return voters
}

// Candidate returns the system etcd-raft.
func Candidate() bench.Candidate {
	return bench.Candidate{
		Name: "etcd-raft",
		Settings: map[string]string{
			"library": "go.etcd.io/raft/v3 v3.7.0, RawNode in an own loop, AsyncStorageWrites",
			"log":     "Pebble v2.1.7, one synced batch for all appends that wait; MemoryStorage for recent entries",
			"network": "loopback TCP, one connection a direction, protobuf frames",
			"limits":  "MaxSizePerMsg 1 MiB, MaxInflightMsgs 256, MaxInflightBytes 64 MiB",
			"options": "PreVote, CheckQuorum; tick 10 ms; election timeout in [election.min, 2 election.min)",
		},
		Start: start,
	}
}

// Cluster is a cluster of nodes in this process.
type Cluster struct {
	config config
	leader atomic.Pointer[node]

	mu    sync.Mutex
	nodes []*node // nil where one was killed
}

func start(ctx context.Context, o bench.SystemOptions) (bench.System, error) {
	addresses, err := local.Addresses(o.Nodes)
	if err != nil {
		return nil, err
	}
	c := &Cluster{config: config{o, addresses}, nodes: make([]*node, o.Nodes)}
	for id := range uint64(o.Nodes) {
		if err := c.Restart(ctx, id+1); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if _, err := c.Leader(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Propose implements bench.System.
func (c *Cluster) Propose(ctx context.Context, data []byte) error {
	for {
		if n := c.leader.Load(); n != nil {
			number, done, err := n.propose(data)
			if err == nil {
				select {
				case err = <-done:
				case <-ctx.Done():
					n.forget(number)
					return ctx.Err()
				}
			} else {
				err = errDropped // it never took the command
			}
			if !errors.Is(err, errDropped) {
				return err
			}
		}
		if _, err := c.Leader(ctx); err != nil {
			return err
		}
	}
}

// Leader implements bench.System.
func (c *Cluster) Leader(ctx context.Context) (uint64, error) {
	ticker := time.NewTicker(leaderPoll)
	defer ticker.Stop()
	for {
		for _, n := range c.running() {
			if n.serves() {
				c.leader.Store(n)
				return n.id, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for a leader: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

func (c *Cluster) running() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var nodes []*node
	for _, n := range c.nodes {
		if n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Kill implements bench.System.
func (c *Cluster) Kill(id uint64) error {
	c.mu.Lock()
	n := c.nodes[id-1]
	c.nodes[id-1] = nil
	c.mu.Unlock()
	if n == nil {
		return fmt.Errorf("kill node %d: it does not run", id)
	}
	return n.kill()
}

// Restart implements bench.System.
func (c *Cluster) Restart(_ context.Context, id uint64) error {
	n, err := startNode(c.config, id)
	if err != nil {
		return fmt.Errorf("start node %d: %w", id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[id-1] = n
	return nil
}

// Holds says whether a node has applied data; with SystemOptions.Keep.
func (c *Cluster) Holds(_ context.Context, id uint64, data []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[id-1] != nil && c.nodes[id-1].kept.Has(data), nil
}

// Close implements bench.System.
func (c *Cluster) Close() error {
	var errs []error
	for _, n := range c.running() {
		errs = append(errs, c.Kill(n.id))
	}
	return errors.Join(errs...)
}
