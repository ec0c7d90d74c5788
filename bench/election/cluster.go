package election

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// servers is the size of the paper's cluster.
const servers = 5

// lanes keep the order of what is sent on them: a large append never holds up a vote.
const lanes = 2

// node is one server: a core and the driver's part of it.
type node struct {
	core   *raft.Core
	ready  raft.Ready
	up     bool
	paused bool
	inbox  []event // what came while it was paused

	writes  []write
	syncing int // how many of writes the sync under way covers

	role     raft.Role
	term     raft.Term
	campaign raft.Term // the last one it stood in
}

// write is what was handed to the disk, and the messages that wait for it.
type write struct {
	id    raft.WriteID
	sends []raft.Message
}

// tickPhase is when in a round a server's clock ticks.
type tickPhase struct {
	node int
	at   time.Duration
}

// cluster is one simulated cluster.
type cluster struct {
	model Model
	tick  time.Duration
	rng   *rand.Rand // of messages, disks and load
	now   time.Duration
	queue schedule
	nodes [servers]node
	// Clocks tick round after round, each at its place in the order: too often for the heap.
	ticks    [servers]tickPhase
	nextTick int           // of ticks
	round    time.Duration // when the round began
	// arrival is when the last message of a lane between two servers comes.
	arrival [servers][servers][lanes]time.Duration
	// logMax, when it is not 0, is how far a server's log may get: what reaches beyond is lost on its way.
	logMax [servers]raft.Index
	// followersFrom is when the clocks of all but the first leader begin.
	followersFrom time.Duration
	// disturbance, when not nil, delays messages.
	disturbance *Disturbance
	ratePerS    float64 // of the load; 0: none

	leaders   map[raft.Term]int // who won each term; looked up only
	committed raft.Index
	watch     func(n int) // called when a server's role or term is a new one

	heartbeats int // broadcasts by server 0 so far
	beatAt     time.Duration
	err        error
}

var (
	// ErrUnsafe is what a study ends with in which the core broke a rule.
	ErrUnsafe = errors.New("a rule of Raft is broken")
	errModel  = errors.New("the simulation does not cover this")
)

// newCluster makes five servers that have not run. Randomness comes from seed alone.
func newCluster(a Arm, tick time.Duration, seed uint64) (*cluster, error) {
	c := &cluster{
		model: a.Model, tick: tick, rng: rand.New(rand.NewPCG(seed, 1)), leaders: map[raft.Term]int{}, watch: func(int) {},
	}
	configuration := raft.NewConfiguration(1, 2, 3, 4, 5)
	switch a.Priorities {
	case LeaderFirst:
		configuration.Members[0].Priority = 1
	case FollowerFirst:
		configuration.Members[1].Priority = 1
	case Equal:
	}
	for i := range c.nodes {
		core, err := raft.New(raft.Config{
			ID: raft.NodeID(i + 1), Bootstrap: configuration, Seed: seed,
			ElectionTicksMin: int(a.Timeouts.Min / tick), ElectionTicksMax: int(a.Timeouts.Max / tick),
			HeartbeatTicks: int(a.Timeouts.Heartbeat() / tick),
			NoPreVote:      !a.Protocol.PreVote, NoCheckQuorum: !a.Protocol.CheckQuorum,
		}, raft.Boot{})
		if err != nil {
			return nil, fmt.Errorf("make server %d of %s: %w", i+1, a.Name, err)
		}
		c.nodes[i] = node{core: core, up: true}
	}
	return c, nil
}

// start lets time pass: each clock has a phase of its own. What was said before is as if it took its time: the others'
// clocks begin when it arrives.
func (c *cluster) start() {
	for i := range c.ticks {
		c.ticks[i] = tickPhase{node: i, at: uniform(c.rng, 0, c.tick)}
	}
	slices.SortFunc(c.ticks[:], func(a, b tickPhase) int { return cmp.Compare(a.at, b.at) })
	c.followersFrom = c.now + c.model.OneWayMax
	if c.ratePerS > 0 {
		c.proposeLater()
	}
}

