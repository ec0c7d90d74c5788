package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

// Names in the folder of a node.
const (
	configName = "node.yaml"
	// removedName marks the folder of a node that was removed from the cluster: it is not started again.
	removedName = "REMOVED"
)

// folder is what was found in the folder of a cluster that was used before.
type folder struct {
	found   map[raft.NodeID]server.Config // of all nodes with data
	removed map[raft.NodeID]bool
}

// readFolder reads what is there, and refuses what another number of nodes began.
func readFolder(o Options) (folder, error) {
	f := folder{found: map[raft.NodeID]server.Config{}, removed: map[raft.NodeID]bool{}}
	found, err := filepath.Glob(filepath.Join(o.Dir, "node-*", "data"))
	if err != nil {
		return f, err
	}
	first := 0
	for _, data := range found {
		dir := filepath.Dir(data)
		config, err := server.ReadConfig(filepath.Join(dir, configName))
		if err != nil {
			return f, fmt.Errorf("read what was used before: %w", err)
		}
		f.found[config.Node] = config
		if !config.Join {
			first++
		}
		switch _, err := os.Stat(filepath.Join(dir, removedName)); {
		case err == nil:
			f.removed[config.Node] = true
		case !errors.Is(err, fs.ErrNotExist):
			return f, err
		}
	}
	if first > 0 && first != o.Nodes {
		return f, server.ConfigError{Err: fmt.Errorf("nodes: %d, but folder %s was used by %d", o.Nodes, o.Dir, first)}
	}
	return f, nil
}

// configs returns the configurations of the nodes to start, by id.
func (f folder) configs(o Options, samePorts bool) ([]server.Config, error) {
	fresh, err := freePorts(o.Nodes)
	if err != nil {
		return nil, err
	}
	began, all := map[raft.NodeID]server.Peer{}, map[raft.NodeID]server.Peer{}
	for i, p := range fresh {
		id := raft.NodeID(i + 1)
		began[id] = p.addresses()
		if before, ok := f.found[id]; ok && (samePorts || f.removed[id]) {
			began[id] = before.Peers[id]
		}
		all[id] = began[id]
	}
	for id, config := range f.found {
		if config.Join {
			all[id] = config.Peers[id]
		}
	}
	var configs []server.Config
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if f.removed[id] {
			continue
		}
		config := o.configOf(id, began)
		if f.found[id].Join {
			config = o.joinConfig(id, all)
		}
		configs = append(configs, config)
	}
	return configs, nil
}

// joinConfig returns the configuration of a node that joins, or has joined; peers are those that it can know.
func (o Options) joinConfig(id raft.NodeID, peers map[raft.NodeID]server.Peer) server.Config {
	c := o.configOf(id, peers)
	c.Join = true
	return c
}

// encrypted reports whether the nodes need certificates.
func (o Options) encrypted() bool {
	return o.Transport == server.TransportTLS || o.Transport == server.TransportQUIC
}
