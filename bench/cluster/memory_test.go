//go:build !race

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// What the proof of the memory caps is asked for; make test-memory sets them.
const (
	memoryMinutesEnv = "RAFTMARK_MEMORY_MINUTES" // how long the follower is stopped; a sample of 4 s without it
	memoryValueEnv   = "RAFTMARK_MEMORY_VALUE"   // bytes of a write's value; 1 KiB without it
	memoryOutEnv     = "RAFTMARK_MEMORY_OUT"     // folder for memory.csv and memory.md; none without it
)

const mib = 1 << 20

// What a leader may take. The limit is the Go runtime's: of its heap, its stacks, and what it keeps for itself. Not
// in it is what Pebble takes from the C allocator: memtables, and a block cache that shrinks by what these take.
const (
	memoryLimit = 256 * mib
	// The limit is a soft one: the runtime may be above it until its collector is done, and at 64 MiB of entries kept
	// for followers it comes within some KiB of it.
	memoryOverrun = memoryLimit / 32
	// Each store takes as many memtables as it may have before writes stop (memTablesMax of storage/pebble and kv),
	// and the blocks that iterators hold although the memtables left no room for them in the cache.
	logOutside     = 3*storage.MemTableBytesDefault + storage.CacheBytesDefault
	machineOutside = 4*kv.MemTableBytesDefault + kv.CacheBytesDefault
	// The C allocator's own waste, and the stacks of threads.
	allocatorOutside = 16 * mib
)

// What a leader's data folder may take.
const (
	// The budget of the log, and what its files have beside it: recycled write-ahead logs, one for each memtable, and
	// a table of compacted entries, which is dropped whole (tableBytes of storage/pebble).
	logBesides = storage.WALPrimeBytesDefault + 3*storage.MemTableBytesDefault + 64*mib
	// The machine's tables: the state twice, of which one is being merged, and level 0 at the number of tables at which
	// writes would stop (sublevelsToStop of kv).
	machineBesides = 64 * kv.MemTableBytesDefault
	// Files of storage/snapshot: two whole ones, and two that come to be.
	snapshotFiles = 4
)

// Goroutines: what a node has without clients, and for each client's connection.
const (
	goroutinesIdle    = 128
	goroutinesPerConn = 4
)

// TestMemoryOfALeaderWithAStoppedFollower stops a follower for minutes under full load, lets it catch up, and wants
// the leader to have stayed within its memory and its disk, to lead still, and all acknowledged writes to be there.
func TestMemoryOfALeaderWithAStoppedFollower(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and takes many seconds")
	}
	stopped := time.Duration(numberOf(t, memoryMinutesEnv, 4.0/60, 0) * float64(time.Minute))
	valueBytes := int(numberOf(t, memoryValueEnv, memoryValueDefault, memoryDigits))
	c := startCluster(t, Options{
		Nodes: 3, LogStorage: server.StoragePebble, Machine: server.MachinePebble, Sync: storage.SyncFsync,
		Env: []string{fmt.Sprintf("GOMEMLIMIT=%dMiB", memoryLimit/mib)},
		// The machine is saturated, its clients included: elections are not what is looked at here. The first one is
		// waited for.
		Heartbeat: 250 * time.Millisecond, ElectionMin: 2500 * time.Millisecond, ElectionMax: 4 * time.Second,
		DiskStallMax: server.StallLimit(20 * time.Second),
	})
	leader := leaderWithin(t, c)
	var follower *Node
	for _, n := range c.Nodes() {
		if n != leader {
			follower = n
		}
	}
	m := &memoryTrial{t: t, c: c, leader: leader, follower: follower}
	m.begin()
	m.load = startMemoryLoad(t, leader.ClientAddr(), valueBytes)
	defer m.load.stop()
	defer m.publish()

	m.watch("before", time.Second, nil)
	m.pause()
	m.watch("stopped", stopped, nil)
	goal := m.resume()
	caughtUp := func() bool { return m.appliedBy(follower) >= goal }
	m.watch("catching up", max(2*time.Second, min(2*time.Minute, stopped)), caughtUp)
	m.load.stop()
	m.settle()
	m.judge()
}

// numberOf returns what the environment says.
func numberOf(t *testing.T, name string, otherwise, least float64) float64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number < least {
		t.Fatalf("%s: %q, want a number, at least %v", name, text, least)
	}
	return number
}

// memoryTrial is one run of the test.
type memoryTrial struct {
	t                *testing.T
	c                *Cluster
	leader, follower *Node
	load             *memoryLoad

	start   time.Time
	term    raft.Term
	paused  bool
	samples []memorySample
	lastOps uint64
	lastAt  time.Time
	lagMax  raft.Index    // of the follower, in entries, when it went on
	behind  time.Duration // from going on to having applied what was committed then; 0: never
	resumed time.Time
}

func (m *memoryTrial) begin() {
	s := m.status(m.leader)
	m.start, m.lastAt, m.term = time.Now(), time.Now(), s.Raft.Term
}

func (m *memoryTrial) status(n *Node) server.Status {
	m.t.Helper()
	s, err := n.Status(m.t.Context())
	if err != nil {
		m.t.Fatalf("node %d under load: %v", n.ID(), err)
	}
	return s
}

func (m *memoryTrial) appliedBy(n *Node) raft.Index { return m.status(n).Raft.LastApplied }

