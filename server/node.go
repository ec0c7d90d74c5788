package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server/resp"
)

// Node is one running server of the cluster. Create it with [Start]; its methods are safe for concurrent use.
type Node struct {
	config      Config
	pid         int
	started     time.Time
	incarnation uint64

	parts
	replica  *replica.Replica
	recorder *recorder
	commands *commands
	room     *diskRoom
	clients  *resp.Server // nil without a client port
	admin    *http.Server // nil without an admin port
	adminNet net.Listener

	members        atomic.Pointer[members]
	membersChanged chan struct{} // capacity 1
	leader         atomic.Uint64 // as far as the replica's loop knows
	handedTo       atomic.Uint64 // whom this node last told to lead
	shunned        atomic.Bool   // peers refuse it as removed, and nobody leads it
	silenced       atomic.Bool   // a peer refuses it for its disk, see silence

	serving sync.WaitGroup // the accept loops and the watch of the replica
	ending  atomic.Bool
	// ended is closed when nothing of the node is left, or nothing that its disk would let go.
	ended    chan struct{}
	finished sync.Once
	failed   atomic.Pointer[error] // why it stops by itself
	mu       sync.Mutex
	cause    error // why it stopped: that, or what closing gave
}

// Start validates c, opens the data folder, and runs the node until Stop, Abort, or an error of its disk
// (fail-stop). After an error nothing of it is left running.
func Start(c Config) (*Node, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, errors.Join(ConfigError{err}, c.closeListeners())
	}
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano())
	}
	n := &Node{
		config: c, pid: os.Getpid(), started: time.Now(), ended: make(chan struct{}), membersChanged: make(chan struct{}, 1),
	}
	n.members.Store(newMembers(&c, c.bootstrap(), 0))
	if err := n.listen(); err != nil {
		return nil, err
	}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.closeListeners())
	}
	if err := n.serve(); err != nil {
		n.shutDown(context.Background(), func() {})
		return nil, err
	}
	n.recorder.record(EventRecord{Kind: EventStart})
	n.warnOfExposures()
	c.Logger.Info("node started", "node", uint64(c.Node), "peer", c.PeerListen, "client", n.ClientAddr(),
		"admin", n.AdminAddr(), "incarnation", n.incarnation)
	return n, nil
}

// listen opens the ports before anything else, so that an occupied one changes nothing on disk.
func (n *Node) listen() error {
	for _, p := range []struct {
		field, address string
		listener       *net.Listener
	}{
		{"client_listen", n.config.ClientListen, &n.config.ClientListener},
		{"admin_listen", n.config.AdminListen, &n.config.AdminListener},
	} {
		if *p.listener != nil || p.address == "" {
			continue
		}
		l, err := net.Listen("tcp", p.address)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", p.field, err), n.closeListeners())
		}
		*p.listener = l
	}
	return nil
}

func (n *Node) closeListeners() error { return n.config.closeListeners() }

func (c Config) closeListeners() error {
	for _, l := range []net.Listener{c.ClientListener, c.AdminListener} {
		if l != nil {
			_ = l.Close() // nothing was served on it
		}
	}
	return nil
}

// open opens what is on disk and starts the replica on it.
func (n *Node) open() error {
	n.room = newDiskRoom(n.config)
	if err := n.room.admit(); err != nil {
		return err
	}
	p, err := openParts(n.config)
	if err != nil {
		return err
	}
	n.parts, n.incarnation = p, p.life.Incarnation
	if n.recorder, err = openRecorder(n.config.DataDir, n.config.Node, clock.New(), n.config.Logger); err != nil {
		return failing(PartEvents, errors.Join(err, p.close()))
	}
	limits := n.config.Raft
	o := replica.Options{
		Core: n.config.core(), TickInterval: n.config.TickInterval,
		Log: p.log, Transport: p.transport, Machine: p.machine, Snapshots: p.snapshots,
		SnapshotLogBytes: limits.SnapshotLogBytes, SnapshotLogEntries: limits.SnapshotLogEntries,
		SnapshotKeepEntries: limits.SnapshotKeepEntries, DiskStallMax: time.Duration(n.config.DiskStallMax),
		LogBytesMax: int(n.config.LogBytesMax), TraceOneIn: n.config.TraceOneIn,
		Logger: n.config.Logger.With("node", uint64(n.config.Node)), Observe: n.observe,
	}
	o.Core.Incarnation = n.incarnation
	if err := o.WithDefaults().Validate(); err != nil {
		n.recorder.close()
		return errors.Join(ConfigError{err}, p.close())
	}
	if n.replica, err = replica.Start(o); err != nil { // it has closed the parts
		n.recorder.close()
		return n.causeOf(errors.Join(err, p.release()))
	}
	return nil
}

