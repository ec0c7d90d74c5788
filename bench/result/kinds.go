package result

// The kinds of faults that trials are of; see package fault.
const (
	KindLeaderKill      = "leader-kill"
	KindLeaderDiskStall = "leader-disk-stall"
	KindLeaderDiskSlow  = "leader-disk-slow"
	KindPowerLoss       = "power-loss"
	KindNoOp            = "noop"
)

// ElectionFollows says whether a new leader has to follow a fault of the kind, and its trial is odd without one.
func ElectionFollows(kind string) bool {
	switch kind {
	case KindLeaderDiskStall, KindLeaderDiskSlow, KindNoOp:
		return false
	default:
		return true
	}
}
