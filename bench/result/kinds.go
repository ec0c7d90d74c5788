package result

// The kinds of faults that trials are of; see package fault.
const (
	KindLeaderKill      = "leader-kill"
	KindLeaderDiskStall = "leader-disk-stall"
	KindLeaderDiskSlow  = "leader-disk-slow"
	KindPowerLoss       = "power-loss"
	KindNoOp            = "noop"
	// KindLeaderStop ends the leader within the process that all nodes share.
	KindLeaderStop = "leader-stop"

	KindLeaderPause    = "leader-pause"
	KindLeaderShutdown = "leader-shutdown"
	KindLeaderTransfer = "leader-transfer"
	KindFollowerKill   = "follower-kill"
	KindFollowerSlow   = "follower-slow"
	KindRollingRestart = "rolling-restart"
	KindChaos          = "chaos"

	KindLeaderIsolate     = "leader-isolate"
	KindLeaderIsolateSend = "leader-isolate-send"
	KindLeaderIsolateRecv = "leader-isolate-recv"
	KindPartialPartition  = "partial-partition"
	KindBridge            = "bridge"
	KindFlapping          = "flapping"
)

// ElectionFollows says whether a new leader has to follow a fault of the kind, and its trial is odd without one.
func ElectionFollows(kind string) bool {
	switch kind {
	case KindLeaderDiskStall, KindFlapping, KindNoOp, KindRollingRestart, KindChaos:
		return false
	default:
		return !Survived(kind)
	}
}

// Survived says whether the leader goes on leading through a fault of the kind, so that a change of it is odd.
func Survived(kind string) bool {
	switch kind {
	case KindLeaderDiskSlow, KindPartialPartition, KindBridge, KindFollowerKill, KindFollowerSlow:
		return true
	default:
		return false
	}
}

// CutsLinks says whether a fault of the kind is one of links.
func CutsLinks(kind string) bool {
	switch kind {
	case KindLeaderIsolate, KindLeaderIsolateSend, KindLeaderIsolateRecv, KindPartialPartition, KindBridge, KindFlapping:
		return true
	default:
		return false
	}
}

// HitsFollower says whether a fault of the kind hits a follower, and not the leader.
func HitsFollower(kind string) bool { return kind == KindFollowerKill || kind == KindFollowerSlow }

// HandsOver says whether the leader hands leadership over in a fault of the kind, so that nobody has to detect
// anything.
func HandsOver(kind string) bool { return kind == KindLeaderShutdown || kind == KindLeaderTransfer }

// Mixed says whether a fault of the kind is made of several steps, of which the leader may be lost in more than one:
// its trials have no phases of a failover.
func Mixed(kind string) bool { return kind == KindRollingRestart || kind == KindChaos }
