package result

// FollowersFile is the name of the file of [FollowerStageRow]s.
const FollowersFile = "stages_followers.csv"

// StageRow is a row of stages.csv: one sampled proposal at the leader, microseconds from proposed; -1 when not
// observed.
type StageRow struct {
	Arm        string `csv:"arm"`
	Node       uint64 `csv:"node"`
	Index      uint64 `csv:"index"`
	BatchedUs  int64  `csv:"batched_us"`
	AppendedUs int64  `csv:"appended_us"`
	DurableUs  int64  `csv:"durable_us"` // on the leader's own disk
	CommitUs   int64  `csv:"committed_us"`
	AppliedUs  int64  `csv:"applied_us"`
	AnsweredUs int64  `csv:"answered_us"`
	// Phase is steady, or the kind of the fault that the proposal was made under.
	Phase string `csv:"phase,absent=steady"`
	Run   int    `csv:"run,absent=0"` // each has a log of its own: Run, Term and Index name an entry
	Term  uint64 `csv:"term,absent=0"`
	// WritingUs is when the write of the leader's log that has it began; Written how many entries that had, and Batch how
	// many proposals were appended to the log with it.
	WritingUs int64 `csv:"writing_us,absent=-1"`
	Batch     int   `csv:"batch,absent=0"`
	Written   int   `csv:"written,absent=0"`
	// QuorumUs is when it was durable at a majority, as far as the leader had heard, and QuorumBy at whom last.
	QuorumUs int64  `csv:"quorum_us,absent=-1"`
	QuorumBy uint64 `csv:"quorum_by,absent=0"`
}

// FollowerStageRow is a row of stages_followers.csv: what became of a sampled proposal at one follower, microseconds
// from proposed; -1 when not observed.
type FollowerStageRow struct {
	Arm        string `csv:"arm"`
	Run        int    `csv:"run"`
	Term       uint64 `csv:"term"`
	Index      uint64 `csv:"index"`
	Node       uint64 `csv:"node"`
	SentUs     int64  `csv:"sent_us"`     // the leader handed it to its transport
	ReceivedUs int64  `csv:"received_us"` // the follower's transport delivered it
	WritingUs  int64  `csv:"writing_us"`  // the follower's write began
	DurableUs  int64  `csv:"durable_us"`
	AckedUs    int64  `csv:"acked_us"`  // the leader's transport delivered the acknowledgement
	InFlight   int    `csv:"in_flight"` // messages not acknowledged, this one included, when it was sent
	Phase      string `csv:"phase"`
}

// The parts of a proposal's time at its leader. Those between append and commit are of the server that completed the
// majority.
const (
	PartQueue        = "queue"
	PartAppend       = "append"
	PartLeaderWait   = "leader_disk_wait"
	PartLeaderSync   = "leader_sync"
	PartSend         = "send"
	PartToFollower   = "to_follower"
	PartFollowerWait = "follower_disk_wait"
	PartFollowerSync = "follower_sync"
	PartAck          = "acknowledgement"
	PartNotDivided   = "not_divided"
	PartCommit       = "commit"
	PartOwnDisk      = "own_disk"
	PartApply        = "apply"
	PartAnswer       = "answer"
)

// StageParts returns the parts in the order of the way.
func StageParts() []string {
	return []string{
		PartQueue, PartAppend, PartLeaderWait, PartLeaderSync, PartSend, PartToFollower, PartFollowerWait, PartFollowerSync,
		PartAck, PartNotDivided, PartCommit, PartOwnDisk, PartApply, PartAnswer,
	}
}

// StageGroup is where the time of some proposals went, from proposed to answered at their leader: of those whose time
// is within a range of ranks. Means are used because they add up. A group that is too small (rule R9) has only its N.
type StageGroup struct {
	Group   string      `json:"group"` // all, p49 to p51, ...
	N       int         `json:"n"`
	TotalUs float64     `json:"total_us"` // the mean, and the sum of Parts
	Parts   []StagePart `json:"parts"`
	// ByLeader is the share of them whose majority the leader's own disk completed. Batch, Written and InFlight are means:
	// proposals appended at once, entries of the leader's write, and messages in flight to the follower that completed
	// it.
	ByLeader float64 `json:"by_leader"`
	Batch    float64 `json:"batch"`
	Written  float64 `json:"written"`
	InFlight float64 `json:"in_flight"`
}

// StagePart is one of its parts; see [StageParts].
type StagePart struct {
	Name   string  `json:"name"`
	MeanUs float64 `json:"mean_us"`
}

// StageClock says how well the instants of different nodes fit together.
type StageClock struct {
	// ErrorUs bounds the difference of two nodes' clocks.
	ErrorUs float64 `json:"error_us"`
	// Steps of followers in the files were compared with the one before, and Disordered of them seem to come before their
	// cause by more than the two nodes' error. In the runs and phases where a follower has such, its own steps are left
	// out.
	Steps      int `json:"steps"`
	Disordered int `json:"disordered"`
}

// LogWrites is how often the logs were synced in the steady phases.
type LogWrites struct {
	Commits int64 `json:"commits"`
	// PerCommit counts the synced writes of all nodes' logs; PerCommitLeader the leader's.
	PerCommit       float64 `json:"per_commit"`
	PerCommitLeader float64 `json:"per_commit_leader"`
}
