package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
	"github.com/raftmark/raftmark/transport"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
	"github.com/raftmark/raftmark/transport/mem"
)

// InprocOptions configure [StartInproc]. Zero fields are the defaults of server.Config.
type InprocOptions struct {
	// Nodes is the size of the cluster. Default 3.
	Nodes int
	// Dir takes a data folder a node. Required.
	Dir string
	// Transport is tcp, tls, quic (over loopback sockets) or mem; LogStorage is pebble or mem; Machine is
	// pebble, mem or null.
	Transport, LogStorage, Machine string
	// Sync is the durability class of LogStorage pebble.
	Sync storage.Sync
	// Heartbeat, ElectionMin and ElectionMax are the times of the protocol.
	Heartbeat, ElectionMin, ElectionMax time.Duration
	// LinkFaults are those of server.Config; none with Transport mem.
	LinkFaults []linkfaults.Rule
	// DiskFaults are those of server.Config.
	DiskFaults []faultfs.Rule
	// TraceOneIn is that of server.Config.
	TraceOneIn int
	// Raft are the limits of the protocol.
	Raft server.RaftLimits
	// Logger takes life events; nil discards them.
	Logger *slog.Logger
}

// Inproc is a cluster whose nodes all live in this process, with their real transport and storage, and without
// client ports: commit latency is measured at the core.
type Inproc struct {
	configs []server.Config // by node
	leader  atomic.Pointer[server.Node]

	mu    sync.Mutex
	nodes []*server.Node // nil where one was killed
}

// StartInproc starts the nodes and waits until one of them leads and can commit.
func StartInproc(ctx context.Context, o InprocOptions) (*Inproc, error) {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	configs, err := o.configs()
	if err != nil {
		return nil, err
	}
	c := &Inproc{configs: configs, nodes: make([]*server.Node, len(configs))}
	for i := range configs {
		if err := c.Restart(ctx, uint64(i+1)); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if _, err := c.Leader(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// configs makes one configuration a node.
func (o InprocOptions) configs() ([]server.Config, error) {
	free, err := freePorts(o.Nodes)
	if err != nil {
		return nil, err
	}
	peers := make(map[raft.NodeID]server.Peer, o.Nodes)
	for i, p := range free {
		peers[raft.NodeID(i+1)] = server.Peer{Peer: local(p.peer)}
	}
	tlsDir := filepath.Join(o.Dir, "tls")
	if o.Transport == server.TransportTLS || o.Transport == server.TransportQUIC {
		if err := WriteCertificates(tlsDir, server.DefaultCluster, o.Nodes); err != nil {
			return nil, err
		}
	}
	network := mem.NewNetwork()
	configs := make([]server.Config, 0, o.Nodes)
	for id := raft.NodeID(1); id <= raft.NodeID(o.Nodes); id++ {
		config := server.Config{
			Node: id, DataDir: filepath.Join(o.Dir, fmt.Sprintf("node-%d", id)), Peers: peers,
			Transport: o.Transport, LogStorage: o.LogStorage, Machine: o.Machine, Sync: o.Sync,
			Heartbeat: o.Heartbeat, ElectionMin: o.ElectionMin, ElectionMax: o.ElectionMax,
			Raft: o.Raft, TraceOneIn: o.TraceOneIn, Logger: o.Logger,
			EnableFaults: len(o.LinkFaults)+len(o.DiskFaults) > 0, LinkFaults: o.LinkFaults, DiskFaults: o.DiskFaults,
		}
		switch o.Transport {
		case server.TransportMem:
			if config.PeerTransport, err = memTransport(network, id, peers); err != nil {
				return nil, err
			}
		case server.TransportTLS, server.TransportQUIC:
			config.TLSDir = tlsDir
		}
		configs = append(configs, config)
	}
	return configs, nil
}

func memTransport(
	network *mem.Network, id raft.NodeID, peers map[raft.NodeID]server.Peer,
) (replica.Transport, error) {
	addresses := make(map[raft.NodeID]string, len(peers))
	for peer, at := range peers {
		addresses[peer] = at.Peer
	}
	return network.Transport(transport.Options{Self: id, Cluster: server.DefaultCluster, Peers: addresses})
}

// Leader waits for a node that leads and has committed in its term.
func (c *Inproc) Leader(ctx context.Context) (*server.Node, error) {
	for {
		for _, node := range c.running() {
			if node.Replica().Status().TermCommitted {
				c.leader.Store(node)
				return node, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a leader: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Propose commits data and waits until it is applied at the leader.
func (c *Inproc) Propose(ctx context.Context, data []byte) error {
	for {
		_, err := c.leader.Load().Replica().ProposeWait(ctx, data)
		if err == nil || !replica.Definite(err) {
			return err
		}
		if _, waitErr := c.Leader(ctx); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

// running returns the nodes that were not killed.
func (c *Inproc) running() []*server.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.nodes), func(n *server.Node) bool { return n == nil })
}

// Work returns what the nodes that run did beside serving since their starts, in sum.
func (c *Inproc) Work() (all server.Work) {
	for _, node := range c.running() {
		all = all.Add(node.Work())
	}
	return all
}

// Kill aborts a node, from 1: its peers see their connections break. Of a node in a process of its own, kill is more
// honest.
func (c *Inproc) Kill(node uint64) error {
	c.mu.Lock()
	if node < 1 || node > uint64(len(c.nodes)) || c.nodes[node-1] == nil {
		c.mu.Unlock()
		return fmt.Errorf("kill node %d: it does not run", node)
	}
	killed := c.nodes[node-1]
	c.nodes[node-1] = nil
	c.mu.Unlock()
	return killed.Abort()
}

// Restart starts a node that does not run, on its data folder. One of transport mem cannot be started twice.
func (c *Inproc) Restart(_ context.Context, node uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if node < 1 || node > uint64(len(c.nodes)) || c.nodes[node-1] != nil {
		return fmt.Errorf("start node %d: there is none that is stopped", node)
	}
	started, err := server.Start(c.configs[node-1])
	if err != nil {
		return fmt.Errorf("start node %d: %w", node, err)
	}
	c.nodes[node-1] = started
	return nil
}

// Close stops all nodes.
func (c *Inproc) Close() error {
	var errs []error
	for _, node := range c.running() {
		errs = append(errs, node.Stop(context.Background()))
	}
	return errors.Join(errs...)
}
