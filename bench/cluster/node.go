package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

// statusBytesMax bounds what is read of an answer of an admin port.
const statusBytesMax = 64 << 20

// Node is one node of the cluster, whether its process lives or not. Its methods are safe for concurrent use.
type Node struct {
	cluster    *Cluster
	id         raft.NodeID
	config     server.Config
	configFile string
	logFile    string

	mu      sync.Mutex
	process *process // the last one; nil before the first
}

// ID returns the node's id.
func (n *Node) ID() raft.NodeID { return n.id }

// ClientAddr returns the address for Redis clients.
func (n *Node) ClientAddr() string { return n.config.ClientListen }

// AdminAddr returns the address for HTTP.
func (n *Node) AdminAddr() string { return n.config.AdminListen }

// Dir returns the node's folder: its configuration, its log file, and its data.
func (n *Node) Dir() string { return filepath.Dir(n.configFile) }

// DataDir returns the node's data folder.
func (n *Node) DataDir() string { return n.config.DataDir }

// LogFile returns the file that takes what the node's process prints.
func (n *Node) LogFile() string { return n.logFile }

// Config returns the node's configuration, as it was written.
func (n *Node) Config() server.Config { return n.config }

// Pid returns the id of the node's process, or 0 when it does not run.
func (n *Node) Pid() int {
	if p := n.current(); p != nil && p.running() {
		return p.cmd.Process.Pid
	}
	return 0
}

// Running reports whether the node's process exists.
func (n *Node) Running() bool { return n.Pid() != 0 }

func (n *Node) current() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// start starts the node's process.
func (n *Node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.cluster.usable(); err != nil { // seen here or, by Close, the process that is started below
		return err
	}
	if n.process != nil && n.process.running() {
		return fmt.Errorf("start node %d: it runs", n.id)
	}
	p, err := startProcess(n.cluster.binary, n.logFile, n.cluster.options.Niceness, n.cluster.options.Env, append(
		[]string{"node", "--config", n.configFile, "--exit-with-parent"}, n.cluster.options.Extra...))
	if err != nil {
		return fmt.Errorf("start node %d: %w", n.id, err)
	}
	n.process = p
	n.cluster.options.Logger.Info("node process started", "node", uint64(n.id), "pid", p.cmd.Process.Pid)
	go n.watch(p)
	return nil
}

// watch notes an end that nobody ordered.
func (n *Node) watch(p *process) {
	<-p.done
	if p.ordered.Load() {
		return
	}
	err := fmt.Errorf("node %d ended by itself: %w", n.id, p.failure())
	n.cluster.options.Logger.Error("node ended by itself", "node", uint64(n.id), "err", err)
	n.cluster.fail(err)
}

// Failure says how the node's process ended and what it printed last; nil while it runs.
func (n *Node) Failure() error {
	if p := n.current(); p != nil && !p.running() {
		return p.failure()
	}
	return nil
}

// Kill ends the node's process with SIGKILL, and returns when it is gone: when it was ordered, and when the
// system said that the process has ended, on internal/clock.
func (n *Node) Kill() (commanded, effective time.Duration, err error) {
	p := n.current()
	if p == nil || !p.running() {
		return 0, 0, fmt.Errorf("kill node %d: it does not run", n.id)
	}
	p.ordered.Store(true)
	commanded = n.cluster.clock.Now()
	if err := p.cmd.Process.Kill(); err != nil {
		return 0, 0, fmt.Errorf("kill node %d: %w", n.id, err)
	}
	<-p.done
	n.cluster.options.Logger.Info("node process killed", "node", uint64(n.id))
	return commanded, n.cluster.clock.At(p.ended), nil
}

// Stop ends the node's process with SIGTERM, as an operator would: it hands leadership over, answers what
// is under way, and ends. When it has not by the end of ctx it is killed. It returns the same instants as
// Kill.
func (n *Node) Stop(ctx context.Context) (commanded, effective time.Duration, err error) {
	p := n.current()
	if p == nil || !p.running() {
		return 0, 0, fmt.Errorf("stop node %d: it does not run", n.id)
	}
	commanded = n.cluster.clock.Now()
	if err := n.stop(ctx.Done()); err != nil {
		return 0, 0, fmt.Errorf("stop node %d: %w", n.id, err)
	}
	return commanded, n.cluster.clock.At(p.ended), nil
}

// Restart starts a node that was killed or stopped, on its own data, and returns when its ports answer. A
// node whose log was in memory has forgotten its vote, and cannot come back.
func (n *Node) Restart(ctx context.Context) error {
	if n.config.LogStorage == server.StorageMem {
		return fmt.Errorf("restart node %d: with log_storage mem it has forgotten its vote", n.id)
	}
	return n.run(ctx, "restart")
}

// run starts the node's process and waits until its ports answer.
func (n *Node) run(ctx context.Context, verb string) error {
	if err := n.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, n.cluster.options.ReadyTimeout)
	defer cancel()
	p := n.current()
	for {
		if _, err := n.Status(ctx); err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s node %d: %w", verb, n.id, p.failure())
		case <-ctx.Done():
			return fmt.Errorf("%s node %d: %w", verb, n.id, context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// Status asks the node how it is.
func (n *Node) Status(ctx context.Context) (server.Status, error) {
	var s server.Status
	return s, n.get(ctx, "/status", &s)
}

// StatusWithHash is Status with the hash of the whole state, which the node reads for it.
func (n *Node) StatusWithHash(ctx context.Context) (server.Status, error) {
	var s server.Status
	return s, n.get(ctx, "/status?hash=1", &s)
}

// LogChain asks for the chain hash over the stored entries (after, upto].
func (n *Node) LogChain(ctx context.Context, after, upto raft.Index) (server.LogChain, error) {
	var c server.LogChain
	return c, n.get(ctx, fmt.Sprintf("/log/chain?after=%d&upto=%d", after, upto), &c)
}

// Stages returns what the node saw of the sampled entries.
func (n *Node) Stages(ctx context.Context) (server.StagesAnswer, error) {
	var answer server.StagesAnswer
	return answer, n.get(ctx, "/stages", &answer)
}

func (n *Node) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.AdminAddr()+path, nil)
	if err != nil {
		return err
	}
	response, err := n.cluster.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask node %d: %w", n.id, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, statusBytesMax))
	if err != nil {
		return fmt.Errorf("ask node %d: %w", n.id, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask node %d for %s: %s", n.id, path, response.Status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("answer of node %d: %w", n.id, err)
	}
	return nil
}

// stop orders the node to end, and kills it when it has not by the time that grace is closed.
func (n *Node) stop(grace <-chan struct{}) error {
	p := n.current()
	if p == nil || !p.running() {
		return nil
	}
	p.ordered.Store(true)
	err := errors.Join(p.cmd.Process.Signal(syscall.SIGCONT), p.cmd.Process.Signal(syscall.SIGTERM))
	if err == nil {
		select {
		case <-p.done:
			return nil
		case <-grace:
		}
	}
	select {
	case <-p.done: // it ended before the signals
		return nil
	default:
	}
	n.cluster.options.Logger.Warn("node did not stop, killing it", "node", uint64(n.id))
	_ = p.cmd.Process.Kill() // it fails only when the process is gone
	<-p.done
	return nil
}
