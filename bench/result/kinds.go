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
	case KindLeaderDiskStall, KindFlapping, KindNoOp:
		return false
	default:
		return !Survived(kind)
	}
}

// Survived says whether the leader goes on leading through a fault of the kind, so that a change of it is odd.
func Survived(kind string) bool {
	switch kind {
	case KindLeaderDiskSlow, KindPartialPartition, KindBridge:
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
