package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/bench/floor"
	"github.com/raftmark/raftmark/storage"
)

// System is a replicated log whose nodes are all in this process, as a run with placement inproc measures it. Nodes are
// numbered from 1. All methods may be called from any goroutine.
type System interface {
	// Propose returns nil when data is committed and applied at the leader, which it finds by itself; data is the
	// system's from then on. An error means that it is not known, or that ctx ended.
	Propose(ctx context.Context, data []byte) error
	// Leader waits for a node that leads and serves.
	Leader(ctx context.Context) (node uint64, err error)
	// Kill ends a node as abruptly as a process lets one of its parts end: nothing is handed over and its connections
	// break. A system that cannot do without it returns [errors.ErrUnsupported].
	Kill(node uint64) error
	// Restart starts a node that was killed, on what it had made durable. It does not wait for it to catch up.
	Restart(ctx context.Context, node uint64) error
	// Close ends all nodes, killed ones included, and returns when nothing of them is left.
	Close() error
}

// SystemOptions are what every system is told, so that all are measured under the same conditions.
type SystemOptions struct {
	// Dir takes a data folder a node; it exists and is empty. Required.
	Dir string
	// Nodes is the size of the cluster. Required.
	Nodes int
	// Heartbeat is the leader's interval; ElectionMin and ElectionMax bound the election timeout. A system takes what is
	// nearest that it can do, and says so in Candidate.Settings. Required.
	Heartbeat, ElectionMin, ElectionMax time.Duration
	// Keep has each node remember what it applied, for tests. It costs memory and time. Default false.
	Keep bool
}

// Candidate is one system that can be measured.
type Candidate struct {
	// Name is its value of the axis system.
	Name string
	// Settings are noted in the result: what decides about its speed.
	Settings map[string]string
	// Start returns when the cluster has a leader that serves.
	Start func(context.Context, SystemOptions) (System, error)
}

// ours are the systems that every runner has.
func ours(s Scenario) []Candidate {
	return []Candidate{
		{Name: SystemRaftmark, Start: func(ctx context.Context, o SystemOptions) (System, error) {
			nodes, err := cluster.StartInproc(ctx, cluster.InprocOptions{
				Nodes: o.Nodes, Dir: o.Dir, Transport: s.Transport, LogStorage: s.Log, Machine: s.Machine,
				Sync: storage.Sync(s.Sync), Heartbeat: o.Heartbeat, ElectionMin: o.ElectionMin, ElectionMax: o.ElectionMax,
				LinkFaults: s.Link.rules(), DiskFaults: s.diskRules(), Raft: s.Raft, TraceOneIn: s.traceOneIn(),
			})
			if err != nil {
				return nil, err
			}
			return raftmarkSystem{nodes}, nil
		}},
		{Name: SystemFloor, Start: func(_ context.Context, o SystemOptions) (System, error) {
			log, err := floor.Start(floor.Options{Dir: o.Dir, Nodes: o.Nodes})
			if err != nil {
				return nil, err
			}
			return floorSystem{log}, nil
		}},
	}
}

// raftmarkSystem is this project's own.
type raftmarkSystem struct{ *cluster.Inproc }

// Leader waits for a node that leads and has committed in its term.
func (s raftmarkSystem) Leader(ctx context.Context) (uint64, error) {
	node, err := s.Inproc.Leader(ctx)
	if err != nil {
		return 0, err
	}
	return uint64(node.Replica().Status().ID), nil
}

// floorSystem has one leader for ever.
type floorSystem struct{ *floor.Log }

func (floorSystem) Leader(context.Context) (uint64, error) { return 1, nil }

func (floorSystem) Kill(uint64) error {
	return fmt.Errorf("the floor cannot lose a node: %w", errors.ErrUnsupported)
}

func (floorSystem) Restart(context.Context, uint64) error {
	return fmt.Errorf("the floor cannot lose a node: %w", errors.ErrUnsupported)
}
