package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/chronicle"
)

// errInjected is what a read of a log returns that was made to fail.
var errInjected = errors.New("injected read error")

// world is one run: everything that is simulated, and the time.
type world struct {
	plan   *plan
	config raft.Config // of the cores, with its defaults, for the caps
	trace  func(string)
	events *chronicle.Recorder

	now   time.Duration
	queue schedule
	hash  uint64 // of everything that happened
	cov   Coverage

	bootstrap raft.Configuration // at the begin
	nodes     []*node
	net       network
	clients   clients
	members   operator
	check     *checker
	violation *Violation

	serverRand, diskRand *rand.Rand
	troubleRands         map[Class]*rand.Rand // looked up only

	command []byte // a buffer

	healed  bool
	crashes crashPoint
}

// newWorld makes the cluster of a plan, with nothing started.
func newWorld(o Options, p *plan) *world {
	w := &world{
		plan: p, trace: o.Trace, events: o.Chronicle, config: p.core.WithDefaults(),
		net:     network{rng: newRand(o.Seed, purposeNetwork)},
		clients: newClients(p, o.Seed), serverRand: newRand(o.Seed, purposeServer), diskRand: newRand(o.Seed, purposeDisk),
		troubleRands: map[Class]*rand.Rand{},
	}
	for _, c := range classesAll.List() {
		w.troubleRands[c] = newRand(o.Seed, purposeTrouble+purpose(c))
	}
	w.members.rng = newRand(o.Seed, purposeMembers)
	for i := range p.servers + p.learners {
		m := raft.Member{ID: raft.NodeID(i + 1), Voter: i < p.servers, Learner: i >= p.servers}
		w.bootstrap.Members = append(w.bootstrap.Members, m)
		w.bootstrap.LastID = m.ID
	}
	w.check = newChecker(w)
	for range w.bootstrap.Members {
		w.addNode()
	}
	w.cov.init(p)
	return w
}

// on reports whether a class of trouble may happen now.
func (w *world) on(c Class) bool { return w.plan.classes&c != 0 && !w.healed }

// after lets something happen that is nobody's.
func (w *world) after(d time.Duration, do func()) {
	w.queue.push(event{at: w.now + d, kind: eventDo, do: do})
}

// later lets something happen to a server, if it still lives then.
func (w *world) later(n *node, d time.Duration, e event) {
	e.at, e.node, e.life = w.now+d, n, n.life
	w.queue.push(e)
}

// runUntil lets happen what happens up to a time, or until the first violation.
func (w *world) runUntil(end time.Duration) {
	for w.violation == nil && len(w.queue.events) > 0 && w.queue.events[0].at <= end {
		e := w.queue.pop()
		w.now = e.at
		w.events.At(w.now)
		w.cov.Events++
		w.happen(&e)
	}
	if w.violation == nil {
		w.now = max(w.now, end)
	}
}

func (w *world) happen(e *event) {
	n := e.node
	if n != nil {
		if e.life != 0 && e.life != n.life {
			return
		}
		if n.frozen > w.now {
			e.at = n.frozen
			w.queue.push(*e)
			return
		}
		w.hash = mix(w.hash, uint64(w.now)^uint64(e.kind)<<56^uint64(n.id)<<48)
	}
	switch e.kind {
	case eventTick:
		w.tick(n)
	case eventDeliver:
		m := &e.pack.message
		w.hash = mix(w.hash, uint64(w.now)^uint64(m.Kind)<<56^uint64(m.Term)<<40^uint64(m.From)<<36^m.Seq)
		w.deliver(e)
	case eventSynced:
		w.synced(n)
	case eventApplied:
		w.applied(n)
	case eventTurn:
		w.pay(n)
	case eventDo:
		e.do()
	}
}

// guarded runs f and takes a panic of the core, whose invariants end in one, for a violation.
func (w *world) guarded(f func()) {
	defer func() {
		if p := recover(); p != nil {
			w.breach("the core's own invariants", "%v\n%s", p, debug.Stack())
		}
	}()
	f()
}

// refused takes a message that a core would not have. A correct server sends none, but one that comes from long ago,
// or from before the receiver knew a change of the members, may look so.
func (w *world) refused(n *node, m *raft.Message, err error) {
	w.cov.Refused++
	if w.on(Replay) || w.plan.classes&(Members|Replay) != 0 {
		return
	}
	w.breach("messages are well-formed", "server %d refused %s from %d: %v", n.id, describe(m), m.From, err)
}

func (w *world) tracing() bool { return w.trace != nil }

func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("%12v  ", w.now) + fmt.Sprintf(format, args...))
	}
}
