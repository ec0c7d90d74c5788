package sim

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// CrashMode says what a crash at a point of persistence leaves of what was being written.
type CrashMode uint8

// The modes.
const (
	CrashBefore CrashMode = iota // nothing
	CrashTorn                    // the first half, and a torn piece
	CrashAfter                   // all, and nobody was told
)

// String returns the mode's name.
func (m CrashMode) String() string { return [...]string{"before", "torn", "after"}[m] }

// CrashPoint names one run of the systematic part: the n-th time that any server of a scripted history is about to make
// something durable, that server or all of them crash.
type CrashPoint struct {
	N    int // from 1; 0: no crash
	Mode CrashMode
	All  bool
}

// String describes the point.
func (p CrashPoint) String() string {
	who := "one server crashes"
	if p.All {
		who = "all servers crash"
	}
	return fmt.Sprintf("%s %v point %d", who, p.Mode, p.N)
}

// crashPoint is the point of a run, and how many were passed.
type crashPoint struct {
	CrashPoint
	passed int
}

// crashAt counts a point of persistence, and reports whether the server crashed at it.
func (w *world) crashAt(n *node) bool {
	c := &w.crashes
	c.passed++
	if c.N != c.passed {
		return false
	}
	victims := []*node{n}
	if c.All {
		victims = w.nodes
	}
	w.cov.CrashPoints++
	for _, v := range victims {
		kept := 0
		switch c.Mode {
		case CrashTorn:
			kept = len(v.disk.writes) / 2
		case CrashAfter:
			kept = len(v.disk.writes)
		case CrashBefore:
		}
		w.crash(v, kept, c.Mode == CrashTorn)
		w.after(20*time.Millisecond, func() { w.start(v) })
	}
	return true
}

// scriptedPlan is the history of the systematic part: a second of 200 operations on three servers, with tiny logs, so
// that they are compacted; one server is cut off for a while, so that it needs a snapshot.
func scriptedPlan(seed uint64) *plan {
	return &plan{
		classes: Compaction, duration: time.Second, servers: 3, tick: 10 * time.Millisecond,
		core: raft.Config{ElectionTicksMin: 5, ElectionTicksMax: 12, Seed: seed, SnapshotChunkBytes: 500, TailEntriesMax: 5},
		network: networkPlan{
			delayMin: 200 * time.Microsecond, delayMean: 100 * time.Microsecond, queueMax: 4096,
		},
		disk:      diskPlan{syncMin: 200 * time.Microsecond, syncMean: 100 * time.Microsecond},
		applyMean: 50 * time.Microsecond, opsPerSecond: 200, clients: 4, keys: 20, readsLog: 5, sessions: true,
		logEntriesMax: 25, persistMean: 100 * time.Millisecond,
	}
}

// RunCrashPoint makes one run of the systematic part. It returns how many points of persistence the run passed.
func RunCrashPoint(seed uint64, at CrashPoint, trace func(string)) (Result, int) {
	o := Options{Seed: seed, Trace: trace}.WithDefaults()
	w := newWorld(o, scriptedPlan(seed))
	w.crashes.CrashPoint = at
	w.after(150*time.Millisecond, func() { w.blockBoth(w.nodes[2:], w.nodes, 350*time.Millisecond) })
	w.guarded(w.runPhases)
	w.cov.Simulated, w.cov.Checks = w.now, w.check.checked
	return Result{Options: o, Hash: w.hash, Violation: w.violation, Coverage: w.cov}, w.crashes.passed
}
