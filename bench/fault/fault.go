package fault

import (
	"context"
	"fmt"
	"time"
)

// The kinds of the catalogue.
const (
	LeaderKill = "leader-kill"
	NoOp       = "noop"
)

// Kinds returns the names of the catalogue.
func Kinds() []string { return []string{LeaderKill, NoOp} }

// Describe returns a sentence about a kind.
func Describe(kind string) string {
	switch kind {
	case LeaderKill:
		return "SIGKILL of the leader's process; it is started again after the watch"
	case NoOp:
		return "nothing happens: the control arm"
	default:
		return "unknown"
	}
}

// Cluster is what faults need of a running cluster.
type Cluster interface {
	// Leader returns the node that leads now.
	Leader(ctx context.Context) (uint64, error)
	// Kill ends the node's process at once and returns when it is gone: the instant of the order and of the end.
	Kill(ctx context.Context, node uint64) (commanded, gone time.Duration, err error)
	// Running says whether the node's process exists.
	Running(node uint64) bool
	// Restart starts a node that was killed, on its own data, and returns when its process runs.
	Restart(ctx context.Context, node uint64) error
	// Now reads the clock of the instants.
	Now() time.Duration
}

// Injection says what was done, and when. Instants are on the cluster's clock.
type Injection struct {
	Node      uint64 // who was hit; 0 is nobody
	Commanded time.Duration
	Effective time.Duration
}

// Fault is one fault of one trial.
type Fault interface {
	// Prepare chooses whom to hit.
	Prepare(ctx context.Context, c Cluster) error
	// Inject does it.
	Inject(ctx context.Context, c Cluster) (Injection, error)
	// Check returns an error when the fault did not take effect.
	Check(c Cluster) error
	// Heal undoes it.
	Heal(ctx context.Context, c Cluster) error
}

// New returns a fault of the kind.
func New(kind string) (Fault, error) {
	switch kind {
	case LeaderKill:
		return &leaderKill{}, nil
	case NoOp:
		return noOp{}, nil
	default:
		return nil, fmt.Errorf("fault kind %q: must be one of %v", kind, Kinds())
	}
}
