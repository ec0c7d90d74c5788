package election

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Hour is a virtual hour, or a part of one, in which no server failed.
type Hour struct {
	Elections int // that ended with a leader
	// Needless are those of them that began while the leader ran; the others replaced one that was paused, or had stepped
	// down.
	Needless int
	Stands   int           // candidacies
	PreVotes int           // rounds in which a server asked whether it would be elected
	Without  time.Duration // no server led that was not paused
}

// watcher counts what happens in an hour.
type watcher struct {
	*cluster
	out      Hour
	leader   int // who won the last election
	open     bool
	needless bool
	top      raft.Term
	since    time.Duration // nobody leads; never: somebody does
	roles    [servers]raft.Role
}

// runHour runs a cluster for a while with nothing but its disturbance.
func runHour(a Arm, o Options, seed uint64) (Hour, error) {
	c, err := newCluster(a, o.SteadyTick, seed)
	if err != nil {
		return Hour{}, err
	}
	if err := c.prologue(); err != nil {
		return Hour{}, fmt.Errorf("%s: %w", a.Name, err)
	}
	w := &watcher{cluster: c, top: c.nodes[0].term, since: never}
	c.watch = w.look
	c.disturbance = &o.Disturbance
	c.start()
	for i := range c.nodes {
		c.pauseLater(i)
	}
	for c.err == nil && c.next() <= o.HourLength {
		c.advance()
	}
	if c.err != nil {
		return Hour{}, fmt.Errorf("%s: %w", a.Name, c.err)
	}
	if w.since != never {
		w.out.Without += o.HourLength - w.since
	}
	return w.out, nil
}

// look notes what changed at a server.
func (w *watcher) look(i int) {
	n := &w.nodes[i]
	before := w.roles[i]
	w.roles[i] = n.role
	if n.role == raft.PreCandidate && before != raft.PreCandidate {
		w.out.PreVotes++
	}
	if n.role == raft.Candidate && n.campaign != n.term {
		n.campaign = n.term
		w.stands(n.term)
	}
	if n.role == raft.Leader && n.term >= w.top && w.open {
		w.wins(i, n.term)
	}
	w.available()
}

// stands notes a candidacy; the first one after a victory begins an election.
func (w *watcher) stands(term raft.Term) {
	w.out.Stands++
	if term <= w.top {
		return
	}
	w.top = term
	if !w.open {
		old := &w.nodes[w.leader]
		w.open, w.needless = true, old.role == raft.Leader && !old.paused
	}
}

func (w *watcher) wins(i int, term raft.Term) {
	w.top, w.leader, w.open = term, i, false
	w.out.Elections++
	if w.needless {
		w.out.Needless++
	}
}

// available keeps the time without a leader that works.
func (w *watcher) available() {
	leads := false
	for i := range w.nodes {
		leads = leads || w.nodes[i].role == raft.Leader && !w.nodes[i].paused
	}
	switch {
	case leads && w.since != never:
		w.out.Without += w.now - w.since
		w.since = never
	case !leads && w.since == never:
		w.since = w.now
	}
}
