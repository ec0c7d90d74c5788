package dragonboat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/logger"
	"github.com/lni/dragonboat/v4/plugin/tan"
	"github.com/lni/dragonboat/v4/statemachine"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers/local"
)

const (
	leaderPoll  = time.Millisecond
	shard       = 1
	rtt         = 10 * time.Millisecond // the unit of its timeouts: the tick of its clock
	proposeWait = 10 * time.Second
)

// Candidates returns the systems dragonboat (log on Pebble, its default) and dragonboat-tan.
func Candidates() []bench.Candidate {
	return []bench.Candidate{
		candidate("dragonboat", "its default LogDB on Pebble (v1, the commit it names), default LogDBConfig", false),
		candidate("dragonboat-tan", "plugin/tan, which its author recommends for speed", true),
	}
}

func candidate(name, log string, onTan bool) bench.Candidate {
	return bench.Candidate{
		Name: name,
		Settings: map[string]string{
			"library": "github.com/lni/dragonboat/v4 v4.0.0-20250723143628-076c7f6497dc, one shard, no-op session",
			"log":     log,
			"network": "its TCP transport over loopback, without TLS (so with CRC)",
			"limits":  "its defaults; the state machine takes batches; no snapshots",
			"options": "PreVote, CheckQuorum; RTTMillisecond 10; election timeout in [election.min, 2 election.min)",
		},
		Start: func(ctx context.Context, o bench.SystemOptions) (bench.System, error) { return start(ctx, o, onTan) },
	}
}

// member is one node.
type member struct {
	id      uint64
	host    *dragonboat.NodeHost
	session *client.Session
	kept    *local.Kept
}

func (m *member) leads() bool {
	leader, _, valid, err := m.host.GetLeaderID(shard)
	return err == nil && valid && leader == m.id
}

// Cluster is a cluster of nodes in this process.
type Cluster struct {
	options   bench.SystemOptions
	onTan     bool
	addresses []string
	leader    atomic.Pointer[member]

	mu      sync.Mutex
	members []*member // nil where one was killed
}

func start(ctx context.Context, o bench.SystemOptions, onTan bool) (bench.System, error) {
	for _, name := range []string{
		"raft", "rsm", "transport", "grpc", "util", "nodehost", "dragonboat", "config", "settings", "logdb", "tan",
		"raftpb", "registry", "server", "pebblekv", "order", "tests", "gossip", "client", "fileutil", "storage",
	} {
		logger.GetLogger(name).SetLevel(logger.CRITICAL)
	}
	addresses, err := local.Addresses(o.Nodes)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, onTan: onTan, addresses: addresses, members: make([]*member, o.Nodes)}
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

// Restart implements bench.System.
func (c *Cluster) Restart(_ context.Context, id uint64) error {
	hostConfig := config.NodeHostConfig{
		NodeHostDir: filepath.Join(c.options.Dir, fmt.Sprintf("node-%d", id)), RaftAddress: c.addresses[id-1],
		RTTMillisecond: uint64(rtt / time.Millisecond),
	}
	if c.onTan {
		hostConfig.Expert.LogDBFactory = tan.Factory
	}
	host, err := dragonboat.NewNodeHost(hostConfig)
	if err != nil {
		return fmt.Errorf("start node %d: %w", id, err)
	}
	members := map[uint64]dragonboat.Target{}
	for i, address := range c.addresses {
		members[uint64(i+1)] = address
	}
	m := &member{id: id, host: host, session: host.GetNoOPSession(shard), kept: local.NewKept(c.options.Keep)}
	create := func(uint64, uint64) statemachine.IConcurrentStateMachine { return machine{m.kept} }
	if err := host.StartConcurrentReplica(members, false, create, config.Config{
		ReplicaID: id, ShardID: shard, CheckQuorum: true, PreVote: true,
		ElectionRTT: uint64(c.options.ElectionMin / rtt), HeartbeatRTT: max(1, uint64(c.options.Heartbeat/rtt)),
	}); err != nil {
		host.Close()
		return fmt.Errorf("start the replica of node %d: %w", id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[id-1] = m
	return nil
}

// errDropped means that the command was definitely not taken.
var errDropped = errors.New("the command was dropped")

// Propose implements bench.System.
func (c *Cluster) Propose(ctx context.Context, data []byte) error {
	for {
		if m := c.leader.Load(); m != nil {
			err := m.propose(ctx, data)
			if !errors.Is(err, errDropped) {
				return err
			}
			c.leader.CompareAndSwap(m, nil)
		}
		if _, err := c.Leader(ctx); err != nil {
			return err
		}
	}
}

func (m *member) propose(ctx context.Context, data []byte) error {
	state, err := m.host.Propose(m.session, data, proposeWait)
	if err != nil {
		return errDropped
	}
	select {
	case r := <-state.ResultC():
		state.Release()
		switch {
		case r.Completed():
			return nil
		case r.Dropped():
			return errDropped
		default:
			return errors.New("the command was not acknowledged: whether it was committed is not known")
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leader implements bench.System.
func (c *Cluster) Leader(ctx context.Context) (uint64, error) {
	ticker := time.NewTicker(leaderPoll)
	defer ticker.Stop()
	for {
		if m := c.leading(); m != nil {
			c.leader.Store(m)
			return m.id, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for a leader: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

func (c *Cluster) leading() *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if m != nil && m.leads() {
			return m
		}
	}
	return nil
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
	c.leader.CompareAndSwap(m, nil)
	m.host.Close() // it hands nothing over
	return nil
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

// Update implements statemachine.IConcurrentStateMachine.
func (m machine) Update(entries []statemachine.Entry) ([]statemachine.Entry, error) {
	for _, e := range entries {
		m.kept.Apply(e.Cmd)
	}
	return entries, nil
}

// Lookup implements statemachine.IConcurrentStateMachine; nobody asks.
func (machine) Lookup(any) (any, error) { return nil, errors.ErrUnsupported }

// PrepareSnapshot implements statemachine.IConcurrentStateMachine; none is taken.
func (machine) PrepareSnapshot() (any, error) { return nil, errors.ErrUnsupported }

// SaveSnapshot implements statemachine.IConcurrentStateMachine.
func (machine) SaveSnapshot(any, io.Writer, statemachine.ISnapshotFileCollection, <-chan struct{}) error {
	return errors.ErrUnsupported
}

// RecoverFromSnapshot implements statemachine.IConcurrentStateMachine; none is there.
func (machine) RecoverFromSnapshot(io.Reader, []statemachine.SnapshotFile, <-chan struct{}) error {
	return errors.ErrUnsupported
}

// Close implements statemachine.IConcurrentStateMachine.
func (machine) Close() error { return nil }
