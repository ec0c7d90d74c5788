package raft_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/rafttest"
)

var (
	seedsFlag = flag.Int("seeds", 300, "random schedules to run")
	seedFlag  = flag.Uint64("seed", 0, "run only the random schedule of this seed, and print what happens")
)

// TestRandomSchedules runs clusters whose limits, faults and order of events are drawn from a seed, with the
// checker of package rafttest on; at the end all faults stop, and the cluster must elect a leader, agree and
// commit.
func TestRandomSchedules(t *testing.T) {
	if *seedFlag != 0 {
		runSeed(t, *seedFlag, 20_000, func(line string) { t.Log(line) })
		return
	}
	seeds, steps := *seedsFlag, 20_000
	if testing.Short() {
		seeds, steps = max(1, seeds/10), 20_000
	}
	if raceEnabled {
		seeds = max(1, seeds/5)
	}
	var sum totals
	for seed := range uint64(seeds) {
		sum.add(runSeed(t, seed+1, steps, nil))
		if t.Failed() {
			return
		}
	}
	t.Logf("%d seeds: %+v", seeds, sum)
	sum.check(t, seeds)
}

func runSeed(t *testing.T, seed uint64, steps int, trace func(string)) (sum totals) {
	t.Helper()
	repeat := fmt.Sprintf("go test ./raft -tags invariants -run 'TestRandomSchedules$' -v -seed=%d", seed)
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v\n%s\n%s", p, debug.Stack(), repeat)
		}
	}()
	s, err := newSchedule(seed, trace)
	if err != nil {
		t.Fatalf("%v\n%s", err, repeat)
	}
	for step := range steps {
		s.step()
		if err := s.c.Err(); err != nil {
			t.Fatalf("step %d: %v\n%s", step, err, repeat)
		}
	}
	if err := s.heal(); err != nil {
		t.Fatalf("after all faults stopped: %v\n%s", err, repeat)
	}
	s.sum.Committed = int(s.c.Committed())
	s.sum.Reads = s.c.SafeReads()
	return s.sum
}

// schedule is one cluster and the chances of what happens to it.
type schedule struct {
	c       *rafttest.Cluster
	rng     *rand.Rand
	ids     []raft.NodeID
	actions []action
	weights int
	newest  int                 // in how many of 4 deliveries the newest message is taken, so that old ones linger
	slow    map[raft.NodeID]int // one write in so many attempts becomes durable
	next    int
	lease   bool  // all nodes' time passes at once
	clock   int64 // of all, with leases
	sum     totals
	leader  map[raft.Term]bool
}

type action struct {
	weight int
	do     func(*schedule)
}

// tickNanos is what clocks show between two ticks, where leases are on.
const tickNanos = 1000

var errInjected = errors.New("injected read error")

func newSchedule(seed uint64, trace func(string)) (*schedule, error) {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	cfg := drawConfig(rng, seed)
	c, err := rafttest.New(rafttest.Options{
		Nodes: []int{1, 2, 3, 3, 3, 3, 4, 5, 5, 6}[rng.IntN(10)], Joining: []int{0, 0, 1, 3}[rng.IntN(4)],
		Config: cfg, Trace: trace,
	})
	if err != nil {
		return nil, err
	}
	s := &schedule{
		c: c, rng: rng, leader: map[raft.Term]bool{}, slow: map[raft.NodeID]int{}, newest: []int{0, 0, 1, 3}[rng.IntN(4)],
		lease: cfg.LeaseNanos > 0,
	}
	for _, n := range c.Nodes() {
		s.ids = append(s.ids, n.ID())
		s.slow[n.ID()] = []int{1, 1, 1, 10}[rng.IntN(4)]
	}
	// A fault class is off, rare or frequent in a whole run.
	fault := func(most int) int { return []int{0, 1, most}[rng.IntN(3)] }
	s.actions = []action{
		{20 + rng.IntN(200), (*schedule).tick},
		{200, (*schedule).deliver},
		{20 + rng.IntN(100), (*schedule).persist},
		{60, (*schedule).report},
		{20 + rng.IntN(60), (*schedule).apply},
		{20 + rng.IntN(60), (*schedule).fetch},
		{10 + rng.IntN(50), (*schedule).propose},
		{60, (*schedule).release},
		{fault(30), (*schedule).hold},
		{fault(30), (*schedule).drop},
		{fault(20), (*schedule).duplicate},
		{fault(60), (*schedule).reorder},
		{fault(5), (*schedule).crash},
		{fault(3), (*schedule).crashLeader},
		{fault(3), (*schedule).isolateLeader},
		{8, (*schedule).restart},
		{fault(20), (*schedule).compact},
		{40, (*schedule).chunk},
		{10, (*schedule).install},
		{fault(10), (*schedule).change},
		{fault(4), (*schedule).transfer},
		{fault(30), (*schedule).read},
		{fault(5), (*schedule).cut},
		{8, (*schedule).join},
	}
	for _, a := range s.actions {
		s.weights += a.weight
	}
	return s, nil
}

