package sim

import (
	"math/rand/v2"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// trouble is what a class does each time that it strikes. Classes that are not here work elsewhere, all the time:
// loss, duplicates, late messages, torn writes.
type trouble struct {
	class Class
	do    func(*world, *rand.Rand)
}

func troubles() []trouble {
	return []trouble{
		{Replay, func(w *world, rng *rand.Rand) {
			for range 1 + rng.IntN(10) {
				w.replay()
			}
		}},
		{Reset, func(w *world, rng *rand.Rand) { w.reset(w.anyNode(rng), w.anyNode(rng)) }},
		{Clog, (*world).clog},
		{Cut, (*world).cutSome},
		{Partition, (*world).partition},
		{Flap, (*world).flap},
		{Crash, (*world).crashOne},
		{CrashAll, (*world).crashAll},
		{Stall, (*world).stall},
		{DiskError, func(w *world, rng *rand.Rand) { w.anyNode(rng).disk.failing = true }},
		{Wipe, (*world).wipe},
		{Freeze, (*world).freeze},
		{Drift, (*world).drift},
		{Damage, (*world).damage},
		{Hint, func(w *world, rng *rand.Rand) { w.disconnect(w.anyNode(rng), w.anyNode(rng)) }},
	}
}

// startTroubles schedules each class of the plan, at random times for as long as the trouble lasts.
func (w *world) startTroubles() {
	for _, t := range troubles() {
		if w.plan.classes&t.class != 0 {
			w.nextTrouble(t)
		}
	}
}

func (w *world) nextTrouble(t trouble) {
	rng := w.troubleRands[t.class]
	w.after(expDuration(rng, w.plan.every[t.class]), func() {
		if w.healed {
			return
		}
		t.do(w, rng)
		w.nextTrouble(t)
	})
}

// lasts draws how long a trouble lasts, at most until all trouble ends.
func (w *world) lasts(rng *rand.Rand, low, high time.Duration) time.Duration {
	d := between(rng, low, high)
	if rng.IntN(10) > 0 {
		d = min(d, low+expDuration(rng, (high-low)/40))
	}
	return max(0, min(d, w.plan.duration-w.now))
}

func (w *world) anyNode(rng *rand.Rand) *node { return w.nodes[rng.IntN(len(w.nodes))] }

// leader returns the leader of the newest term, or nil.
func (w *world) leader() *node {
	var leader *node
	for _, n := range w.nodes {
		if n.leads() && (leader == nil || n.core.Term() > leader.core.Term()) {
			leader = n
		}
	}
	return leader
}

// victim draws a server, often the leader.
func (w *world) victim(rng *rand.Rand) *node {
	n := w.anyNode(rng)
	if l := w.leader(); l != nil && rng.IntN(2) == 0 {
		return l
	}
	return n
}

func (w *world) crashOne(rng *rand.Rand) { w.crashNow(w.victim(rng), rng) }

func (w *world) crashNow(n *node, rng *rand.Rand) {
	kept := rng.IntN(len(n.disk.writes) + 1)
	w.crash(n, kept, w.on(Torn) && rng.IntN(2) == 0)
	wait := between(rng, time.Millisecond, 500*time.Millisecond)
	if rng.IntN(5) == 0 {
		wait *= 20
	}
	w.after(wait, func() { w.start(n) })
}

func (w *world) crashAll(rng *rand.Rand) {
	w.cov.CrashesAll++
	for _, n := range w.nodes {
		w.crashNow(n, rng)
	}
}

func (w *world) stall(rng *rand.Rand) {
	w.cov.Stalls++
	n := w.victim(rng)
	n.disk.stalled = w.now + w.lasts(rng, 10*time.Millisecond, 5*time.Second)
}

// freeze stops a server, as SIGSTOP or the pause of a virtual machine does. Its clock goes on.
func (w *world) freeze(rng *rand.Rand) {
	w.cov.Freezes++
	n := w.victim(rng)
	n.frozen = w.now + w.lasts(rng, 10*time.Millisecond, 60*time.Second)
	w.tracef("%d  stands still until %v", n.id, n.frozen)
	w.events.Note(n.id, "stands still")
}

func (w *world) drift(rng *rand.Rand) {
	w.cov.Drifts++
	n := w.anyNode(rng)
	n.setRate(w.now, w.drawRate(rng))
}

// drawRate draws the speed of a clock. Leases trust clocks to some degree.
func (w *world) drawRate(rng *rand.Rand) float64 {
	if w.plan.core.LeaseNanos > 0 {
		return 1 - driftMax + 2*driftMax*rng.Float64()
	}
	return pick(rng, 0.5, 1, 2, 0.5+1.5*rng.Float64())
}

// driftMax is how much slower or faster than time a clock may be that leases trust.
const driftMax = 0.1

func (w *world) clog(rng *rand.Rand) {
	w.cov.Clogs++
	a := w.anyNode(rng)
	for _, b := range w.nodes {
		if a != b && rng.IntN(2) == 0 {
			w.net.link(a.id, b.id).clogged = w.now + w.lasts(rng, 10*time.Millisecond, 5*time.Second)
		}
	}
}

// wipe loses a disk for ever. It happens only where the rest still has a quorum of every committed entry.
func (w *world) wipe(rng *rand.Rand) {
	n := w.anyNode(rng)
	if !w.canLose(n) {
		return
	}
	w.cov.Wipes++
	w.tracef("%d  loses its disk", n.id)
	w.crash(n, 0, false)
	n.gone, n.disk.wiped = true, true
}

// damage crashes a server and takes the end of its log away, but nothing that its state machine holds: with a log that
// does not reach its state a server does not start. Term and vote are kept twice, and stay. It happens only where the
// rest still has a quorum.
func (w *world) damage(rng *rand.Rand) {
	n := w.victim(rng)
	if !n.up() || !w.canLose(n) {
		return
	}
	w.crashNow(n, rng)
	d := &n.disk
	least, last := max(d.log.first.Index, n.machine.applied), d.log.last()
	if received := n.snapshots.received; received != nil {
		return // it takes the place of the log
	}
	if least >= last.Index {
		return
	}
	end := least + raft.Index(rng.Int64N(int64(last.Index-least)))
	w.cov.Damages++
	w.tracef("%d  finds its log cut from %v to %d", n.id, last, end)
	d.had = append(d.had, d.log.clone())
	d.log.truncate(end)
	d.hard.Commit = min(d.hard.Commit, end)
	if !d.recovering() || last.UpToDate(d.hard.Recover) {
		d.hard.Recover = last
	}
}
