package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

// nodeStopGrace is how long a node that is told to end answers what is under way.
const nodeStopGrace = 3 * time.Second

// nodeLastGrace is how long a node that is told to end may take, whatever its disk does: perhaps nobody is left who
// would kill it.
const nodeLastGrace = 3 * nodeStopGrace

// errParentGone says why a node with --exit-with-parent stops.
var errParentGone = errors.New("the parent process is gone")

// peerExample are the addresses of a node that is a cluster of its own.
const peerExample = "127.0.0.1:7101/127.0.0.1:7001/127.0.0.1:7201"

// nodeFlags are the flags of raftmark node.
type nodeFlags struct {
	configFile     string
	config         server.Config
	peers          []string
	node           uint64
	exitWithParent bool
	verbose        bool
}

func newNodeCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run one node of a cluster",
		Long: `Run one node of a cluster until it is interrupted.

The configuration is a YAML file, or flags. Without either, the node is a cluster of its own: Redis clients on port
7001, status on port 7201, data in raftmark-data/node-1.

  raftmark node --id 1 --peer 1=127.0.0.1:7101/127.0.0.1:7001/127.0.0.1:7201 \
                       --peer 2=127.0.0.1:7102/127.0.0.1:7002/127.0.0.1:7202 ...

With --join the node is none of those that the cluster begins with. It waits until raftmark ctl members add adds it to a
cluster that runs, and only its own addresses need be given:

  raftmark node --id 4 --join --peer 4=127.0.0.1:7104/127.0.0.1:7004/127.0.0.1:7204`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags, c := cmd.Flags(), &f.config
	flags.StringVar(&f.configFile, "config", "", "YAML file with the whole configuration")
	flags.Uint64Var(&f.node, "id", 1, "this node's id")
	flags.StringArrayVar(&f.peers, "peer", nil, "ID=PEER/CLIENT/ADMIN: addresses of a node (repeatable)")
	flags.BoolVar(&c.Join, "join", false, "wait to be added to a cluster that runs, under an id that was never used")
	flags.StringVar(&c.Cluster, "cluster", server.DefaultCluster, "name of the cluster")
	flags.StringVar(&c.DataDir, "data", "", "data folder (default raftmark-data/node-ID)")
	flags.BoolVar(&c.AdoptCopiedFolder, "adopt-copied-folder", false,
		"start on a data folder that is a copy, as it was moved here and the original is gone for good")
	flags.StringVar(&c.Transport, "transport", server.TransportTCP, "tcp, tls or quic")
	addInsecureFlag(cmd, &c.Insecure)
	flags.StringVar(&c.TLSDir, "tls-dir", "", "folder with certificates, for tls and quic (see raftmark certs)")
	flags.StringVar(&c.LogStorage, "log-storage", server.StoragePebble, "pebble or mem (lost with the process)")
	flags.StringVar(&c.Machine, "machine", "", "pebble, mem or null (default: as --log-storage)")
	addTimeFlags(cmd, &c.Heartbeat, &c.ElectionMin, &c.ElectionMax)
	addStallFlag(cmd, &c.DiskStallMax)
	addSpaceFlags(cmd, &c.DiskReserve, &c.LogBytesMax)
	addReadFlags(cmd, &c.Reads, &c.Lease)
	addFaultsFlag(cmd, &c.EnableFaults)
	flags.BoolVar(&f.exitWithParent, "exit-with-parent", false, "stop when standard input ends")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log connections and messages, too")
	return cmd
}

// addInsecureFlag adds the flag that allows plaintext.
func addInsecureFlag(cmd *cobra.Command, insecure *bool) {
	cmd.Flags().BoolVar(insecure, "insecure", false,
		"allow --transport tcp, the client and the admin port outside of the loopback network: no encryption, no passwords")
}

// addTimeFlags adds the flags of the protocol's times, which node and cluster up share.
func addTimeFlags(cmd *cobra.Command, heartbeat, electionMin, electionMax *time.Duration) {
	flags := cmd.Flags()
	flags.DurationVar(heartbeat, "heartbeat", server.DefaultHeartbeat, "time between heartbeats")
	flags.DurationVar(electionMin, "election-min", server.DefaultElectionMin, "least election timeout")
	flags.DurationVar(electionMax, "election-max", 0, "greatest election timeout (default twice the least)")
}

// addStallFlag adds the flag of the disk-stall policy, which node and cluster up share.
func addStallFlag(cmd *cobra.Command, limit *server.StallLimit) {
	cmd.Flags().TextVar(limit, "disk-stall-max", server.DefaultDiskStallMax,
		"how long a write may take before a leader gives up leading, or off")
}

