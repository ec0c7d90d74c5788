package fault

import (
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

	LeaderPause    = result.KindLeaderPause
	LeaderShutdown = result.KindLeaderShutdown
	LeaderTransfer = result.KindLeaderTransfer
	FollowerKill   = result.KindFollowerKill
	FollowerSlow   = result.KindFollowerSlow
	RollingRestart = result.KindRollingRestart
	Chaos          = result.KindChaos

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
		LeaderKill, LeaderPause, LeaderShutdown, LeaderTransfer, RollingRestart, FollowerKill, FollowerSlow,
		LeaderIsolate, LeaderIsolateSend, LeaderIsolateRecv, PartialPartition, Bridge, Flapping,
		LeaderDiskStall, LeaderDiskSlow, PowerLoss, Chaos, NoOp,
	}
}

// Describe returns a sentence about a kind.
func Describe(kind string) string {
	switch kind {
	case LeaderKill:
		return "SIGKILL of the leader's process; it is started again after the watch"
	case LeaderPause:
		return "SIGSTOP of the leader's process, and SIGCONT after the watch: for a moment two nodes take themselves for " +
			"the leader"
	case LeaderShutdown:
		return "SIGTERM of the leader's process, which hands leadership over and ends; it is started again after the watch"
	case LeaderTransfer:
		return "the leader is told to hand leadership over; nobody dies"
	case RollingRestart:
		return "each node in turn is stopped (SIGTERM), started again, and waited for until all have caught up"
	case FollowerKill:
		return "SIGKILL of a follower's process; it is started again after the watch"
	case FollowerSlow:
		return "a follower's process stands still for 80 of each 100 ms, until the end of the watch"
	case Chaos:
		return "three other faults of the catalogue, one after another, chosen by the seed; see the note of the trial"
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
	// Disk: the node that is hit goes on, with a worse disk, until Heal.
	Disk bool
	// Links: the nodes go on, and some do not hear each other, until Heal.
	Links bool
	// Pauses: the process of the node that is hit stands still, all the time or in turns, until Heal.
	Pauses bool
	// Follower: the node that is hit is a follower, and stays away, or slow, until Heal.
	Follower bool
	// Orderly: the leader hands leadership over before it goes, if it goes. The fault takes effect with the order.
	Orderly bool
	// Mixed: Inject does several things one after another, each healed before the next. What is published is about all
	// of it, and there are no phases of a failover.
	Mixed bool
	// FaultPorts: the nodes need theirs.
	FaultPorts bool
	// Seeded: Options.Seed decides something.
	Seeded bool
	// Election says whether a new leader follows.
	Election Election
	// WatchLeader: the watch begins when a new leader has answered. Otherwise it begins when the fault took effect: it
	// is how long the fault lasts.
	WatchLeader bool
}

// Lasts says whether clients are served while it goes on, until Heal ends it: what they see meanwhile is published. Of
// mixed faults that is all that Inject did.
func (t Traits) Lasts() bool { return t.Disk || t.Links || t.Pauses || t.Follower || t.Mixed }

// Majority says whether the fault makes sense only where a majority can go on without a node.
func (t Traits) Majority() bool {
	return t.Links || t.Pauses || t.Follower || t.Orderly || t.Mixed || t.Kills && !t.All
}

// Heals says whether Heal has something to undo.
func (t Traits) Heals() bool { return t.Kills || t.Lasts() }

// StepsTake estimates how long Inject takes with so many nodes.
func (t Traits) StepsTake(nodes int) time.Duration {
	switch {
	case t.Mixed && t.All:
		return time.Duration(nodes) * time.Second
	case t.Mixed:
		return chaosFaults * (chaosHoldMax/2 + time.Second)
	default:
		return 0
	}
}

// Of returns the traits of a kind; those of an unknown one are those of [NoOp].
func Of(kind string) Traits {
	switch kind {
	case LeaderKill:
		return Traits{Kills: true, Election: ElectionSure, WatchLeader: true}
	case LeaderPause:
		return Traits{Pauses: true, Election: ElectionSure, WatchLeader: true}
	case LeaderShutdown:
		return Traits{Kills: true, Orderly: true, Election: ElectionSure, WatchLeader: true}
	case LeaderTransfer:
		return Traits{Orderly: true, Election: ElectionSure, WatchLeader: true}
	case RollingRestart:
		return Traits{Kills: true, All: true, Mixed: true, Election: ElectionPossible}
	case FollowerKill:
		return Traits{Kills: true, Follower: true, Seeded: true, Election: ElectionNone}
	case FollowerSlow:
		return Traits{Pauses: true, Follower: true, Seeded: true, Election: ElectionNone}
	case Chaos:
		return Traits{Kills: true, Mixed: true, FaultPorts: true, Seeded: true, Election: ElectionPossible}
	case LeaderIsolate, LeaderIsolateSend, LeaderIsolateRecv:
		return Traits{Links: true, FaultPorts: true, Election: ElectionSure, WatchLeader: true}
	case PartialPartition, Bridge:
		return Traits{Links: true, FaultPorts: true, Election: ElectionNone}
	case Flapping:
		return Traits{Links: true, FaultPorts: true, Seeded: true, Election: ElectionPossible}
	case LeaderDiskStall:
		return Traits{Disk: true, FaultPorts: true, Election: ElectionPossible}
	case LeaderDiskSlow:
		return Traits{Disk: true, FaultPorts: true, Election: ElectionNone}
	case PowerLoss:
		return Traits{Kills: true, All: true, Election: ElectionSure}
	default:
		return Traits{Election: ElectionNone}
	}
}

// verbs are the names of what Inject and Heal do to the nodes that are hit; "" when it is nothing, or when the
// injection tells its steps.
func (t Traits) verbs() (hit, heal string) {
	switch {
	case t.Mixed:
		return "", ""
	case t.Orderly && t.Kills:
		return "", result.EventRestart
	case t.Kills:
		return result.EventKill, result.EventRestart
	case t.Disk:
		return result.EventBreakDisk, result.EventHealDisk
	case t.Links:
		return result.EventCutLinks, result.EventHealLinks
	case t.Pauses && t.Follower:
		return result.EventSlow, result.EventEndSlow
	case t.Pauses:
		return result.EventPause, result.EventResume
	default:
		return "", ""
	}
}

// Hits says what a fault of a kind did to the nodes that it hit when it took effect, beside the steps of its injection.
func Hits(kind string, node uint64, members []uint64, at time.Duration) []Step {
	verb, _ := Of(kind).verbs()
	return steps(kind, node, members, at, verb)
}

// Heals says what its healing does.
func Heals(kind string, node uint64, members []uint64, at time.Duration) []Step {
	_, verb := Of(kind).verbs()
	return steps(kind, node, members, at, verb)
}

func steps(kind string, node uint64, members []uint64, at time.Duration, verb string) []Step {
	if verb == "" || node == 0 {
		return nil
	}
	nodes := []uint64{node}
	if Of(kind).All {
		nodes = members
	}
	var done []Step
	for _, n := range nodes {
		done = append(done, Step{At: at, Node: n, Kind: verb, Note: kind})
	}
	return done
}
