package result

// The kinds of events. The first are steps of a node, named as in packages replica and server.
const (
	EventPreCampaign       = "pre_campaign"
	EventCampaign          = "campaign"
	EventLeader            = "leader"
	EventTermCommitted     = "term_committed"
	EventFollower          = "follower"
	EventDiskStall         = "disk_stall"
	EventDiskFull          = "disk_full"
	EventDiskRoom          = "disk_room"
	EventConfig            = "config"
	EventTransfer          = "transfer"
	EventCompacted         = "compacted"
	EventSnapshotSent      = "snapshot_sent"
	EventSnapshotInstalled = "snapshot_installed"
	EventPeerUp            = "peer_up"
	EventPeerDown          = "peer_down"
	EventSilenced          = "silenced"
	EventStart             = "start" // also of the bench, which lets a node join
	EventStop              = "stop"  // also of the bench, which removed a node
	EventFail              = "fail"
	EventStorageFailed     = "storage_failed"

	// What the bench did to a node.
	EventKill          = "kill"
	EventOrderStop     = "order-stop"
	EventRestart       = "restart"
	EventCaughtUp      = "caught-up" // after a restart in turn: all nodes have
	EventPause         = "pause"
	EventResume        = "resume"
	EventOrderTransfer = "order-transfer"
	EventBreakDisk     = "break-disk"
	EventHealDisk      = "heal-disk"
	EventCutLinks      = "cut-links"
	EventHealLinks     = "heal-links"
	EventSlow          = "slow"
	EventEndSlow       = "end-slow"

	// What the bench was doing. The outcome of a point of a search is an event of its own kind: OutcomeHeld and so on.
	EventRun      = "run"
	EventPhase    = "phase"
	EventStep     = "step"
	EventStepDone = "step-done"
	EventOffer    = "offer"
	EventAnomaly  = "anomaly"
)

// EventKinds returns the kinds of events of nodes, and of what was done to them.
func EventKinds() []string {
	return []string{
		EventPreCampaign, EventCampaign, EventLeader, EventTermCommitted, EventFollower, EventDiskStall, EventDiskFull,
		EventDiskRoom, EventConfig, EventTransfer, EventCompacted, EventSnapshotSent, EventSnapshotInstalled, EventPeerUp,
		EventPeerDown, EventSilenced, EventStart, EventStop, EventFail, EventStorageFailed, EventKill, EventOrderStop,
		EventRestart, EventCaughtUp, EventPause, EventResume, EventOrderTransfer, EventBreakDisk, EventHealDisk,
		EventCutLinks, EventHealLinks, EventSlow, EventEndSlow,
	}
}