// addSpaceFlags adds the flags of the room on the disk, which node and cluster up share.
func addSpaceFlags(cmd *cobra.Command, reserve, logMax *server.ByteLimit) {
	cmd.Flags().TextVar(reserve, "disk-reserve", server.ByteLimit(0),
		"how much of the disk is to stay free before writes are refused, as in 256MiB, or off (default 256MiB)")
	cmd.Flags().TextVar(logMax, "log-bytes-max", server.ByteLimit(0),
		"budget of the raft log, as in 1GiB, or off (default 1GiB)")
}

// addReadFlags adds the flags of how reads are served, which node and cluster up share.
func addReadFlags(cmd *cobra.Command, reads *string, lease *time.Duration) {
	cmd.Flags().StringVar(reads, "reads", server.ReadsIndex, "index, log or lease (which trusts the clocks)")
	cmd.Flags().DurationVar(lease, "lease", 0, "with --reads lease (default four fifths of --election-min)")
}

func (f *nodeFlags) run(cmd *cobra.Command) error {
	c, err := f.load(cmd)
	if err != nil {
		return exit.Usage(err)
	}
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	c.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	ctx := cmd.Context()
	if f.exitWithParent {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		go watchParent(cmd.InOrStdin(), cancel)
	}
	return runNode(ctx, c)
}

// watchParent cancels when the pipe from the parent ends, as it does however the parent ended.
func watchParent(pipe io.Reader, cancel context.CancelCauseFunc) {
	_, _ = io.Copy(io.Discard, pipe)
	cancel(errParentGone)
}

// runNode runs a node until ctx ends or the node fails.
func runNode(ctx context.Context, c server.Config) error {
	n, err := server.Start(c)
	if server.IsConfig(err) {
		return exit.Usage(err)
	}
	if err != nil {
		return storageError(fmt.Errorf("start node %d: %w", c.Node, err))
	}
	select {
	case <-n.Done():
		return storageError(fmt.Errorf("node %d stopped: %w", c.Node, n.Wait()))
	case <-ctx.Done():
	}
	c.Logger.Info("stopping", "node", uint64(c.Node), "reason", context.Cause(ctx).Error())
	grace, cancel := context.WithTimeout(context.Background(), nodeStopGrace)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Stop(grace) }()
	select {
	case err := <-ended:
		return storageError(err)
	case <-time.After(nodeLastGrace):
		return fmt.Errorf("node %d has not ended in %v: %w", c.Node, nodeLastGrace, context.Cause(ctx))
	}
}

// storageError gives an error of the disk its own exit code: whoever starts nodes again must look at the disk first.
func storageError(err error) error {
	if server.IsStorage(err) {
		return exit.Error{Code: exit.Storage, Err: err}
	}
	return err
}

// load returns the configuration of the file, or of the flags.
func (f *nodeFlags) load(cmd *cobra.Command) (server.Config, error) {
	if f.configFile != "" {
		for _, name := range []string{"id", "peer", "join", "cluster", "data", "transport", "tls-dir", "insecure",
			"log-storage", "machine", "adopt-copied-folder", "heartbeat", "election-min", "election-max", "disk-stall-max",
			"disk-reserve", "log-bytes-max", "reads", "lease",
			"enable-faults"} {
			if cmd.Flags().Changed(name) {
				return server.Config{}, fmt.Errorf("--%s: not together with --config", name)
			}
		}
		return server.ReadConfig(f.configFile)
	}
	c := f.config
	c.Node = raft.NodeID(f.node)
	if c.DataDir == "" {
		c.DataDir = filepath.Join("raftmark-data", fmt.Sprintf("node-%d", f.node))
	}
	if len(f.peers) == 0 {
		f.peers = []string{fmt.Sprintf("%d=%s", f.node, peerExample)}
	}
	c.Peers = make(map[raft.NodeID]server.Peer, len(f.peers))
	for _, text := range f.peers {
		id, peer, err := parsePeer(text)
		if err != nil {
			return c, err
		}
		if _, twice := c.Peers[id]; twice {
			return c, fmt.Errorf("--peer: node %d is named twice", id)
		}
		c.Peers[id] = peer
	}
	own := c.Peers[c.Node]
	c.ClientListen, c.AdminListen = own.Client, own.Admin
	return c, nil
}

// parsePeer reads ID=PEER/CLIENT/ADMIN; the last two may be left out.
func parsePeer(text string) (raft.NodeID, server.Peer, error) {
	number, addresses, ok := strings.Cut(text, "=")
	id, err := strconv.ParseUint(number, 10, 64)
	parts := strings.Split(addresses, "/")
	if !ok || err != nil || len(parts) > 3 {
		return 0, server.Peer{}, fmt.Errorf("--peer: %q, want ID=PEER/CLIENT/ADMIN as in 1=%s", text, peerExample)
	}
	parts = append(parts, "", "")
	return raft.NodeID(id), server.Peer{Peer: parts[0], Client: parts[1], Admin: parts[2]}, nil
}
