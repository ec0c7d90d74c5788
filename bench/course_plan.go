package bench

import (
	"time"

	"github.com/raftmark/raftmark/server"
)

// The courses.
const (
	// CourseMembers grows a cluster of 3 to 5 nodes and shrinks it to 3 others, the leader not among them.
	CourseMembers = "members"
	// CourseSnapshot stops a follower until the log was compacted past it, and brings it back by snapshot.
	CourseSnapshot = "snapshot-catch-up"
	// CourseRestart kills one follower again and again, and starts it at once, with a log of a given length.
	CourseRestart = "restart-time"
)

// Course is a fixed order of steps. The steady phase of the scenario is the control before it.
type Course struct {
	// Kind is members, snapshot-catch-up or restart-time.
	Kind string `yaml:"kind"`
	// Pause is the quiet time after each step of members and restart-time, and with snapshot-catch-up the control between
	// the backlog and the follower's return. Default 4 s.
	Pause Duration `yaml:"pause"`
	// After is the control after the last step, 1 s or more. Default 10 s.
	After Duration `yaml:"after"`
	// StepMax bounds each step; one that takes longer ends the experiment. Default 2 min.
	StepMax Duration `yaml:"step_max"`
	// Backlog is what is committed while the follower is stopped and, with members and restart-time, before
	// the warm-up: what nodes that join have to get, or what is in the log.
	Backlog Backlog `yaml:"backlog,omitempty"`
	// Restarts is how often restart-time starts the follower again, in each run. Default 5.
	Restarts int `yaml:"restarts,omitempty"`
}

// Backlog is a closed loop of writes beside the load, as fast as the cluster takes them.
type Backlog struct {
	// Entries are how many are committed; 0, with members only, is none. Default 1000000.
	Entries int `yaml:"entries"`
	// Clients are how many writes are under way. Default 512. Higher: faster, until the cluster saturates.
	Clients int `yaml:"clients"`
	// Payload is the size of a value. Default 64 B.
	Payload Size `yaml:"payload"`
	// Keys are how many keys are written, in random order; they decide how large the snapshot is. Default
	// 200000.
	Keys int `yaml:"keys"`
}

// DefaultCourse returns the course of which a file names the differences.
func DefaultCourse() Course {
	const second = Duration(time.Second)
	return Course{
		Pause: 4 * second, After: 10 * second, StepMax: 120 * second,
		Backlog: Backlog{Entries: 1_000_000, Clients: 512, Payload: 64, Keys: 200_000}, Restarts: 5,
	}
}

// The bounds of a backlog.
const (
	backlogEntriesMax = 4_000_000
	backlogClientsMax = 1 << 13
	backlogKeysMax    = 4_000_000
	restartsMax       = 100
)

func (s Scenario) validateCourse(f *faults) {
	if s.Raft != (server.RaftLimits{}) {
		plain := DefaultScenario()
		plain.Raft = s.Raft
		err := plain.clusterOptions("data", "raftmark").WithDefaults().Validate()
		f.need(err == nil, "raft", "set", "what a node takes: %v", err)
		f.need(s.Raft.SnapshotLogEntries >= 0, "raft.snapshot_log_entries", s.Raft.SnapshotLogEntries,
			"0 (the default) or more")
		f.need(s.Raft.SnapshotLogBytes >= -1, "raft.snapshot_log_bytes", s.Raft.SnapshotLogBytes, "-1 (never) or more")
		f.need(s.Raft.SnapshotKeepEntries >= -1, "raft.snapshot_keep_entries", s.Raft.SnapshotKeepEntries,
			"-1 (none) or more")
	}
	if s.Course == nil {
		return
	}
	c := s.Course
	f.oneOf("course.kind", c.Kind, CourseMembers, CourseSnapshot, CourseRestart)
	f.need(c.Restarts >= 1 && c.Restarts <= restartsMax, "course.restarts", c.Restarts, "1 to %d", restartsMax)
	f.need(s.Closed == nil, "closed", "set", "left out with a course")
	f.need(len(s.Faults) == 0, "faults", len(s.Faults), "empty with a course")
	f.need(s.Log != "mem", "log", quoted(s.Log), "pebble with a course: nodes start again, or come and go")
	f.need(s.Machine != "null", "machine", quoted(s.Machine), "one that keeps something, with a course")
	f.need(c.Kind != CourseMembers || s.Nodes == 3, "nodes", s.Nodes, "3 with course members")
	f.need(s.Nodes >= 3, "nodes", s.Nodes, "3 or more with a course")
	f.need(c.Pause >= 0 && c.Pause <= phaseMax, "course.pause", c.Pause, "0s to %s", phaseMax)
	f.need(c.After >= Duration(time.Second) && c.After <= phaseMax, "course.after", c.After, "1s to %s", phaseMax)
	f.need(c.StepMax >= s.Election.Max && c.StepMax <= phaseMax, "course.step_max", c.StepMax,
		"election.max (%s) to %s", s.Election.Max, phaseMax)
	b := c.Backlog
	least := 1
	if c.Kind == CourseMembers {
		least = 0
	}
	f.need(b.Entries >= least && b.Entries <= backlogEntriesMax, "course.backlog.entries", b.Entries, "%d to %d",
		least, backlogEntriesMax)
	f.need(b.Clients >= 1 && b.Clients <= backlogClientsMax, "course.backlog.clients", b.Clients, "1 to %d",
		backlogClientsMax)
	f.need(b.Payload >= payloadBytesMin && b.Payload <= payloadBytesMax, "course.backlog.payload", b.Payload,
		"%dB to %dB", payloadBytesMin, payloadBytesMax)
	f.need(b.Keys >= 1 && b.Keys <= backlogKeysMax, "course.backlog.keys", b.Keys, "1 to %d", backlogKeysMax)
}

// planned estimates how long a course takes.
func (c *Course) planned() time.Duration {
	const stepTime = time.Second
	const perS = 10_000 // writes of the backlog; a guess
	total := time.Duration(c.After) + time.Duration(c.Backlog.Entries)*time.Second/perS
	switch c.Kind {
	case CourseMembers:
		total += membersSteps * (time.Duration(c.Pause) + stepTime)
	case CourseRestart:
		total += time.Duration(c.Restarts) * (time.Duration(c.Pause) + 2*stepTime)
	case CourseSnapshot:
		total += 2*time.Duration(c.Pause) + 10*stepTime
	}
	return total
}
