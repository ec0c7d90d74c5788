package hashicorp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers/local"
)

const (
	leaderPoll    = time.Millisecond
	appendEntries = 1024 // the most that the library allows
	cacheEntries  = 8192
	applyWait     = 10 * time.Second // for a place in the queue of the leader
	never         = 24 * time.Hour
	ioTimeout     = 10 * time.Second
)

// Candidate returns the system hashicorp-raft.
func Candidate() bench.Candidate {
	return bench.Candidate{
		Name: "hashicorp-raft",
		Settings: map[string]string{
			"library": "github.com/hashicorp/raft v1.8.0",
			"log":     "github.com/hashicorp/raft-wal v0.4.0, its defaults, behind a LogCache of 8192 entries",
			"network": "NetworkTransport over loopback TCP, MaxRPCsInFlight 2 (its default and advice)",
			"limits":  "MaxAppendEntries 1024, BatchApplyCh; the state machine takes batches",
			"options": "pre-vote; heartbeat timeout in [election.min, 2 election.min); leader lease election.min",
		},
		Start: start,
	}
}

// member is one node.
type member struct {
	raft *raft.Raft
	log  *store
	kept *local.Kept
	dead chan struct{} // closed when it was killed
}

// apply returns the outcome of a command. Of a node that is shut down, the library forgets what waits in its buffer
// (BatchApplyCh) and never answers: so somebody else waits for that.
func (m *member) apply(data []byte) error {
	done := make(chan error, 1)
	future := m.raft.Apply(data, applyWait)
	go func() { done <- future.Error() }()
	select {
	case err := <-done:
		return err
	case <-m.dead:
		return raft.ErrRaftShutdown
	}
}

// store is a log with the small database that names its segments, which it does not close by itself.
type store struct {
	*wal.WAL
	meta *metadb.BoltMetaDB
}

// Close closes both.
func (s *store) Close() error { return errors.Join(s.WAL.Close(), s.meta.Close()) }

// Cluster is a cluster of nodes in this process.
type Cluster struct {
	options   bench.SystemOptions
	addresses []string
	leader    atomic.Pointer[member]

	mu      sync.Mutex
	members []*member // nil where one was killed
}

func start(ctx context.Context, o bench.SystemOptions) (bench.System, error) {
	addresses, err := local.Addresses(o.Nodes)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, addresses: addresses, members: make([]*member, o.Nodes)}
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

func (c *Cluster) config(id uint64) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(strconv.FormatUint(id, 10))
	config.HeartbeatTimeout = c.options.ElectionMin
	config.ElectionTimeout = c.options.ElectionMin
	config.LeaderLeaseTimeout = c.options.ElectionMin
	config.MaxAppendEntries = appendEntries
	config.BatchApplyCh = true
	config.SnapshotInterval = never
	config.Logger = hclog.NewNullLogger()
	return config
}

// Restart implements bench.System.
func (c *Cluster) Restart(_ context.Context, id uint64) (err error) {
	log, err := openLog(c.options, id)
	if err != nil {
		return fmt.Errorf("open the log of node %d: %w", id, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start node %d: %w", id, err), log.Close())
		}
	}()
	cache, err := raft.NewLogCache(cacheEntries, log)
	if err != nil {
		return err
	}
	address := c.addresses[id-1]
	transport, err := raft.NewTCPTransportWithConfig(address, nil, &raft.NetworkTransportConfig{
		MaxPool: 3, Timeout: ioTimeout, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		return err
	}
	config, snapshots := c.config(id), raft.NewDiscardSnapshotStore()
	var servers []raft.Server
	for i, address := range c.addresses {
		servers = append(servers, raft.Server{
			ID: raft.ServerID(strconv.Itoa(i + 1)), Address: raft.ServerAddress(address),
		})
	}
	err = raft.BootstrapCluster(config, cache, log, snapshots, transport, raft.Configuration{Servers: servers})
	if err != nil && !errors.Is(err, raft.ErrCantBootstrap) { // it has a log
		return errors.Join(err, transport.Close())
	}
	m := &member{log: log, kept: local.NewKept(c.options.Keep), dead: make(chan struct{})}
	if m.raft, err = raft.NewRaft(config, machine{m.kept}, cache, log, snapshots, transport); err != nil {
		return errors.Join(err, transport.Close())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[id-1] = m
	return nil
}

// Propose implements bench.System.
func (c *Cluster) Propose(ctx context.Context, data []byte) error {
	for {
		if m := c.leader.Load(); m != nil {
			err := m.apply(data)
			if err == nil {
				return nil
			}
			c.leader.CompareAndSwap(m, nil)
			if !errors.Is(err, raft.ErrNotLeader) { // it may have been committed
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
		if id, m := c.leading(); m != nil {
			c.leader.Store(m)
			return id, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for a leader: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

func (c *Cluster) leading() (uint64, *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range c.members {
		if m != nil && m.raft.State() == raft.Leader {
			return uint64(i + 1), m
		}
	}
	return 0, nil
}

// Kill implements bench.System.
func (c *Cluster) Kill(id uint64) error {
	c.mu.Lock()
	m := c.members[id-1]
	c.members[id-1] = nil
	c.mu.Unlock()
	if m == nil {
		return fmt.Errorf("kill node %d: it does not run", id)
	}
	close(m.dead)
	return errors.Join(m.raft.Shutdown().Error(), m.log.Close()) // it hands nothing over, and closes its transport
}

// Holds says whether a node has applied data; with SystemOptions.Keep.
func (c *Cluster) Holds(_ context.Context, id uint64, data []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[id-1] != nil && c.members[id-1].kept.Has(data), nil
}

// Close implements bench.System.
func (c *Cluster) Close() error {
	var errs []error
	for i := range c.members {
		c.mu.Lock()
		runs := c.members[i] != nil
		c.mu.Unlock()
		if runs {
			errs = append(errs, c.Kill(uint64(i+1)))
		}
	}
	return errors.Join(errs...)
}

// machine is a state machine that keeps nothing but what tests look for.
type machine struct{ kept *local.Kept }

// Apply implements raft.FSM.
func (m machine) Apply(log *raft.Log) any {
	m.kept.Apply(log.Data)
	return nil
}

// ApplyBatch implements raft.BatchingFSM.
func (m machine) ApplyBatch(logs []*raft.Log) []any {
	for _, log := range logs {
		if log.Type == raft.LogCommand {
			m.kept.Apply(log.Data)
		}
	}
	return make([]any, len(logs))
}

// Snapshot implements raft.FSM; none is taken.
func (machine) Snapshot() (raft.FSMSnapshot, error) { return nil, errors.ErrUnsupported }

// Restore implements raft.FSM; none is there.
func (machine) Restore(io.ReadCloser) error { return errors.ErrUnsupported }

// openLog opens the log of a node, in a folder that exists.
func openLog(o bench.SystemOptions, id uint64) (*store, error) {
	dir := filepath.Join(o.Dir, fmt.Sprintf("node-%d", id))
	if err := os.MkdirAll(dir, 0o755); err != nil { // the library wants it there
		return nil, err
	}
	meta := &metadb.BoltMetaDB{}
	log, err := wal.Open(dir, wal.WithLogger(hclog.NewNullLogger()), wal.WithMetaStore(meta))
	if err != nil {
		return nil, errors.Join(err, meta.Close())
	}
	return &store{log, meta}, nil
}