// next returns when the next thing happens.
func (c *cluster) next() time.Duration {
	at := c.round + c.ticks[c.nextTick].at
	if len(c.queue.events) > 0 {
		at = min(at, c.queue.events[0].at)
	}
	return at
}

// advance makes the next thing happen.
func (c *cluster) advance() {
	at := c.round + c.ticks[c.nextTick].at
	if len(c.queue.events) > 0 && c.queue.events[0].at <= at {
		c.step()
		return
	}
	i := c.ticks[c.nextTick].node
	if c.nextTick++; c.nextTick == servers {
		c.nextTick, c.round = 0, c.round+c.tick
	}
	n := &c.nodes[i]
	if !n.up || n.paused || i > 0 && at < c.followersFrom { // the clock stands still
		return
	}
	c.now = at
	n.core.Tick()
	if role := n.core.Role(); role == raft.Leader || role == raft.PreCandidate || role != n.role ||
		n.core.Term() != n.term {
		c.pay(i) // else a tick has led to nothing
	}
}

func uniform(rng *rand.Rand, low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

func (c *cluster) proposeLater() {
	wait := time.Duration(c.rng.ExpFloat64() / c.ratePerS * float64(time.Second))
	c.queue.push(event{at: c.now + wait, kind: eventPropose})
}

// step makes the next event of the heap happen.
func (c *cluster) step() {
	e := c.queue.pop()
	c.now = e.at
	n := &c.nodes[e.node]
	switch e.kind {
	case eventPropose:
		c.propose()
		return
	case eventPause, eventResume:
		c.pause(e)
		return
	case eventDeliver, eventSynced:
	}
	switch {
	case !n.up:
	case n.paused:
		n.inbox = append(n.inbox, e)
	default:
		c.happen(e)
	}
}

// happen gives an event to a server that runs.
func (c *cluster) happen(e event) {
	n := &c.nodes[e.node]
	switch e.kind {
	case eventDeliver:
		if err := n.core.Step(*e.message); err != nil && c.err == nil {
			c.err = fmt.Errorf("%w: server %d refuses a message: %w", ErrUnsafe, e.node+1, err)
		}
	default:
		c.synced(n)
	}
	c.pay(e.node)
}

// propose gives a command to whoever leads.
func (c *cluster) propose() {
	c.proposeLater()
	for i := range c.nodes {
		if n := &c.nodes[i]; n.up && n.role == raft.Leader {
			n.core.Propose([]raft.Entry{{Data: make([]byte, 128)}})
			c.pay(i)
			return
		}
	}
}

// pay pays what a core owes, as package replica does.
func (c *cluster) pay(i int) {
	n := &c.nodes[i]
	for n.core.Ready(&n.ready) {
		r := &n.ready
		if len(r.Fetch)+len(r.ReadChunks)+len(r.StoreChunks) > 0 && c.err == nil {
			c.err = fmt.Errorf("%w: server %d wants more than its memory holds", errModel, i+1)
		}
		for j := range r.SendNow {
			c.send(i, r.SendNow[j])
		}
		if r.Write != 0 {
			n.writes = append(n.writes, write{id: r.Write})
		}
		c.sendAfterSync(i, r.SendAfterSync)
		if len(r.Apply) > 0 {
			n.core.Applied(r.Apply[len(r.Apply)-1].Upto)
		}
	}
	c.startSync(i)
	c.observe(i)
}

// startSync lets the disk take all that waits, when it is free: also what came during the last sync.
func (c *cluster) startSync(i int) {
	if n := &c.nodes[i]; n.syncing == 0 && len(n.writes) > 0 {
		n.syncing = len(n.writes)
		c.queue.push(event{at: c.now + uniform(c.rng, c.model.SyncMin, c.model.SyncMax), kind: eventSynced, node: i})
	}
}

// sendAfterSync keeps messages until what was given to the disk is durable.
func (c *cluster) sendAfterSync(i int, messages []raft.Message) {
	n := &c.nodes[i]
	for j := range messages {
		if c.model.RequestsEarly && messages[j].Kind == raft.MsgVote {
			c.send(i, messages[j])
			continue
		}
		last := &n.writes[len(n.writes)-1] // there is one, or the core had sent them now
		last.sends = append(last.sends, messages[j])
	}
}

// synced takes the end of a sync: what waited for it leaves.
func (c *cluster) synced(n *node) {
	done := n.writes[:n.syncing]
	n.core.Synced(done[len(done)-1].id)
	self := int(n.core.ID()) - 1
	for i := range done {
		for j := range done[i].sends {
			c.send(self, done[i].sends[j])
		}
	}
	n.writes = n.writes[:copy(n.writes, n.writes[n.syncing:])]
	n.syncing = 0
}

// send puts a message on its way.
func (c *cluster) send(from int, m raft.Message) {
	to := int(m.To) - 1
	if m.Kind == raft.MsgHeartbeat && from == 0 && to == servers-1 {
		c.heartbeats++
		c.beatAt = c.now
	}
	if most := c.logMax[to]; m.Kind == raft.MsgAppend && most > 0 && m.Span.LastIndex() > most {
		return
	}
	if !c.nodes[to].up {
		return
	}
	lane := 0
	if m.Kind == raft.MsgAppend || m.Kind == raft.MsgAppendReply {
		lane = 1
	}
	at := c.now + uniform(c.rng, c.model.OneWayMin, c.model.OneWayMax)
	if d := c.disturbance; d != nil && c.rng.IntN(d.LossOneIn) == 0 {
		at += d.LossDelay
	}
	at = max(at, c.arrival[from][to][lane])
	c.arrival[from][to][lane] = at
	c.queue.push(event{at: at, kind: eventDeliver, node: to, message: &m})
}

// crash ends a server. What it has sent arrives.
func (c *cluster) crash(i int) {
	n := &c.nodes[i]
	n.up, n.role = false, raft.Follower
	c.watch(i)
}

// pause stops a server, or lets it go on: then it takes what came meanwhile, before its clock ticks.
func (c *cluster) pause(e event) {
	n := &c.nodes[e.node]
	if e.kind == eventPause {
		n.paused = true
		lasts := pareto(c.rng, c.disturbance)
		c.queue.push(event{at: c.now + lasts, kind: eventResume, node: e.node})
		c.watch(e.node)
		return
	}
	n.paused = false
	for _, missed := range n.inbox {
		c.happen(missed)
	}
	clear(n.inbox)
	n.inbox = n.inbox[:0]
	c.pauseLater(e.node)
	c.watch(e.node)
}

func (c *cluster) pauseLater(i int) {
	wait := time.Duration(c.rng.ExpFloat64() * float64(c.disturbance.PauseEvery))
	c.queue.push(event{at: c.now + wait, kind: eventPause, node: i})
}

func pareto(rng *rand.Rand, d *Disturbance) time.Duration {
	lasts := float64(d.PauseMin) * math.Pow(1-rng.Float64(), -1/d.PauseShape)
	return time.Duration(min(lasts, float64(d.PauseMax)))
}

// observe looks at a core after it changed.
func (c *cluster) observe(i int) {
	n := &c.nodes[i]
	role, term := n.core.Role(), n.core.Term()
	if commit := n.core.CommitIndex(); commit > c.committed {
		c.committed = commit
		if c.err == nil && role == raft.Leader {
			c.watch(i)
		}
	}
	if role == n.role && term == n.term {
		return
	}
	won := role == raft.Leader && (n.role != raft.Leader || n.term != term)
	n.role, n.term = role, term
	if won {
		c.victory(i, term)
	}
	c.watch(i)
}

// victory checks Election Safety, and that the new leader has all that was committed (Leader Completeness).
func (c *cluster) victory(i int, term raft.Term) {
	if other, taken := c.leaders[term]; taken && other != i && c.err == nil {
		c.err = fmt.Errorf("%w: servers %d and %d both lead term %d (Election Safety)", ErrUnsafe, other+1, i+1, term)
	}
	c.leaders[term] = i
	if last := c.nodes[i].core.LastIndex(); last < c.committed && c.err == nil {
		c.err = fmt.Errorf("%w: server %d leads term %d with a log of %d entries, %d are committed (Leader Completeness)",
			ErrUnsafe, i+1, term, last, c.committed)
	}
}
