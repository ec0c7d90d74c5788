package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

const (
	// pollInterval is how often nodes are asked while something is waited for.
	pollInterval = 20 * time.Millisecond
	// statusTimeout bounds one question to a node, which may be paused.
	statusTimeout = time.Second
	// startTriesMax bounds the starts with other ports after one was taken by another program.
	startTriesMax = 3
)

// Sentinels, matched with errors.Is.
var (
	// ErrNoLeader says that no node that answers leads.
	ErrNoLeader = errors.New("no leader")
	// ErrClosed says that the cluster was closed before the call.
	ErrClosed = errors.New("cluster closed")
)

// Cluster is some nodes on this machine, one process each. Its methods are safe for concurrent use.
type Cluster struct {
	options Options
	binary  string
	clock   clock.Clock
	http    *http.Client

	changing sync.Mutex // one AddNode or RemoveNode at a time

	mu     sync.Mutex
	nodes  []*Node       // by id; replaced, never written to
	gone   []*Node       // that were removed
	failed error         // the first node that ended by itself
	fault  chan struct{} // closed then
	closed bool
}

// Start starts the nodes and returns when they are ready and one of them leads. When it fails, no node is left
// running.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	binary, err := o.binary()
	if err != nil {
		return nil, err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if err := prepare(o); err != nil {
		return nil, err
	}
	earlier, err := readFolder(o)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c := &Cluster{
			options: o, binary: binary, clock: clock.New(), fault: make(chan struct{}),
			http: &http.Client{Timeout: statusTimeout * 10, Transport: &http.Transport{MaxIdleConnsPerHost: 2}},
		}
		err := c.start(ctx, earlier, try == 1)
		if err == nil {
			return c, nil
		}
		err = errors.Join(err, c.Close())
		if refused(err) {
			return nil, server.ConfigError{Err: err}
		}
		if !addressInUse(err) || try == startTriesMax {
			return nil, err
		}
		o.Logger.Warn("a port was taken, starting again with others", "err", err)
	}
}

// prepare makes the folder and the certificates of the first nodes.
func prepare(o Options) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return fmt.Errorf("create cluster folder: %w", err)
	}
	if !o.encrypted() {
		return nil
	}
	if err := WriteCertificates(filepath.Join(o.Dir, "tls"), o.Name, o.Nodes); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	return nil
}

// start starts all nodes and waits until they are ready. Nodes that were here earlier have their ports of
// then; when those are taken, only a node that was added needs them, since all others know it by them.
func (c *Cluster) start(ctx context.Context, earlier folder, samePorts bool) error {
	configs, err := earlier.configs(c.options, samePorts)
	if err != nil {
		return err
	}
	for _, config := range configs {
		n, err := c.newNode(config)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.ReadyTimeout)
	defer cancel()
	return c.AwaitReady(ctx)
}

func (c *Cluster) newNode(config server.Config) (*Node, error) {
	dir := c.options.nodeDir(config.Node)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create node folder: %w", err)
	}
	n := &Node{
		cluster: c, id: config.Node, config: config,
		configFile: filepath.Join(dir, configName), logFile: filepath.Join(dir, "node.log"),
	}
	text, err := n.config.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	if err := os.WriteFile(n.configFile, text, 0o644); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return n, nil
}

// Nodes returns all nodes, by id, those that do not run included, and those that were removed not.
func (c *Cluster) Nodes() []*Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes
}

// Node returns the node with the id, or nil.
func (c *Cluster) Node(id raft.NodeID) *Node {
	for _, n := range c.Nodes() {
		if n.id == id {
			return n
		}
	}
	return nil
}

// Now reads the clock that all instants of the cluster and of its nodes' events are on.
func (c *Cluster) Now() time.Duration { return c.clock.Now() }

// AwaitReady returns when all nodes are ready and one of them leads, or with the reason why that will not
// be. Nodes that were removed from the cluster by somebody else are stopped and marked.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	for {
		nodes := c.Nodes()
		ready, leader := 0, false
		for _, s := range c.Statuses(ctx) {
			if s.Ready {
				ready++
			} else if s.Removed {
				if err := c.Retire(ctx, s.Node); err != nil {
					return fmt.Errorf("await the cluster: %w", err)
				}
			}
			leader = leader || s.IsLeader()
		}
		if ready == len(nodes) && leader {
			return nil
		}
		select {
		case <-c.fault:
			return c.Err()
		case <-ctx.Done():
			return fmt.Errorf("await the cluster: %d of %d nodes ready: %w", ready, len(nodes), context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// Statuses asks all running nodes at once; those that do not answer within a second are absent.
func (c *Cluster) Statuses(ctx context.Context) []server.Status {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	nodes := c.Nodes()
	answers := make([]*server.Status, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		if !n.Running() {
			continue
		}
		wg.Go(func() {
			if s, err := n.Status(ctx); err == nil {
				answers[i] = &s
			}
		})
	}
	wg.Wait()
	var statuses []server.Status
	for _, s := range answers {
		if s != nil {
			statuses = append(statuses, *s)
		}
	}
	return statuses
}

// Leader returns the node that says that it leads, can answer clients, and has the highest term of those.
// The error wraps ErrNoLeader when there is none.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	var leader *Node
	var term raft.Term
	statuses := c.Statuses(ctx)
	for _, s := range statuses {
		if n := c.Node(s.Node); n != nil && s.IsLeader() && s.Raft.Term > term {
			leader, term = n, s.Raft.Term
		}
	}
	if leader == nil {
		return nil, fmt.Errorf("%w: %d of %d nodes answered", ErrNoLeader, len(statuses), len(c.Nodes()))
	}
	return leader, nil
}

// fail notes the first node that ended by itself.
func (c *Cluster) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil && !c.closed {
		c.failed = err
		close(c.fault)
	}
}

// Err returns how a node ended by itself, the first one when there are several; nil as long as none did.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// Failed is closed when a node has ended by itself; Err says how.
func (c *Cluster) Failed() <-chan struct{} { return c.fault }

func (c *Cluster) usable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return nil
}

// Close stops all nodes, kills those that take longer than StopGrace, and returns when no process is left.
// Calls after the first do it again, and find nothing to do.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	nodes := slices.Concat(c.nodes, c.gone)
	c.mu.Unlock()
	grace, cancel := context.WithTimeout(context.Background(), c.options.StopGrace)
	defer cancel()
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() { errs[i] = n.stop(grace.Done()) })
	}
	wg.Wait()
	c.http.CloseIdleConnections()
	return errors.Join(errs...)
}