// drawConfig returns limits that are often as small as they can be.
func drawConfig(rng *rand.Rand, seed uint64) raft.Config {
	tiny := func(values ...int) int { return values[rng.IntN(len(values))] }
	cfg := raft.Config{
		ElectionTicksMin: tiny(3, 6, 10), Seed: seed,
		NoPreVote: rng.IntN(5) == 0, NoCheckQuorum: rng.IntN(5) == 0,
		MessageEntriesMax: tiny(1, 2, 5, 0), MessageBytesMax: tiny(1, 100, 0),
		InflightMessagesMax: tiny(1, 2, 4, 0), InflightBytesMax: tiny(1, 100, 0),
		UncommittedEntriesMax: tiny(1, 2, 8, 0), UncommittedBytesMax: tiny(1, 100, 0, 0),
		TailEntriesMax: tiny(1, 2, 8, 0), TailBytesMax: tiny(1, 100, 0),
		ApplyBytesMax: tiny(1, 100, 0), AdaptiveWindow: rng.IntN(4) == 0,
		SnapshotChunkBytes: tiny(3, 8, 0), SnapshotInflightBytes: tiny(1, 8, 0),
		PromoteLagMax: tiny(1, 0), ReadsMax: tiny(1, 3, 0),
	}
	cfg.ElectionTicksMax = cfg.ElectionTicksMin*2 + rng.IntN(cfg.ElectionTicksMin)
	if !cfg.NoCheckQuorum && rng.IntN(4) == 0 {
		cfg.LeaseNanos = int64(cfg.ElectionTicksMin-1) * tickNanos
	}
	return cfg
}

func (s *schedule) step() {
	r := s.rng.IntN(s.weights)
	for _, a := range s.actions {
		if r -= a.weight; r < 0 {
			a.do(s)
			break
		}
	}
	if l := s.c.Leader(); l != nil && !s.leader[l.Core().Term()] {
		s.leader[l.Core().Term()] = true
		s.sum.Leaders++
	}
}

func (s *schedule) node() *rafttest.Node { return s.c.Node(s.ids[s.rng.IntN(len(s.ids))]) }

// tick lets time pass at one node; with leases, whose safety rests on clocks, at all of them.
func (s *schedule) tick() {
	if !s.lease {
		s.c.Tick(s.node().ID())
		return
	}
	if s.rng.IntN(len(s.ids)) > 0 {
		return
	}
	s.clock += tickNanos
	for _, id := range s.ids {
		s.c.SetClock(id, s.clock)
		s.c.Tick(id)
	}
}

func (s *schedule) deliver() {
	n := s.c.Packets()
	if n == 0 {
		return
	}
	i := 0
	if s.rng.IntN(4) < s.newest {
		i = n - 1
	}
	s.count(i)
	s.c.Deliver(i)
}

