package sim

import (
	"time"

	"github.com/raftmark/raftmark/raft"
)

// node is one server: its core while it is up, and what outlives a crash.
type node struct {
	id   raft.NodeID
	core *raft.Core // nil while down
	life uint32     // counts starts
	gone bool       // its disk is lost, or it was retired: it never comes back

	disk      disk
	log       chainLog // what the core handed over, durable or not
	machine   machine
	snapshots snapshots

	ready   raft.Ready
	turning bool // an event that takes what is owed is on its way

	pending map[raft.Index]proposal // given to the log and not yet applied; looked up only
	reads   readQueue

	frozen    time.Duration // it does nothing before
	rate      float64       // of its clock
	clockBase time.Duration // what its clock showed
	clockAt   time.Duration // at this virtual time

	seen     observed
	preVotes preVotes
}

// observed is what the checker last saw of a core.
type observed struct {
	role   raft.Role
	term   raft.Term
	commit raft.Index
	last   raft.Index
}

func (n *node) up() bool { return n.core != nil }

// whole reports whether the server's disk has what it ever promised.
func (n *node) whole() bool { return !n.gone && !n.disk.recovering() }

func (n *node) leads() bool { return n.core != nil && n.core.Role() == raft.Leader }

// monotonic returns what the server's clock shows.
func (n *node) monotonic(now time.Duration) time.Duration {
	return n.clockBase + time.Duration(float64(now-n.clockAt)*n.rate)
}

// setRate makes the server's clock run faster or slower from now on.
func (n *node) setRate(now time.Duration, rate float64) {
	n.clockBase, n.clockAt = n.monotonic(now), now
	n.rate = rate
}

// addNode makes a server that has not started: with the bootstrap configuration as a member of it, else as one that
// waits to be added.
func (w *world) addNode() *node {
	n := &node{id: raft.NodeID(len(w.nodes) + 1), rate: 1}
	base := raft.ConfigurationAt{}
	if w.bootstrapped(n) {
		base.Configuration = w.bootstrap
	}
	n.disk.log.configurations = []raft.ConfigurationAt{base}
	n.machine.renew()
	w.nodes = append(w.nodes, n)
	w.net.grow()
	return n
}

// bootstrapped reports whether a server is one of those that the cluster began with.
func (w *world) bootstrapped(n *node) bool { return int(n.id) <= len(w.bootstrap.Members) }

func (w *world) node(id raft.NodeID) *node { return w.nodes[id-1] }

// start boots the server's core from its disk.
func (w *world) start(n *node) {
	if n.up() || n.gone {
		return
	}
	n.life++
	cfg := w.plan.core
	cfg.ID = n.id
	if w.bootstrapped(n) {
		cfg.Bootstrap = w.bootstrap
	}
	cfg.Incarnation = uint64(n.life)
	w.finishInstall(n)
	core, err := raft.New(cfg, n.disk.boot(n.machine.applied))
	if err != nil {
		w.breach("a server starts from its disk", "server %d: %v", n.id, err)
		return
	}
	n.core = core
	n.log = n.disk.log.clone()
	n.pending = map[raft.Index]proposal{}
	n.reads = readQueue{asked: map[uint64]asked{}}
	n.turning, n.frozen = false, 0
	n.ready = raft.Ready{}
	n.preVotes = preVotes{won: map[raft.Term]bool{}}
	n.seen = observed{role: core.Role(), term: core.Term(), commit: core.CommitIndex(), last: core.LastIndex()}
	w.tracef("%d  starts: term %d, log (%v, %v], applied %d",
		n.id, core.Term(), n.log.first, n.log.last(), n.machine.applied)
	w.events.Up(n.id, core.Role(), core.Term())
	w.cov.Starts++
	w.clock(n)
	w.tickLater(n)
	w.turn(n)
}

