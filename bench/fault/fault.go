package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/result"
)

// The kinds of the catalogue.
const (
	LeaderKill      = result.KindLeaderKill
	LeaderDiskStall = result.KindLeaderDiskStall
	LeaderDiskSlow  = result.KindLeaderDiskSlow
	PowerLoss       = result.KindPowerLoss
	NoOp            = result.KindNoOp

	LeaderIsolate     = result.KindLeaderIsolate
	LeaderIsolateSend = result.KindLeaderIsolateSend
	LeaderIsolateRecv = result.KindLeaderIsolateRecv
	PartialPartition  = result.KindPartialPartition
	Bridge            = result.KindBridge
	Flapping          = result.KindFlapping
)

// Kinds returns the names of the catalogue.
func Kinds() []string {
	return []string{
		LeaderKill, LeaderIsolate, LeaderIsolateSend, LeaderIsolateRecv, PartialPartition, Bridge, Flapping,
		LeaderDiskStall, LeaderDiskSlow, PowerLoss, NoOp,
	}
}

// Describe returns a sentence about a kind.
func Describe(kind string) string {
	switch kind {
	case LeaderKill:
		return "SIGKILL of the leader's process; it is started again after the watch"
	case LeaderIsolate:
		return "the leader and the others do not hear each other, until the end of the watch"
	case LeaderIsolateSend:
		return "the others do not hear the leader; it hears them"
	case LeaderIsolateRecv:
		return "the leader does not hear the others; they hear it"
	case PartialPartition:
		return "the leader and one follower do not hear each other; all others do"
	case Bridge:
		return "two sides, the leader's with a majority, that share one follower and do not hear each other"
	case Flapping:
		return "all links of the leader are cut and healed in turns of 50 to 500 ms, until the end of the watch"
	case LeaderDiskStall:
		return "each sync of the leader's log hangs until the end of the watch"
	case LeaderDiskSlow:
		return "each sync of the leader's log takes disk_delay longer until the end of the watch"
	case PowerLoss:
		return "SIGKILL of all processes at one instant; all are started again after the watch"
	case NoOp:
		return "nothing happens: the control arm"
	default:
		return "unknown"
	}
}

// Election says whether a new leader follows a fault.
type Election string

// The answers.
const (
	ElectionNone     Election = "none" // an election would be something odd
	ElectionPossible Election = "possible"
	ElectionSure     Election = "sure" // a trial without one was not what it is called
)

// Traits are what a trial of a kind is like.
type Traits struct {
	// Kills: Inject ends processes, and Heal starts them again.
	Kills bool
	// All: every node is hit, and not only the leader.
	All bool
	// Disk: the node that is hit goes on, with a worse disk, until Heal. The nodes need their fault ports.
	Disk bool
	// Links: the nodes go on, and some do not hear each other, until Heal. The nodes need their fault ports.
	Links bool
	// Election says whether a new leader follows.
	Election Election
	// WatchLeader: the watch begins when a new leader has answered. Otherwise it begins when the fault took effect: it
	// is how long the fault lasts.
	WatchLeader bool
}

// Lasts says whether the nodes that are hit go on, until Heal ends what was done to them.
func (t Traits) Lasts() bool { return t.Disk || t.Links }

// Of returns the traits of a kind; those of an unknown one are those of [NoOp].
func Of(kind string) Traits {
	switch kind {
	case LeaderKill:
		return Traits{Kills: true, Election: ElectionSure, WatchLeader: true}
	case LeaderIsolate, LeaderIsolateSend, LeaderIsolateRecv:
		return Traits{Links: true, Election: ElectionSure, WatchLeader: true}
	case PartialPartition, Bridge:
		return Traits{Links: true, Election: ElectionNone}
	case Flapping:
		return Traits{Links: true, Election: ElectionPossible}
	case LeaderDiskStall:
		return Traits{Disk: true, Election: ElectionPossible}
	case LeaderDiskSlow:
		return Traits{Disk: true, Election: ElectionNone}
	case PowerLoss:
		return Traits{Kills: true, All: true, Election: ElectionSure}
	default:
		return Traits{Election: ElectionNone}
	}
}

// DelayMax bounds Options.Delay.
const DelayMax = time.Minute

// Options are what kinds of faults have to be told; those that a kind does not have are ignored.
type Options struct {
	// Delay is how much longer a sync of the log takes with leader-disk-slow, above 0 and at most DelayMax. Default 20 ms,
	// which is a disk that turns. Higher: the leader answers later; the quorum does not need it.
	Delay time.Duration
	// Seed decides the turns of flapping. Default 0: the nodes' own.
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
