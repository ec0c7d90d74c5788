package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// NodesMax bounds the nodes of a cluster.
const NodesMax = 15

// NicenessMax bounds Options.Niceness: the lowest priority that there is.
const NicenessMax = 19

// Options say what cluster to start. Zero fields are defaults; those of the node's own are in server.Config.
type Options struct {
	// Nodes is how many nodes the cluster begins with, 1 to 15. Default 3.
	Nodes int
	// Dir is the folder of the cluster, created when it is missing. Required. One that was used before must
	// have begun with the same number of nodes and the same name; nodes that were added then are started,
	// too, those that were removed are not.
	Dir string
	// Name is the cluster's name. Default "raftmark".
	Name string
	// Binary is the program that runs a node, with the arguments node --config FILE --exit-with-parent.
	// Default: this one.
	Binary string

	// Transport, LogStorage, Machine and Sync are those of server.Config.
	Transport, LogStorage, Machine string
	Sync                           storage.Sync
	// Congestion, AppendStreams and HeartbeatDatagrams are those of server.Config.
	Congestion         string
	AppendStreams      int
	HeartbeatDatagrams bool
	// Heartbeat, ElectionMin, ElectionMax and TickInterval are those of server.Config.
	Heartbeat, ElectionMin, ElectionMax, TickInterval time.Duration
	// DiskStallMax is that of server.Config.
	DiskStallMax server.StallLimit
	// DiskReserve and LogBytesMax are those of server.Config.
	DiskReserve, LogBytesMax server.ByteLimit
	// EnableFaults is that of server.Config; the faults of Control need it.
	EnableFaults bool
	// LinkFaults are those of server.Config, the same at each node; they need EnableFaults.
	LinkFaults []linkfaults.Rule
	// DiskFaults are those of server.Config, the same at each node; they need EnableFaults.
	DiskFaults []faultfs.Rule
	// TraceOneIn is that of server.Config.
	TraceOneIn int
	// Reads and Lease are those of server.Config.
	Reads string
	Lease time.Duration
	// Raft and Client are the limits of server.Config.
	Raft   server.RaftLimits
	Client server.ClientLimits
	// Seed seeds the nodes' election timeouts, each its own; 0 draws one.
	Seed uint64
	// Niceness lowers the nodes' scheduling priority against this process, 0 to 19, as nice(1) does. Default 0.
	// Higher: a load generator on the same cores is more punctual, and the nodes wait for it.
	Niceness int
	// Extra are more flags for each node.
	Extra []string
	// Env is more of the nodes' environment, each NAME=VALUE, as in GOMEMLIMIT=256MiB; it goes before that of this
	// process, which they have too. Default none.
	Env []string

	// ReadyTimeout bounds how long Start and Restart wait. Default 30s.
	ReadyTimeout time.Duration
	// StopGrace is how long Close waits for the nodes before it kills them. Default 10s.
	StopGrace time.Duration
	// Logger takes life events; nil discards them.
	Logger *slog.Logger
}

// WithDefaults returns a copy with the zero fields set. Fields of the node's own stay zero: the node has their
// defaults.
func (o Options) WithDefaults() Options {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Name == "" {
		o.Name = server.DefaultCluster
	}
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = 30 * time.Second
	}
	if o.StopGrace == 0 {
		o.StopGrace = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate returns all faults of options whose defaults are set, those that the nodes would find included.
func (o Options) Validate() error {
	var errs []error
	if o.Nodes < 1 || o.Nodes > NodesMax {
		errs = append(errs, fmt.Errorf("nodes: %d, want 1 to %d", o.Nodes, NodesMax))
	}
	if o.Niceness < 0 || o.Niceness > NicenessMax {
		errs = append(errs, fmt.Errorf("niceness: %d, want 0 to %d", o.Niceness, NicenessMax))
	}
	for _, e := range o.Env {
		if i := strings.IndexByte(e, '='); i < 1 || strings.IndexByte(e, 0) >= 0 {
			errs = append(errs, fmt.Errorf("env: %q, want NAME=VALUE", e))
		}
	}
	if o.Dir == "" {
		errs = append(errs, errors.New("dir: empty, want a folder"))
	}
	if o.ReadyTimeout < 0 {
		errs = append(errs, fmt.Errorf("ReadyTimeout: %v, want more than 0", o.ReadyTimeout))
	}
	if o.StopGrace < 0 {
		errs = append(errs, fmt.Errorf("StopGrace: %v, want more than 0", o.StopGrace))
	}
	if o.Transport == server.TransportMem {
		errs = append(errs, errors.New("transport: mem works within one process only"))
	}
	if len(errs) == 0 {
		sample := make([]ports, o.Nodes)
		for i := range sample {
			sample[i] = ports{peer: 3*i + 1, client: 3*i + 2, admin: 3*i + 3}
		}
		if err := o.nodeConfig(1, sample).WithDefaults().Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return server.ConfigError{Err: errors.Join(errs...)}
}

// nodeConfig returns the configuration of one of the nodes that the cluster begins with; all[i] are the
// ports of node i+1.
func (o Options) nodeConfig(id raft.NodeID, all []ports) server.Config {
	peers := make(map[raft.NodeID]server.Peer, len(all))
	for i, p := range all {
		peers[raft.NodeID(i+1)] = p.addresses()
	}
	return o.configOf(id, peers)
}

// configOf returns the configuration of a node; peers has its addresses.
func (o Options) configOf(id raft.NodeID, peers map[raft.NodeID]server.Peer) server.Config {
	c := server.Config{
		Cluster: o.Name, Node: id, DataDir: filepath.Join(o.nodeDir(id), "data"), Peers: peers,
		PeerListen: peers[id].Peer, ClientListen: peers[id].Client, AdminListen: peers[id].Admin,
		Transport: o.Transport, LogStorage: o.LogStorage, Machine: o.Machine, Sync: o.Sync,
		Congestion: o.Congestion, AppendStreams: o.AppendStreams, HeartbeatDatagrams: o.HeartbeatDatagrams,
		Heartbeat: o.Heartbeat, ElectionMin: o.ElectionMin, ElectionMax: o.ElectionMax, TickInterval: o.TickInterval,
		DiskStallMax: o.DiskStallMax, DiskReserve: o.DiskReserve, LogBytesMax: o.LogBytesMax,
		EnableFaults: o.EnableFaults, LinkFaults: o.LinkFaults, DiskFaults: o.DiskFaults,
		Reads: o.Reads, Lease: o.Lease, Seed: o.Seed,
		Raft: o.Raft, Client: o.Client, TraceOneIn: o.TraceOneIn,
	}
	if o.Transport == server.TransportTLS || o.Transport == server.TransportQUIC {
		c.TLSDir = filepath.Join(o.Dir, "tls")
	}
	return c
}

func (o Options) nodeDir(id raft.NodeID) string {
	return filepath.Join(o.Dir, fmt.Sprintf("node-%d", id))
}

// binary returns the program to run.
func (o Options) binary() (string, error) {
	if o.Binary != "" {
		return o.Binary, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return self, nil
}
