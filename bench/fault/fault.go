package fault

import (
	"context"
	"fmt"
	"time"
)

// DelayMax bounds Options.Delay.
const DelayMax = time.Minute

// Options are what kinds of faults have to be told; those that a kind does not have are ignored.
type Options struct {
	// Delay is how much longer a sync of the log takes with leader-disk-slow, above 0 and at most DelayMax. Default 20 ms,
	// which is a disk that turns. Higher: the leader answers later; the quorum does not need it.
	Delay time.Duration
	// Seed decides the turns of flapping, which follower is hit, and the mix of chaos. Default 0: it is a seed as others,
	// and with flapping the nodes' own.
	Seed uint64
}

// WithDefaults returns a copy with every zero field at its default.
func (o Options) WithDefaults() Options {
	if o.Delay == 0 {
		o.Delay = 20 * time.Millisecond
	}
	return o
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	if o.Delay < 0 || o.Delay > DelayMax {
		return fmt.Errorf("Delay: %v, want above 0 and at most %v", o.Delay, DelayMax)
	}
	return nil
}

// Cluster is what faults need of a running cluster.
type Cluster interface {
	// Leader returns the node that leads now.
	Leader(ctx context.Context) (uint64, error)
	// Members returns all nodes, those that do not run included.
	Members() []uint64
	// Kill ends the node's process at once and returns when it is gone: the instant of the order and of the end.
	Kill(ctx context.Context, node uint64) (commanded, gone time.Duration, err error)
	// KillAll ends all processes at one instant and returns when the last is gone: the instant of the order and of that.
	KillAll(ctx context.Context) (commanded, gone time.Duration, err error)
	// Running says whether the node's process exists.
	Running(node uint64) bool
	// Restart starts a node that was killed, on its own data, and returns when its process runs.
	Restart(ctx context.Context, node uint64) error
	// RestartAll starts all nodes at once, each on its own data, and returns when their processes run.
	RestartAll(ctx context.Context) error
	// Stop ends the node's process in order (SIGTERM), which hands leadership over first, and returns when it is gone: the
	// instant of the order and of the end. It is an error when the process had to be killed at the end of ctx.
	Stop(ctx context.Context, node uint64) (commanded, gone time.Duration, err error)
	// Pause stops the node's process as it is (SIGSTOP) and returns when it stands still: the instant of the order and of
	// that.
	Pause(ctx context.Context, node uint64) (commanded, stopped time.Duration, err error)
	// Paused says whether the node's process stands still.
	Paused(node uint64) (bool, error)
	// Resume lets a paused process go on.
	Resume(ctx context.Context, node uint64) error
	// HandOver tells the node, which leads, to hand leadership over, and returns who leads then.
	HandOver(ctx context.Context, node uint64) (to uint64, err error)
	// AwaitCaughtUp returns when some node leads and all have applied what was committed when it was seen first.
	AwaitCaughtUp(ctx context.Context) error
	// BreakDisk makes syncs of the node's log slow, until HealDisk or the end of its process.
	BreakDisk(ctx context.Context, node uint64, f DiskFault) error
	// DiskHits returns how many syncs have met what BreakDisk did.
	DiskHits(ctx context.Context, node uint64) (uint64, error)
	// HealDisk undoes BreakDisk; syncs that hang go on.
	HealDisk(ctx context.Context, node uint64) error
	// CutLinks keeps the node from sending to others, or hearing them, until HealLinks or the end of its process.
	CutLinks(ctx context.Context, node uint64, cuts ...LinkCut) error
	// LinkHits returns how much has met what CutLinks did at the node.
	LinkHits(ctx context.Context, node uint64) (uint64, error)
	// HealLinks undoes CutLinks at the node.
	HealLinks(ctx context.Context, node uint64) error
	// Now reads the clock of the instants.
	Now() time.Duration
}

// DiskFault is what happens to each sync of a node's log.
type DiskFault struct {
	// Delay is how much longer it takes; 0 is until HealDisk.
	Delay time.Duration
}

// LinkCut is what happens to a node's links.
type LinkCut struct {
	// Peer is the node at the other end; 0 is each.
	Peer uint64
	// Send and Receive say which way is cut, as seen from the node.
	Send, Receive bool
	// FlapMin and FlapMax, when not 0, bound the turns in which it is cut and healed, by the seed.
	FlapMin, FlapMax time.Duration
	Seed             uint64
}

// Injection says what was done, and when. Instants are on the cluster's clock.
type Injection struct {
	Node      uint64 // who was hit; of all nodes, the one that led; 0 is nobody
	Commanded time.Duration
	Effective time.Duration
	// Steps are what was done one after another, by faults that are made of such steps; Note is what of it was drawn.
	Steps []Step
	Note  string
}

// Step is something that was done to a node; to none in particular when that is 0.
type Step struct {
	At   time.Duration
	Node uint64
	Kind string
	Note string
}

// Fault is one fault of one trial.
type Fault interface {
	// Prepare chooses whom to hit.
	Prepare(ctx context.Context, c Cluster) error
	// Inject does it.
	Inject(ctx context.Context, c Cluster) (Injection, error)
	// Check returns an error when the fault did not take effect; it may wait for that.
	Check(ctx context.Context, c Cluster) error
	// Heal undoes it.
	Heal(ctx context.Context, c Cluster) error
}

// New returns a fault of the kind.
func New(kind string, o Options) (Fault, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("options of fault %s: %w", kind, err)
	}
	switch kind {
	case LeaderKill:
		return &leaderKill{}, nil
	case LeaderPause:
		return &leaderPause{}, nil
	case LeaderShutdown:
		return &leaderShutdown{}, nil
	case LeaderTransfer:
		return &leaderTransfer{}, nil
	case FollowerKill:
		return &followerKill{seed: o.Seed}, nil
	case FollowerSlow:
		return &followerSlow{seed: o.Seed}, nil
	case RollingRestart:
		return &rollingRestart{}, nil
	case Chaos:
		return newChaos(o), nil
	case LeaderIsolate:
		return &links{plan: isolate(LinkCut{Send: true, Receive: true})}, nil
	case LeaderIsolateSend:
		return &links{plan: isolate(LinkCut{Send: true})}, nil
	case LeaderIsolateRecv:
		return &links{plan: isolate(LinkCut{Receive: true})}, nil
	case PartialPartition:
		return &links{plan: loseOne}, nil
	case Bridge:
		return &links{plan: bridge}, nil
	case Flapping:
		return &links{plan: isolate(LinkCut{
			Send: true, Receive: true, FlapMin: flapMin, FlapMax: flapMax, Seed: o.Seed,
		})}, nil
	case LeaderDiskStall:
		return &leaderDisk{}, nil
	case LeaderDiskSlow:
		slow := &leaderDisk{}
		slow.fault.Delay = o.Delay
		return slow, nil
	case PowerLoss:
		return &powerLoss{}, nil
	case NoOp:
		return noOp{}, nil
	default:
		return nil, fmt.Errorf("fault kind %q: must be one of %v", kind, Kinds())
	}
}
