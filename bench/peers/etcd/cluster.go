package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/raftmark/raftmark/bench"
	"github.com/raftmark/raftmark/bench/peers/local"
)

const (
	leaderPoll    = time.Millisecond
	connections   = 16 // of clients to each node
	snapshotCount = 100_000
	quotaBytes    = 8 << 30
	keyBytes      = 24
	dialWait      = 5 * time.Second
)

// Candidate returns the system etcd.
func Candidate() bench.Candidate {
	return bench.Candidate{
		Name: "etcd",
		Settings: map[string]string{
			"library": "go.etcd.io/etcd/server/v3 v3.7.3 embedded, client/v3 v3.7.3 puts at the leader",
			"log":     "its WAL and its bbolt backend, with fsync",
			"network": "16 gRPC connections of clients, rafthttp between nodes, loopback TCP without TLS",
			"limits":  "SnapshotCount 100000, QuotaBackendBytes 8 GiB, no auto-compaction",
			"options": "pre-vote; heartbeat min(heartbeat, election.min / 5); election timeout in [election.min, 2 election.min)",
		},
		Start: start,
	}
}

// member is one server with clients of its own.
type member struct {
	server  *embed.Etcd
	clients []*clientv3.Client
	next    atomic.Uint64
}

func (m *member) client() *clientv3.Client { return m.clients[m.next.Add(1)%uint64(len(m.clients))] }

func (m *member) leads() bool { return m.server.Server.Leader() == m.server.Server.MemberID() }

// Cluster is a cluster of servers in this process.
type Cluster struct {
	options        bench.SystemOptions
	peers, clients []string // addresses by node
	leader         atomic.Pointer[member]

	mu      sync.Mutex
	members []*member // nil where one was killed
}

func start(ctx context.Context, o bench.SystemOptions) (bench.System, error) {
	addresses, err := local.Addresses(2 * o.Nodes)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, peers: addresses[:o.Nodes], clients: addresses[o.Nodes:], members: make([]*member, o.Nodes)}
	failures := make([]error, o.Nodes)
	var starts sync.WaitGroup
	for i := range o.Nodes { // each waits for a majority
		starts.Go(func() { failures[i] = c.Restart(ctx, uint64(i+1)) })
	}
	starts.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if _, err := c.Leader(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) config(id uint64) *embed.Config {
	at := func(address string) []url.URL { return []url.URL{{Scheme: "http", Host: address}} }
	var cluster []string
	for i, address := range c.peers {
		cluster = append(cluster, fmt.Sprintf("node-%d=http://%s", i+1, address))
	}
	config := embed.NewConfig()
	config.Name = fmt.Sprintf("node-%d", id)
	config.Dir = filepath.Join(c.options.Dir, config.Name)
	config.ListenPeerUrls, config.AdvertisePeerUrls = at(c.peers[id-1]), at(c.peers[id-1])
	config.ListenClientUrls, config.AdvertiseClientUrls = at(c.clients[id-1]), at(c.clients[id-1])
	config.InitialCluster = strings.Join(cluster, ",")
	config.TickMs = uint(min(c.options.Heartbeat, c.options.ElectionMin/5) / time.Millisecond) // it insists on a fifth
	config.ElectionMs = uint(c.options.ElectionMin / time.Millisecond)
	config.SnapshotCount = snapshotCount
	config.QuotaBackendBytes = quotaBytes
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return config
}

// Endpoints returns the addresses for clients, by node.
func (c *Cluster) Endpoints() []string { return slices.Clone(c.clients) }

// Restart implements bench.System.
func (c *Cluster) Restart(ctx context.Context, id uint64) error {
	server, err := embed.StartEtcd(c.config(id))
	if err != nil {
		return fmt.Errorf("start node %d: %w", id, err)
	}
	m := &member{server: server}
	for range connections {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{"http://" + c.clients[id-1]}, DialTimeout: dialWait, Logger: zap.NewNop(),
		})
		if err != nil {
			return errors.Join(fmt.Errorf("client of node %d: %w", id, err), m.close())
		}
		m.clients = append(m.clients, client)
	}
	c.mu.Lock()
	c.members[id-1] = m
	c.mu.Unlock()
	return ctx.Err()
}

func (m *member) close() error {
	m.server.Server.HardStop() // Close would hand leadership over
	m.server.Close()
	var errs []error
	for _, client := range m.clients {
		errs = append(errs, client.Close())
	}
	return errors.Join(errs...)
}

// key returns the key of a command: what it begins with names who proposed it.
func key(data []byte) string { return string(data[:min(keyBytes, len(data))]) }

// Propose implements bench.System.
func (c *Cluster) Propose(ctx context.Context, data []byte) error {
	m := c.leader.Load()
	if m == nil {
		if _, err := c.Leader(ctx); err != nil {
			return err
		}
		m = c.leader.Load()
	}
	if m == nil {
		return errors.New("the leader was lost as it was found")
	}
	if _, err := m.client().Put(ctx, key(data), string(data)); err != nil {
		c.leader.CompareAndSwap(m, nil)
		return err
	}
	return nil
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
		if m != nil && m.leads() {
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
	c.leader.CompareAndSwap(m, nil)
	return m.close()
}

// Holds says whether a node has data, by itself.
func (c *Cluster) Holds(ctx context.Context, id uint64, data []byte) (bool, error) {
	c.mu.Lock()
	m := c.members[id-1]
	c.mu.Unlock()
	if m == nil {
		return false, nil
	}
	answer, err := m.client().Get(ctx, key(data), clientv3.WithSerializable())
	if err != nil {
		return false, err
	}
	return len(answer.Kvs) == 1 && bytes.Equal(answer.Kvs[0].Value, data), nil
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
