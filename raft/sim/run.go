package sim

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Result is what came of one run.
type Result struct {
	Options   Options
	Hash      uint64     // of everything that happened, in order
	Violation *Violation // nil: none
	Coverage  Coverage
	// Tail is the end of the trace of a run with a violation.
	Tail []string
}

// Run makes one run. The same options give the same result, but for options that are not valid.
func Run(o Options) (Result, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return Result{}, fmt.Errorf("configure the simulation: %w", err)
	}
	w := newWorld(o, drawPlan(o))
	w.guarded(w.runPhases)
	w.cov.Simulated, w.cov.Checks = w.now, w.check.checked
	return Result{Options: o, Hash: w.hash, Violation: w.violation, Coverage: w.cov}, nil
}

// runPhases runs the trouble, then what must be possible after it, then the checks of the whole.
func (w *world) runPhases() {
	for _, n := range w.nodes {
		w.start(n)
	}
	w.nextArrival()
	w.startTroubles()
	w.startMembers()
	w.runUntil(w.plan.duration)
	if w.violation != nil {
		return
	}
	w.heal()
	if w.recovers() {
		w.settle()
	}
}

// heal ends all trouble.
func (w *world) heal() {
	w.tracef("all trouble ends")
	w.events.Note(raft.None, "all trouble ends")
	w.healed = true
	for _, row := range w.net.links {
		for _, l := range row {
			l.blocked, l.clogged = 0, 0
		}
	}
	for _, n := range w.nodes {
		n.disk.failing = false
		n.setRate(w.now, 1)
		w.start(n)
	}
}

// electionTimeout is the longest one.
func (w *world) electionTimeout() time.Duration {
	return time.Duration(w.config.ElectionTicksMax) * w.plan.tick * w.patience()
}

// patience is how many election timeouts count as one: a server of low priority lets some pass.
func (w *world) patience() time.Duration {
	used := [256]bool{}
	count := time.Duration(0)
	for _, m := range w.membersNow().Members {
		if !used[m.Priority] {
			used[m.Priority] = true
			count++
		}
	}
	return max(1, count)
}

// recovers demands progress within the bounds of I19: a leader that has committed in its term within 10 election
// timeouts, an answer to all that is asked within 20.
func (w *world) recovers() bool {
	timeout := w.electionTimeout()
	if !w.await("a leader that has committed in its term", 10*timeout+w.backlog(), func() bool {
		l := w.leader()
		return l != nil && l.core.TermCommitted()
	}) {
		return false
	}
	w.runUntil(w.now + timeout)
	w.clients.ended = true
	return w.await("an answer to each client", 20*timeout+8*attemptTimeout+w.backlog(), func() bool {
		return w.clients.open == 0
	})
}

// backlog is a generous bound for what a server that is far behind needs to catch up, one message at a time.
func (w *world) backlog() time.Duration {
	least, most := w.check.committedIndex(), w.check.committedIndex()
	for _, n := range w.nodes {
		if w.isMember(n) {
			most = max(most, n.disk.log.lastIndex())
			least = min(least, n.disk.log.lastIndex(), n.machine.applied)
		}
	}
	return time.Duration(most-least) * 4 * (w.plan.disk.syncMin + w.plan.applyMean + 4*time.Millisecond)
}

// await lets time pass until something is so; if it takes longer than at most, that is a violation.
func (w *world) await(what string, atMost time.Duration, done func() bool) bool {
	end := w.now + atMost
	for w.violation == nil {
		if done() {
			return true
		}
		if w.now >= end {
			w.breach(ruleLiveness, "no %s within %v: %s", what, atMost, w.state())
			return false
		}
		w.runUntil(w.now + w.plan.tick)
	}
	return false
}

// settle demands that all members become equal, and checks what the clients saw.
func (w *world) settle() {
	if !w.await("agreement of all members", 20*w.electionTimeout()+w.backlog(), w.converged) {
		return
	}
	for _, n := range w.nodes {
		if w.isMember(n) {
			w.check.sameState(n)
		}
	}
	w.await("an answer to each read", 20*w.electionTimeout(), func() bool {
		for _, n := range w.nodes {
			if n.up() && len(n.reads.asked) > 0 {
				return false
			}
		}
		return true
	})
	if r, err := checkHistory(w.clients.ops); err != nil {
		w.breach(r, "%v", err)
	}
}

// isMember reports whether a server is one of the latest committed configuration, and can be up.
func (w *world) isMember(n *node) bool {
	if n.gone {
		return false
	}
	_, is := w.membersNow().Member(n.id)
	return is
}

// converged reports whether all members have the same log and have applied it.
func (w *world) converged() bool {
	l := w.leader()
	if l == nil {
		return false
	}
	last := l.log.last()
	for _, n := range w.nodes {
		if !w.isMember(n) {
			continue
		}
		if !n.up() || n.disk.log.last() != last || n.core.CommitIndex() != last.Index || n.machine.applied != last.Index {
			return false
		}
	}
	return int(last.Index) == len(w.check.committed) || w.check.off
}

// state describes all servers in one line.
func (w *world) state() string {
	text := ""
	for _, n := range w.nodes {
		switch {
		case n.gone:
			text += fmt.Sprintf("%d gone; ", n.id)
		case !n.up():
			text += fmt.Sprintf("%d down; ", n.id)
		default:
			c := n.core
			text += fmt.Sprintf("%d %v term %d commit %d last %v durable %v applied %d; ", n.id, c.Role(), c.Term(),
				c.CommitIndex(), n.log.last(), n.disk.log.last(), n.machine.applied)
			if c.Role() == raft.Leader {
				text += fmt.Sprintf("%+v; ", c.Status().Peers)
			}
		}
	}
	return text + fmt.Sprintf("%d operations open", w.clients.open)
}