// crash ends the server's life: the first kept writes of those under way are durable, what comes after may be torn.
func (w *world) crash(n *node, kept int, torn bool) {
	if !n.up() {
		return
	}
	w.tracef("%d  crashes, %d of %d writes kept", n.id, kept, len(n.disk.writes))
	w.events.Down(n.id)
	w.cov.Crashes++
	w.lose(n, kept, torn)
	n.machine.crash(w, n)
	n.snapshots.crash()
	n.core = nil
	n.life++ // what is on its way to it is void
	n.pending, n.reads = nil, readQueue{}
	n.log = chainLog{}
	n.ready = raft.Ready{}
	for _, other := range w.nodes {
		w.disconnect(other, n) // the connections of a process end with it
	}
}

func (w *world) restartLater(n *node) {
	w.after(between(w.serverRand, time.Millisecond, 2*time.Second), func() { w.start(n) })
}

// clock tells the core the time.
func (w *world) clock(n *node) { n.core.SetClock(int64(n.monotonic(w.now))) }

func (w *world) tickLater(n *node) {
	w.later(n, time.Duration(float64(w.plan.tick)/n.rate), event{kind: eventTick})
}

func (w *world) tick(n *node) {
	w.clock(n)
	n.core.Tick()
	w.cov.Ticks++
	if n.core.Role() == raft.Leader {
		w.check.peers(n)
	}
	w.check.bounded(n)
	w.turn(n)
	w.tickLater(n)
}

// turn takes what the core owes, at once or a little later, when more has come together.
func (w *world) turn(n *node) {
	if !n.up() || n.turning {
		return
	}
	if w.plan.turnMean == 0 {
		w.pay(n)
		return
	}
	n.turning = true
	w.later(n, expDuration(w.serverRand, w.plan.turnMean), event{kind: eventTurn})
}

// pay takes what the core owes and books it.
func (w *world) pay(n *node) {
	n.turning = false
	for n.up() && n.core.Ready(&n.ready) {
		w.take(n)
	}
	if n.up() {
		w.observe(n)
	}
}

// take books the debts of one Ready.
func (w *world) take(n *node) {
	r := &n.ready
	w.takeSnapshots(n, r)
	w.check.appends(n, r.Append)
	for i := range r.SendNow {
		w.send(n, &r.SendNow[i])
	}
	w.takeWrite(n, r)
	for i := range r.Apply {
		n.machine.jobs = append(n.machine.jobs, applyJob{apply: r.Apply[i]})
	}
	w.startApply(n)
	for _, f := range r.Fetch {
		w.fetch(n, f)
	}
	w.takeReads(n, r)
	w.startSync(n)
}

// takeWrite queues a write, and the messages that wait for it or for the one before.
func (w *world) takeWrite(n *node, r *raft.Ready) {
	if r.Write != 0 {
		x := write{id: r.Write, spans: append([]raft.Span(nil), r.Append...), end: n.log.lastIndex()}
		x.sum, _ = n.log.sum(x.end)
		if r.HardState != nil {
			hard := *r.HardState
			x.hard = &hard
		}
		n.disk.writes = append(n.disk.writes, x)
	}
	if len(r.SendAfterSync) == 0 {
		return
	}
	if len(n.disk.writes) == 0 {
		for i := range r.SendAfterSync {
			w.send(n, &r.SendAfterSync[i])
		}
		return
	}
	x := &n.disk.writes[len(n.disk.writes)-1]
	x.sends = append(x.sends, r.SendAfterSync...)
}

// fetch reads entries for a slow follower.
func (w *world) fetch(n *node, f raft.Fetch) {
	w.cov.Fetches++
	w.later(n, expDuration(w.serverRand, 100*time.Microsecond), event{kind: eventDo, do: func() {
		span, err := n.log.read(f.After, f.Upto, f.BytesMax)
		if w.on(DiskError) && w.serverRand.IntN(100) == 0 {
			span, err = raft.Span{}, errInjected
		}
		n.core.Fetched(f, span, err)
		w.turn(n)
	}})
}