// serve starts the ports and the watch of the replica.
func (n *Node) serve() error {
	n.commands = newCommands(n)
	if l := n.config.ClientListener; l != nil {
		clients, err := resp.NewServer(l, n.commands, n.config.respOptions())
		if err != nil {
			return errors.Join(err, n.closeListeners())
		}
		n.clients = clients
		n.serving.Go(func() { n.watchPort("client port", clients.Serve(), resp.ErrClosed) })
	}
	if l := n.config.AdminListener; l != nil {
		n.admin, n.adminNet = newAdmin(n), l
		n.serving.Go(func() { n.watchPort("admin port", n.admin.Serve(l), http.ErrServerClosed) })
	}
	n.serving.Go(n.watchReplica)
	n.watchDisk()
	n.serving.Go(n.watchRoom)
	n.serving.Go(n.followMembers)
	n.serving.Go(n.watchRefusals)
	return nil
}

func (c Config) respOptions() resp.Options {
	l := c.Client
	return resp.Options{
		ConnectionsMax: l.ConnectionsMax, InflightRequestsMax: l.InflightRequestsMax,
		InflightBytesMax: l.InflightBytesMax, InflightBytesAllMax: l.InflightBytesAllMax,
		ArgsMax: l.KeysMax + sessionArgs + 8,
		// What is larger than an entry cannot be a command, whatever the limits of its keys and values add
		// up to.
		RequestBytesMax: min(max(l.KeysMax*l.KeyBytesMax, 2*l.ValueBytesMax), raft.EntryDataBytesMax) + 4<<10,
		RequestTimeout:  l.RequestTimeout, Logger: c.Logger,
	}
}

// watchPort stops the node when one of its ports cannot be served any more.
func (n *Node) watchPort(name string, err, expected error) {
	if err != nil && !errors.Is(err, expected) {
		n.fail(fmt.Errorf("serve %s: %w", name, err))
	}
}

// watchReplica stops the node when its replica stops by itself.
func (n *Node) watchReplica() {
	<-n.replica.Done()
	if err := n.replica.Err(); err != nil {
		n.fail(err)
	}
}

// Stop hands leadership over if the node has it, answers the commands under way, as long as ctx lasts,
// stops the node, and returns when nothing of it is left. It returns the error that stopped it before, or
// that closing gave.
func (n *Node) Stop(ctx context.Context) error {
	n.recorder.record(EventRecord{Kind: EventStop})
	n.endFaults()
	n.shutDown(ctx, func() {
		limited, cancel := context.WithTimeout(ctx, 2*n.config.ElectionMin)
		defer cancel()
		if err := n.replica.HandOver(limited); err != nil {
			n.config.Logger.Info("stop without handing over", "node", uint64(n.config.Node), "err", err)
		}
		if n.clients != nil {
			_ = n.clients.Shutdown(ctx) // what ctx cut off has been closed
		}
	})
	return n.Wait()
}

// Abort stops the node at once: clients and peers see their connections break. Of a node in a process of
// its own, kill is more honest.
func (n *Node) Abort() error {
	n.endFaults()
	n.shutDown(context.Background(), n.closeClients)
	return n.Wait()
}

func (n *Node) closeClients() {
	if n.clients != nil {
		n.clients.Close()
	}
}

// shutDown ends everything, once; whoever comes second waits for the first.
func (n *Node) shutDown(ctx context.Context, endClients func()) {
	if n.ending.CompareAndSwap(false, true) {
		endClients()
		err := errors.Join(n.replica.Halt(), n.release())
		if n.admin != nil {
			_ = n.admin.Close()
		}
		n.serving.Wait()
		n.recorder.close()
		if err != nil {
			n.setCause(n.causeOf(err))
		}
		n.finish()
	}
	<-n.ended // by the first, or because the disk lets go of nothing
}

// Wait returns when nothing of the node is left, or nothing that its disk would let go: nil after Stop or Abort, else
// why it stopped, a StorageError when the disk failed.
func (n *Node) Wait() error {
	<-n.ended
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cause
}

// Done is closed when Wait returns.
func (n *Node) Done() <-chan struct{} { return n.ended }

// Replica returns the node's replica.
func (n *Node) Replica() *replica.Replica { return n.replica }

// Config returns the effective configuration.
func (n *Node) Config() Config { return n.config }

// Incarnation returns how often the data folder has been opened, this time included.
func (n *Node) Incarnation() uint64 { return n.incarnation }

// ClientAddr returns the address of the client port, or "" when it is off.
func (n *Node) ClientAddr() string {
	if n.clients == nil {
		return ""
	}
	return n.clients.Addr().String()
}

// AdminAddr returns the address of the admin port, or "" when it is off.
func (n *Node) AdminAddr() string {
	if n.adminNet == nil {
		return ""
	}
	return n.adminNet.Addr().String()
}
