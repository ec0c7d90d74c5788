package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/server"
)

const (
	clusterDirDefault = "raftmark-cluster"
	// clusterPoll is how often the nodes are looked at.
	clusterPoll = 200 * time.Millisecond
	// clusterRestartDelay is how long a node that ended stays away: long enough to see the others go on.
	clusterRestartDelay = 3 * time.Second
	// clusterDownTimeout is how long cluster down waits.
	clusterDownTimeout = 30 * time.Second
)

func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Run a local cluster to play with",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var dir string
	cmd.PersistentFlags().StringVar(&dir, "dir", clusterDirDefault, "folder of the cluster")
	cmd.AddCommand(newClusterUpCommand(&dir), newClusterAddCommand(&dir), newClusterRemoveCommand(&dir), &cobra.Command{
		Use: "status", Short: "Show the nodes of the local cluster", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return clusterStatus(cmd, dir) },
	}, &cobra.Command{
		Use: "down", Short: "Stop the local cluster; its data stay", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return clusterDown(cmd, dir) },
	})
	return cmd
}

func newClusterUpCommand(dir *string) *cobra.Command {
	var o cluster.Options
	var detach bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a local cluster, each node a process of its own",
		Long: `Start a local cluster, each node a process of its own, and look after it until it is interrupted.
A node that ends, killed for the sake of the experiment perhaps, is started again after a few seconds. Data stay in the
folder and are used again, and so are nodes that were added; removed ones are not.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir = *dir
			if !cmd.Flags().Changed("nodes") {
				o.Nodes = 3
			} else if o.Nodes < 1 {
				return exit.Usage(fmt.Errorf("nodes: %d, want 1 to %d", o.Nodes, cluster.NodesMax))
			}
			if err := o.WithDefaults().Validate(); err != nil {
				return exit.Usage(err)
			}
			if detach {
				return clusterDetach(cmd, o.Dir)
			}
			return clusterUp(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&o.Nodes, "nodes", "n", 3, "number of nodes")
	flags.StringVar(&o.Name, "name", server.DefaultCluster, "name of the cluster")
	flags.StringVar(&o.Transport, "transport", server.TransportTCP, "tcp, tls or quic")
	flags.StringVar(&o.LogStorage, "log-storage", server.StoragePebble, "pebble or mem (lost with the process)")
	flags.StringVar(&o.Machine, "machine", "", "pebble, mem or null (default: as --log-storage)")
	flags.BoolVar(&detach, "detach", false, "return when the cluster is up, and leave it running")
	addTimeFlags(cmd, &o.Heartbeat, &o.ElectionMin, &o.ElectionMax)
	addStallFlag(cmd, &o.DiskStallMax)
	addSpaceFlags(cmd, &o.DiskReserve, &o.LogBytesMax)
	addReadFlags(cmd, &o.Reads, &o.Lease)
	addFaultsFlag(cmd, &o.EnableFaults)
	return cmd
}

// clusterUp runs the cluster until the context ends.
func clusterUp(cmd *cobra.Command, o cluster.Options) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return fmt.Errorf("create cluster folder: %w", err)
	}
	release, ok, err := lockCluster(o.Dir)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("a cluster runs in %s already; see raftmark cluster status", o.Dir)
	}
	defer release()
	c, err := cluster.Start(cmd.Context(), o)
	if server.IsConfig(err) {
		return exit.Usage(err)
	}
	if cmd.Context().Err() != nil {
		return exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted")}
	}
	if err != nil {
		return err
	}
	state := stateOf(c, leaderAmong(cmd.Context(), c), o.Transport)
	_, stop, err := keep(c, o.Dir, state)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	defer func() { _ = os.Remove(filepath.Join(o.Dir, clusterStateFile)) }()
	printClusterHelp(cmd.OutOrStdout(), state, o.Dir)
	fmt.Fprintln(cmd.OutOrStdout(), "\nCtrl-C stops it.")
	lookAfter(cmd.Context(), cmd.ErrOrStderr(), c)
	stop()
	return c.Close()
}

// lookAfter starts nodes again that have ended, until ctx ends.
func lookAfter(ctx context.Context, w io.Writer, c *cluster.Cluster) {
	due := map[*cluster.Node]time.Time{}
	tick := time.NewTicker(clusterPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, n := range c.Nodes() {
			at, waits := due[n]
			switch {
			case n.Running() || n.Failure() == nil: // the latter is about to be started for the first time
			case !waits:
				fmt.Fprintf(w, "raftmark: node %d ended: %v; starting it again in %v\n", n.ID(), n.Failure(), clusterRestartDelay)
				due[n] = time.Now().Add(clusterRestartDelay)
			case time.Now().After(at):
				delete(due, n)
				if err := n.Restart(ctx); err != nil && ctx.Err() == nil {
					fmt.Fprintf(w, "raftmark: %v\n", err)
				}
			}
		}
	}
}

// printClusterHelp says how to talk to the cluster.
func printClusterHelp(w io.Writer, s clusterState, dir string) {
	fmt.Fprintf(w, "%d nodes over %s, data in %s\n\n", len(s.Nodes), s.Transport, dir)
	for _, n := range s.Nodes {
		fmt.Fprintf(w, "  node %d  redis %s  admin http://%s\n", n.ID, n.Client, n.Admin)
	}
	first := s.Nodes[0]
	suffix := ""
	if dir != clusterDirDefault {
		suffix = " --dir " + dir
	}
	fmt.Fprintf(w, `
Talk to it:
  redis-cli -c -p %s set greeting hello
  redis-benchmark -p %s -t set,get -P 16 -c 32 -n 100000 -q     (node %d, the leader)
  curl http://%s/status        (and /metrics, /readyz, /debug/pprof)
  raftmark cluster status%s
  raftmark cluster add%s
  raftmark ctl members --admin %s
  raftmark cluster down%s
`, portOf(first), portOf(s.node(s.Leader)), s.Leader, first.Admin, suffix, suffix, first.Admin, suffix)
}

func portOf(n clusterNode) string {
	_, port, _ := net.SplitHostPort(n.Client) // of an address that was listened on
	return port
}

// clusterDetach starts a process that runs the cluster, and returns when the cluster is up.
func clusterDetach(cmd *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create cluster folder: %w", err)
	}
	if _, running, err := runningCluster(dir); err != nil || running {
		if running {
			err = fmt.Errorf("a cluster runs in %s already; see raftmark cluster status", dir)
		}
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	output, err := os.Create(filepath.Join(dir, clusterOutput))
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(a string) bool {
		return a == "--detach" || a == "--detach=true"
	})
	child := exec.Command(self, args...)
	child.Stdout, child.Stderr = output, output
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	return awaitDetached(cmd, dir, child, ended)
}

// awaitDetached waits for the state file of the child, for its end, or for an interrupt, which ends it.
func awaitDetached(cmd *cobra.Command, dir string, child *exec.Cmd, ended <-chan error) error {
	tick := time.NewTicker(clusterPoll)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			text, _ := os.ReadFile(filepath.Join(dir, clusterOutput)) // without it, the exit code says what there is to say
			fmt.Fprint(cmd.ErrOrStderr(), string(text))
			return exit.Error{Code: exit.Code(max(1, child.ProcessState.ExitCode()))}
		case <-cmd.Context().Done():
			_ = child.Process.Signal(syscall.SIGTERM) // it fails only when the child is gone
			<-ended
			return exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted")}
		case <-tick.C:
		}
		if s, ok, err := readClusterState(dir); err == nil && ok && s.PID == child.Process.Pid {
			printClusterHelp(cmd.OutOrStdout(), s, dir)
			return nil
		}
	}
}

func clusterStatus(cmd *cobra.Command, dir string) error {
	s, running, err := runningCluster(dir)
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("no cluster runs in %s", dir)
	}
	answers := askAll(cmd.Context(), s.admins())
	for i := range answers {
		answers[i].known = s.Nodes[i]
	}
	return printStatus(cmd.OutOrStdout(), answers)
}

// clusterDown stops the process that looks after the cluster, which stops the nodes.
func clusterDown(cmd *cobra.Command, dir string) error {
	s, running, err := runningCluster(dir)
	if err != nil {
		return err
	}
	if !running {
		fmt.Fprintf(cmd.OutOrStdout(), "no cluster runs in %s\n", dir)
		return nil
	}
	if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop process %d: %w", s.PID, err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), clusterDownTimeout)
	defer cancel()
	for {
		if _, running, err := runningCluster(dir); err != nil || !running {
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "stopped; the data stay in %s\n", dir)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d has not ended: %w", s.PID, context.Cause(ctx))
		case <-time.After(clusterPoll):
		}
	}
}
