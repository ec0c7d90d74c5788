package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/raft"
)

// Names in the folder of a local cluster.
const (
	clusterStateFile = "cluster.json"
	clusterLockFile  = "cluster.lock"
	clusterOutput    = "cluster.log"
)

// clusterState is what cluster up leaves for status and down.
type clusterState struct {
	PID       int           `json:"pid"` // of the process that looks after the nodes
	Started   time.Time     `json:"started"`
	Transport string        `json:"transport"`
	Leader    raft.NodeID   `json:"leader"` // at the start
	Keeper    string        `json:"keeper"` // where that process takes requests, host:port
	Nodes     []clusterNode `json:"nodes"`
}

type clusterNode struct {
	ID     raft.NodeID `json:"id"`
	Client string      `json:"client"`
	Admin  string      `json:"admin"`
	Dir    string      `json:"dir"`
}

func stateOf(c *cluster.Cluster, leader raft.NodeID, transport string) clusterState {
	return clusterState{
		PID: os.Getpid(), Started: time.Now().UTC(), Transport: transport, Leader: leader, Nodes: nodesOf(c),
	}
}

// node returns the node with the id, which the state has.
func (s clusterState) node(id raft.NodeID) clusterNode {
	i := slices.IndexFunc(s.Nodes, func(n clusterNode) bool { return n.ID == id })
	return s.Nodes[max(i, 0)]
}

func (s clusterState) admins() []string {
	var addresses []string
	for _, n := range s.Nodes {
		addresses = append(addresses, n.Admin)
	}
	return addresses
}

// write replaces the state file.
func (s clusterState) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, clusterStateFile)
	if err := os.WriteFile(name+".new", append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write cluster state: %w", err)
	}
	return os.Rename(name+".new", name)
}

// lockCluster takes the folder's lock, which is held as long as a cluster runs there, by whatever process: so a state
// file that a crash left behind is told from one that is true. ok is false when another process holds it.
func lockCluster(dir string) (release func(), ok bool, err error) {
	file, err := os.OpenFile(filepath.Join(dir, clusterLockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, false, fmt.Errorf("open cluster lock: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		_ = file.Close()
		return nil, false, nil
	}
	if err != nil {
		_ = file.Close()
		return nil, false, fmt.Errorf("lock cluster folder: %w", err)
	}
	return func() { _ = file.Close() }, true, nil
}

// readClusterState returns what the last cluster in dir left, or false when there is nothing.
func readClusterState(dir string) (s clusterState, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, clusterStateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("read cluster state: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, false, fmt.Errorf("cluster state in %s: %w", dir, err)
	}
	return s, true, nil
}

// runningCluster returns the state of the cluster that runs in dir, or false when none does.
func runningCluster(dir string) (s clusterState, running bool, err error) {
	s, ok, err := readClusterState(dir)
	if err != nil || !ok {
		return s, false, err
	}
	release, free, err := lockCluster(dir)
	if err != nil {
		return s, false, err
	}
	if free {
		release()
	}
	return s, !free, nil
}
