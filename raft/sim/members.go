package sim

import (
	"math/rand/v2"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// operator is who changes the members of the cluster.
type operator struct {
	rng   *rand.Rand
	spare *node // a server that is to be added
}

// Bounds of what an operator does to a cluster.
const (
	membersMax = 9
	serversMax = 40 // ever
)

// startMembers schedules changes of the members, and transfers.
func (w *world) startMembers() {
	if w.plan.classes&Members != 0 {
		w.nextChange()
	}
	if w.plan.classes&Transfer != 0 {
		w.nextTransfer()
	}
}

func (w *world) nextChange() {
	w.after(expDuration(w.members.rng, w.plan.every[Members]), func() {
		if !w.healed {
			w.change()
			w.nextChange()
		}
	})
}

// change asks a leader for a change. It may be one that must be refused.
func (w *world) change() {
	rng := w.members.rng
	l := w.leader()
	if l == nil || l.frozen > w.now {
		return
	}
	configuration, _ := l.core.Configuration()
	var changes []raft.Change
	switch rng.IntN(3) {
	case 0:
		changes = w.drawExchange(rng, configuration)
	case 1:
		for range pick(rng, 1, 2, 3) {
			if c, some := w.drawChange(rng, configuration); some {
				changes = append(changes, c)
			}
		}
	default:
		if c, some := w.drawChange(rng, configuration); some {
			changes = append(changes, c)
		}
	}
	if !w.sensible(configuration, changes) {
		return
	}
	w.clock(l)
	err := l.core.ChangeConfig(changes)
	w.tracef("operator: %v at %d: %v", changes, l.id, err)
	if err != nil {
		w.cov.ChangesRefused++
		return
	}
	w.members.spare = nil
	w.turn(l)
}

// sensible reports whether the servers that still have their disks are a quorum of what a change leads to. The operator
// knows whose disk is lost at once; a leader hears of it later, when it hears nothing. What the core must refuse anyway
// is sensible.
func (w *world) sensible(c raft.Configuration, changes []raft.Change) bool {
	next, err := c.With(changes)
	lives := func(id raft.NodeID) bool { return int(id) <= len(w.nodes) && w.node(id).whole() }
	return err != nil || hasQuorum(next, lives) && hasQuorum(next.Left(), lives)
}

// drawChange draws one change: a lost server goes first.
func (w *world) drawChange(rng *rand.Rand, c raft.Configuration) (raft.Change, bool) {
	m := c.Members[rng.IntN(len(c.Members))]
	for _, other := range c.Members {
		if w.node(other.ID).gone {
			m = other
			break
		}
	}
	kind := pick(rng, raft.AddLearner, raft.AddLearner, raft.Promote, raft.Promote, raft.Promote, raft.Remove, raft.Demote,
		raft.Reprioritize)
	switch {
	case rng.IntN(30) == 0: // nonsense
		return raft.Change{Kind: kind, ID: raft.NodeID(rng.IntN(len(w.nodes) + 3))}, kind != raft.AddLearner
	case w.node(m.ID).gone:
		return raft.Change{Kind: raft.Remove, ID: m.ID}, true
	case kind == raft.AddLearner:
		if len(c.Members) >= membersMax || len(w.nodes) >= serversMax {
			return raft.Change{}, false
		}
		n := w.newcomer()
		return raft.Change{Kind: kind, ID: n.id, Priority: uint8(rng.IntN(2))}, true
	case kind == raft.Promote:
		for _, other := range c.Members {
			if other.Learner {
				m = other
			}
		}
	case kind == raft.Reprioritize:
		return raft.Change{Kind: kind, ID: m.ID, Priority: uint8(rng.IntN(3))}, true
	}
	return raft.Change{Kind: kind, ID: m.ID}, true
}

// drawExchange draws a change of several voters at once: learners come in, voters go, one stays at least.
func (w *world) drawExchange(rng *rand.Rand, c raft.Configuration) []raft.Change {
	var changes []raft.Change
	order := rng.Perm(len(c.Members))
	come, leave := rng.IntN(3), 1+rng.IntN(2)
	voters := len(idsOf(c, func(m *raft.Member) bool { return m.Voter }))
	for _, i := range order {
		m := &c.Members[i]
		switch {
		case m.Learner && come > 0:
			come--
			changes = append(changes, raft.Change{Kind: raft.Promote, ID: m.ID})
		case m.Voter && leave > 0 && voters > 1:
			leave, voters = leave-1, voters-1
			changes = append(changes, raft.Change{Kind: pick(rng, raft.Remove, raft.Demote), ID: m.ID})
		}
	}
	return changes
}

// newcomer returns a server that is not a member yet and waits to be one.
func (w *world) newcomer() *node {
	if n := w.members.spare; n != nil && !n.gone {
		return n
	}
	n := w.addNode()
	w.cov.Servers++
	w.members.spare = n
	w.start(n)
	return n
}

func (w *world) nextTransfer() {
	rng := w.troubleRands[Transfer]
	w.after(expDuration(rng, w.plan.every[Transfer]), func() {
		if w.healed {
			return
		}
		w.transfer(rng)
		w.nextTransfer()
	})
}

// transfer asks a leader to hand over: to somebody, to the best, or to nobody.
func (w *world) transfer(rng *rand.Rand) {
	l := w.leader()
	if l == nil || l.frozen > w.now {
		return
	}
	to := raft.None
	switch rng.IntN(8) {
	case 0:
		l.core.StepDown()
		w.turn(l)
		return
	case 1, 2:
	default:
		to = w.anyNode(rng).id
	}
	err := l.core.Transfer(to)
	w.tracef("operator: %d hands over to %d: %v", l.id, to, err)
	if err == nil {
		w.cov.Transfers++
	}
	w.turn(l)
}

// elected counts the leader that a transfer led to.
func (w *world) elected(n *node) {
	if n.preVotes.told != 0 && n.preVotes.told+1 == n.core.Term() {
		w.cov.TransfersDone++
	}
}

// membersNow returns the newest committed configuration.
func (w *world) membersNow() raft.Configuration { return w.check.configurations.last().Configuration }

// canLose reports whether the rest of the cluster keeps every committed entry and its quorum without a server: nobody
// knows of any other configuration than the committed one, and few enough of its servers are lost.
func (w *world) canLose(n *node) bool {
	if n.gone || int(n.id) > len(w.nodes) {
		return false
	}
	now := w.check.configurations.last()
	if now.Configuration.Joint() {
		return false
	}
	for _, other := range w.nodes {
		if other.up() {
			if c, index := other.core.Configuration(); index > now.Index || index == now.Index && c.Joint() {
				return false
			}
		}
		if other.disk.log.configuration().Index > now.Index {
			return false
		}
		for _, x := range other.disk.writes {
			for _, s := range x.spans {
				for i := range s.Entries {
					if s.Entries[i].Kind == raft.EntryConfig && s.Prev.Index+raft.Index(i) >= now.Index {
						return false
					}
				}
			}
		}
	}
	lost, voters := 0, 0
	for _, m := range now.Configuration.Members {
		if m.Voter {
			voters++
			if !w.node(m.ID).whole() || m.ID == n.id {
				lost++
			}
		}
	}
	return lost <= (voters-1)/2
}

// retire ends the servers that a committed configuration has removed: at once, later, or never. They never come back.
func (w *world) retire(before, now raft.Configuration) {
	for _, m := range before.Members {
		if _, stays := now.Member(m.ID); stays {
			continue
		}
		n := w.node(m.ID)
		switch wait := w.members.rng.IntN(3); wait {
		case 0: // it goes on, and may disturb
		default:
			w.after(time.Duration(wait)*expDuration(w.members.rng, 3*time.Second), func() {
				w.crash(n, 0, false)
				n.gone = true
			})
		}
	}
}