func (s *schedule) reorder() {
	if n := s.c.Packets(); n > 0 {
		i := s.rng.IntN(n)
		s.count(i)
		s.c.Deliver(i)
	}
}

// count notes a message that will make its receiver remove entries.
func (s *schedule) count(i int) {
	m := s.c.Packet(i)
	if m.Kind != raft.MsgAppend {
		return
	}
	to := s.c.Node(m.To)
	entries := to.Entries()
	for k, e := range m.Span.Entries {
		index := int(m.Span.Prev.Index) + k - int(to.First().Index)
		if index >= 0 && index < len(entries) && entries[index].Term < e.Term {
			s.sum.Truncations++
			return
		}
	}
}

func (s *schedule) duplicate() {
	if n := s.c.Packets(); n > 0 {
		s.sum.Duplicates++
		s.c.Duplicate(s.rng.IntN(n))
	}
}

func (s *schedule) drop() {
	if n := s.c.Packets(); n > 0 {
		s.sum.Drops++
		s.c.Drop(s.rng.IntN(n))
	}
}

func (s *schedule) persist() {
	n := s.node()
	if s.rng.IntN(s.slow[n.ID()]) > 0 {
		return
	}
	s.c.Persist(n.ID(), 1+s.rng.IntN(3))
	if s.rng.IntN(3) > 0 {
		s.c.Report(n.ID())
	}
}

func (s *schedule) report() { s.c.Report(s.node().ID()) }

func (s *schedule) apply() { s.c.Apply(s.node().ID()) }

func (s *schedule) fetch() {
	n := s.node()
	if n.Fetches() == 0 {
		return
	}
	s.sum.Fetches++
	if s.rng.IntN(10) == 0 {
		s.c.Fetch(n.ID(), errInjected)
		return
	}
	s.c.Fetch(n.ID(), nil)
}

func (s *schedule) propose() {
	to := s.node()
	if l := s.c.Leader(); l != nil && s.rng.IntN(4) > 0 {
		to = l
	}
	var commands []string
	for range 1 + s.rng.IntN(4) {
		s.next++
		commands = append(commands, fmt.Sprintf("%d%*s", s.next, s.rng.IntN(40), ""))
	}
	s.c.Propose(to.ID(), commands...)
}

func (s *schedule) hold() { s.c.Hold(s.node().ID()) }

func (s *schedule) release() {
	if n := s.node(); n.Held() {
		s.c.Release(n.ID())
	}
}

func (s *schedule) crash() { s.crashNode(s.node()) }

func (s *schedule) crashLeader() {
	if l := s.c.Leader(); l != nil {
		s.crashNode(l)
	}
}

// isolateLeader cuts the leader off, in one direction or in both.
func (s *schedule) isolateLeader() {
	l := s.c.Leader()
	if l == nil {
		return
	}
	how := s.rng.IntN(3)
	for _, id := range s.ids {
		if how != 0 {
			s.c.Cut(l.ID(), id)
		}
		if how != 1 {
			s.c.Cut(id, l.ID())
		}
	}
}

func (s *schedule) crashNode(n *rafttest.Node) {
	if n.Up() {
		s.sum.Crashes++
		s.c.Crash(n.ID(), s.rng.IntN(n.Writes()+1), n.Applied()-raft.Index(s.rng.Uint64N(uint64(n.Applied())+1)))
	}
}

func (s *schedule) restart() {
	if n := s.node(); !n.Up() {
		s.sum.Restarts++
		s.c.Restart(n.ID())
	}
}

func (s *schedule) cut() {
	a, b := s.node().ID(), s.node().ID()
	s.c.Cut(a, b)
	if s.rng.IntN(2) == 0 {
		s.c.Cut(b, a)
	}
}

func (s *schedule) join() {
	if s.rng.IntN(2) == 0 {
		s.c.HealAll()
		return
	}
	s.c.Heal(s.node().ID(), s.node().ID())
}
