package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
)

// keeperTimeout bounds a request to the process that looks after a cluster: a node that joins may need a
// snapshot.
const keeperTimeout = 5 * time.Minute

// keeper is the process that looks after a local cluster, as cluster add and cluster remove see it: an HTTP
// port on the loopback network, whose address is in the state file.
type keeper struct {
	cluster *cluster.Cluster
	dir     string

	mu      sync.Mutex
	state   clusterState
	closed  bool
	serving sync.WaitGroup // the requests under way; Add with mu, and not when closed
}

// keep opens the keeper's port and writes the state file. stop closes the port, cuts off what is under way, and waits
// for its end: the state file is not written after it.
func keep(c *cluster.Cluster, dir string, state clusterState) (k *keeper, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("open the keeper's port: %w", err)
	}
	state.Keeper = l.Addr().String()
	k = &keeper{cluster: c, dir: dir, state: state}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add", k.serve(k.add))
	mux.HandleFunc("POST /remove", k.serve(k.remove))
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{
		Handler: mux, ReadHeaderTimeout: askTimeout, MaxHeaderBytes: 4 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	k.serving.Go(func() { _ = s.Serve(l) }) // it ends with Close
	stop = func() {
		k.close()
		cancel()
		_ = s.Close()
		k.serving.Wait()
	}
	if err := state.write(dir); err != nil {
		stop()
		return nil, nil, err
	}
	return k, stop, nil
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
}

// begin notes a request, unless the keeper is closed.
func (k *keeper) begin() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.serving.Add(1)
	}
	return !k.closed
}

// serve answers a request with what do returns. Only what says that it is JSON is read: a page in a browser cannot send
// that to another origin without asking.
func (k *keeper) serve(do func(context.Context, clusterNode) (clusterNode, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			http.Error(w, "content type: want application/json", http.StatusUnsupportedMediaType)
			return
		}
		if !k.begin() {
			http.Error(w, "the cluster is being stopped", http.StatusServiceUnavailable)
			return
		}
		defer k.serving.Done()
		var asked clusterNode
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&asked)
		var answer clusterNode
		if err == nil {
			answer, err = do(r.Context(), asked)
		}
		if err == nil {
			err = k.refresh()
		}
		if err != nil {
			http.Error(w, strings.ReplaceAll(err.Error(), "\n", "; "), http.StatusConflict)
			return
		}
		_ = json.NewEncoder(w).Encode(answer) // who asked is gone
	}
}

func (k *keeper) add(ctx context.Context, _ clusterNode) (clusterNode, error) {
	n, err := k.cluster.AddNode(ctx)
	if err != nil {
		return clusterNode{}, err
	}
	return clusterNode{ID: n.ID(), Client: n.ClientAddr(), Admin: n.AdminAddr(), Dir: n.Dir()}, nil
}

func (k *keeper) remove(ctx context.Context, asked clusterNode) (clusterNode, error) {
	return asked, k.cluster.RemoveNode(ctx, asked.ID)
}

// refresh writes the state file again.
func (k *keeper) refresh() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.Nodes = nodesOf(k.cluster)
	return k.state.write(k.dir)
}

// askKeeper has the process that looks after the cluster in dir do something.
func askKeeper(cmd *cobra.Command, dir, path string, asked clusterNode) (answer clusterNode, err error) {
	s, running, err := runningCluster(dir)
	if err != nil {
		return answer, err
	}
	if !running {
		return answer, fmt.Errorf("no cluster runs in %s", dir)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), keeperTimeout)
	defer cancel()
	body, err := json.Marshal(asked)
	if err != nil {
		return answer, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Keeper+path, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if cmd.Context().Err() != nil {
		return answer, exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted")}
	}
	if err != nil {
		return answer, fmt.Errorf("ask process %d: %w", s.PID, errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, askBytesMax))
	switch {
	case err != nil:
		return answer, fmt.Errorf("answer of process %d: %w", s.PID, err)
	case response.StatusCode != http.StatusOK:
		return answer, errors.New(strings.TrimSpace(string(text)))
	default:
		return answer, json.Unmarshal(text, &answer)
	}
}

func newClusterAddCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "add",
		Short: "Start one more node, which joins the local cluster",
		Long:  "Start one more node and add it to the local cluster: it joins as a learner, and votes when it has caught up.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := askKeeper(cmd, *dir, "/add", clusterNode{})
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "node %d  redis %s  admin http://%s\n", n.ID, n.Client, n.Admin)
			}
			return err
		},
	}
}

func newClusterRemoveCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a node from the local cluster for ever, and stop it; its data stay",
		Args:  exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			if _, err := askKeeper(cmd, *dir, "/remove", clusterNode{ID: ids[0]}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "node %d is removed and stopped; its id is never used again\n", ids[0])
			return nil
		},
	}
}

// nodesOf describes the nodes for the state file.
func nodesOf(c *cluster.Cluster) []clusterNode {
	var nodes []clusterNode
	for _, n := range c.Nodes() {
		nodes = append(nodes, clusterNode{ID: n.ID(), Client: n.ClientAddr(), Admin: n.AdminAddr(), Dir: n.Dir()})
	}
	return nodes
}

// leaderAmong returns the node that leads, or any.
func leaderAmong(ctx context.Context, c *cluster.Cluster) raft.NodeID {
	if n, err := c.Leader(ctx); err == nil {
		return n.ID()
	}
	return c.Nodes()[0].ID()
}
