package result

// SteadyRun is the steady phase of one run: the unit of which a comparison of arms is made (rule R8). A
// quantile whose sample is too small is null.
type SteadyRun struct {
	Run          int       `json:"run"`
	OfferedPerS  float64   `json:"offered_per_s"`
	AchievedPerS float64   `json:"achieved_per_s"`
	ResponseUs   Quantiles `json:"response_us"`
}

// Course is one run in which a cluster was led through a fixed order of steps under load. Instants are of
// the arm, as in the record files; -1 is never.
type Course struct {
	Kind string `json:"kind"` // members, snapshot-catch-up, restart-time
	Run  int    `json:"run"`
	// FromUs is where the steady phase before the first step begins, ToUs where the control after the last
	// one ends.
	FromUs   int64     `json:"from_us"`
	ToUs     int64     `json:"to_us"`
	Segments []Segment `json:"segments"` // in the order of time
	Steps    []Step    `json:"steps"`    // likewise
	Marks    []Mark    `json:"marks"`    // likewise
	// Members are the memberships, each from its instant on, as the leader had them in its log.
	Members []Mark `json:"members,omitempty"`
	// Leaderless are the times in which nobody could commit: from the last leader's end, or its order to
	// another to campaign, to the next one's first commit.
	Leaderless []Gap     `json:"leaderless"`
	CatchUp    *CatchUp  `json:"catch_up,omitempty"`
	Restarts   []Restart `json:"restarts,omitempty"` // of restart-time, in the order of time
}

// Segment is a part of a course. Response times are of the operations that were due in it, whatever became
// of them.
type Segment struct {
	Name         string    `json:"name"` // before, during, down, return, after
	Control      bool      `json:"control"`
	FromUs       int64     `json:"from_us"`
	ToUs         int64     `json:"to_us"`
	OfferedPerS  float64   `json:"offered_per_s"`
	AchievedPerS float64   `json:"achieved_per_s"`
	ResponseUs   Quantiles `json:"response_us"`
	// GapMs is the longest time without an acknowledgement that overlaps the segment.
	GapMs   float64 `json:"gap_ms"`
	OK      int64   `json:"ok"`
	Failed  int64   `json:"failed"`
	Unknown int64   `json:"unknown"`
	Shed    int64   `json:"shed"`
}

// Step is one order. Its aftermath goes on until EndUs; what the load saw is from FromUs to there.
type Step struct {
	Kind       string    `json:"kind"` // add, catch-up, promote, replace, stop, backlog, return
	Name       string    `json:"name"`
	Nodes      []uint64  `json:"nodes"`
	FromUs     int64     `json:"from_us"`
	DoneUs     int64     `json:"done_us"`
	EndUs      int64     `json:"end_us"`
	ResponseUs Quantiles `json:"response_us"`
	// OutageMs is the longest time without an acknowledgement, LeaderlessMs the sum of the times without a
	// leader.
	OutageMs       float64 `json:"outage_ms"`
	LeaderlessMs   float64 `json:"leaderless_ms"`
	LatencyDebtOpS float64 `json:"latency_debt_op_s"`
	NotOK          int64   `json:"not_ok"` // failed, unknown and shed
}

// Mark is an instant with a name.
type Mark struct {
	AtUs int64  `json:"at_us"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Gap is a stretch of time.
type Gap struct {
	FromUs int64 `json:"from_us"`
	ToUs   int64 `json:"to_us"`
}

// CatchUp is how a follower came back to a cluster that had gone on without it.
type CatchUp struct {
	Node uint64 `json:"node"`
	// Behind is how many entries were committed between its end and its return, LogFirst after which entry
	// the leader's log then began: what the follower needed from before is only in a snapshot.
	Behind         int64   `json:"behind_entries"`
	AppliedAtStop  uint64  `json:"applied_at_stop"`
	CommitAtReturn uint64  `json:"commit_at_return"`
	LogFirst       uint64  `json:"log_first"`
	BacklogPerS    float64 `json:"backlog_per_s"` // writes acknowledged while it was away, of the closed loop
	BacklogS       float64 `json:"backlog_s"`
	StartUs        int64   `json:"start_us"`     // its process was ordered to start
	AnswersUs      int64   `json:"answers_us"`   // its ports answered
	InstalledUs    int64   `json:"installed_us"` // the snapshot took the place of its log and state
	CaughtUpUs     int64   `json:"caught_up_us"` // it had applied what was committed at the start, as polled
	SnapshotBytes  int64   `json:"snapshot_bytes"`
	SnapshotIndex  uint64  `json:"snapshot_index"`
	Snapshots      int     `json:"snapshots"` // installed
}

// Restart is a start of a follower that was killed, with a log of Entries entries.
type Restart struct {
	Node       uint64 `json:"node"`
	Entries    int64  `json:"log_entries"`  // when it was killed
	StartUs    int64  `json:"start_us"`     // its process was ordered to start
	AnswersUs  int64  `json:"answers_us"`   // its ports answered
	CaughtUpUs int64  `json:"caught_up_us"` // it had applied what was committed at the start, as polled
}