func (m *memoryTrial) pause() {
	m.t.Helper()
	if _, _, err := m.follower.Pause(); err != nil {
		m.t.Fatal(err)
	}
	m.paused = true
}

// resume returns what is committed at that time.
func (m *memoryTrial) resume() raft.Index {
	m.t.Helper()
	goal := m.status(m.leader).Raft.CommitIndex
	if err := m.follower.Resume(); err != nil {
		m.t.Fatal(err)
	}
	m.paused, m.resumed = false, time.Now()
	m.lagMax = goal - min(goal, m.appliedBy(m.follower))
	return goal
}

// watch takes a sample a second until it is over, or done says so.
func (m *memoryTrial) watch(phase string, during time.Duration, done func() bool) {
	m.t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	ended := time.After(during)
	for {
		select {
		case <-tick.C:
			m.sample(phase)
			if done != nil && done() {
				m.behind = time.Since(m.resumed)
				return
			}
		case <-ended:
			return
		case <-m.c.Failed():
			m.t.Fatal(m.c.Err())
		case <-m.load.failed:
			m.t.Fatal(m.load.err)
		}
	}
}

// settle waits, without load, until the follower has the state of the leader.
func (m *memoryTrial) settle() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	for m.appliedBy(m.follower) < m.appliedBy(m.leader) {
		select {
		case <-ctx.Done():
			m.t.Fatalf("the follower has not caught up: it has applied %d, the leader %d", m.appliedBy(m.follower),
				m.appliedBy(m.leader))
		case <-time.After(pollInterval):
		}
	}
	if m.behind == 0 {
		m.behind = time.Since(m.resumed)
	}
	of, err := m.leader.StatusWithHash(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	by, err := m.follower.StatusWithHash(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	if by.StateIndex != of.StateIndex || by.StateHash != of.StateHash {
		m.t.Errorf("the states differ: leader %s at %d, follower %s at %d", of.StateHash, of.StateIndex, by.StateHash,
			by.StateIndex)
	}
	m.sample("after")
}

// judge compares what was seen with what may be.
func (m *memoryTrial) judge() {
	t := m.t
	t.Helper()
	if s := m.status(m.leader); !s.IsLeader() || s.Raft.Term != m.term {
		t.Errorf("the leader changed: node %d is %s in term %d, it led in term %d", m.leader.ID(), s.Raft.Role,
			s.Raft.Term, m.term)
	}
	for _, b := range m.bounds() {
		if b.seen > b.most {
			t.Errorf("%s of the leader: %d, want at most %d (%s)", b.name, b.seen, b.most, b.why)
		}
	}
	if runtime.GOOS != "linux" {
		t.Log("no /proc here: the resident memory was not looked at")
	}
	acknowledged, lost := m.load.check(m.leader.ClientAddr())
	if acknowledged == 0 {
		t.Error("no write was acknowledged")
	}
	for _, l := range lost {
		t.Error(l)
	}
}

// memoryBound is one condition on the maxima of the leader.
type memoryBound struct {
	name       string
	seen, most int64
	why        string
}

func (m *memoryTrial) bounds() []memoryBound {
	top := maximaOf(m.samples, m.leader.ID())
	state := m.load.stateBytes()
	binary := fileBytes(m.c.binary)
	outside := binary + logOutside + machineOutside + allocatorOutside
	logMax := int64(replicaLogBytesMax)
	return []memoryBound{
		{"memory of the Go runtime", top.runtime, memoryLimit + memoryOverrun, fmt.Sprintf(
			"GOMEMLIMIT %d MiB, which is a soft limit, and %d MiB", memoryLimit/mib, memoryOverrun/mib)},
		{"resident memory beside that", top.outside, outside, fmt.Sprintf("memtables and cache of the log %d MiB, of the "+
			"machine %d MiB, C allocator %d MiB, the program's file %d MiB", logOutside/mib, machineOutside/mib,
			allocatorOutside/mib, binary/mib)},
		{"resident memory", top.rss, memoryLimit + memoryOverrun + outside, "the sum of both"},
		{"goroutines", top.goroutines, goroutinesIdle + goroutinesPerConn*memoryClients, fmt.Sprintf(
			"%d, and %d for each of %d clients", goroutinesIdle, goroutinesPerConn, memoryClients)},
		{"log by size of entries", top.logBytes, logMax, "log_bytes_max"},
		{"disk of log/", top.logDisk, logMax + logBesides, fmt.Sprintf("log_bytes_max %d MiB and %d MiB of spare files",
			logMax/mib, logBesides/mib)},
		{"disk of kv/", top.machineDisk, 2*state + machineBesides, fmt.Sprintf(
			"twice the state of %d MiB, and level 0 of at most %d MiB", state/mib, machineBesides/mib)},
		{"disk of snapshot/", top.snapshotDisk, snapshotFiles * state, fmt.Sprintf(
			"%d files of the state of %d MiB", snapshotFiles, state/mib)},
	}
}

// replicaLogBytesMax is the default of replica.Options.LogBytesMax.
const replicaLogBytesMax = 1 << 30

func fileBytes(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// publish writes the samples and their maxima, of a run that failed, too.
func (m *memoryTrial) publish() {
	m.t.Log("\n" + m.table())
	dir := os.Getenv(memoryOutEnv)
	if dir == "" {
		return
	}
	for name, text := range map[string]string{"memory.csv": csvOf(m.samples), "memory.md": m.table()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			m.t.Error(err)
		}
	}
}
