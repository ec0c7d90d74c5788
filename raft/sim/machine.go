package sim

import (
	"time"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
)

// machine is a server's state machine: the real one, in memory, and what of it a crash leaves. It becomes durable
// lazily, and so comes back older than it was.
type machine struct {
	kv      *kv.Mem
	applied raft.Index
	jobs    []applyJob
	busy    bool
	results [][]byte

	durable      []byte // a stream of the state that a crash leaves; nil is the empty one
	durableIndex raft.Index
	persistAt    time.Duration // when it becomes durable next
}

// applyJob is something for the state machine to do, in order.
type applyJob struct {
	apply   raft.Apply
	restore *raft.Snapshot // instead
}

func (m *machine) renew() {
	m.kv = kv.NewMem()
	m.applied = 0
}

// crash leaves what was durable.
func (m *machine) crash(w *world, n *node) {
	m.jobs, m.busy = nil, false
	m.renew()
	if m.durable != nil {
		w.load(n, m.durable, m.durableIndex)
	}
}

// persistMachine makes the state durable.
func (w *world) persistMachine(n *node) {
	m := &n.machine
	if m.durableIndex == m.applied {
		return
	}
	m.durable, m.durableIndex = w.stream(n), m.applied
	w.cov.Persists++
}

// startApply gives the machine its next job.
func (w *world) startApply(n *node) {
	m := &n.machine
	if m.busy || len(m.jobs) == 0 {
		return
	}
	if s := m.jobs[0].restore; s != nil && n.disk.log.first.Index < s.Last.Index {
		return
	}
	m.busy = true
	took := expDuration(w.serverRand, w.plan.applyMean)
	if w.healed {
		took = min(took, 50*time.Microsecond)
	}
	w.later(n, took, event{kind: eventApplied})
}

// applied ends a job of the machine.
func (w *world) applied(n *node) {
	m := &n.machine
	m.busy = false
	job := m.jobs[0]
	m.jobs = m.jobs[:copy(m.jobs, m.jobs[1:])]
	if job.restore != nil {
		w.restore(n, job.restore)
	} else if !w.apply(n, job.apply) {
		return
	}
	if !n.up() {
		return
	}
	if m.persistAt <= w.now {
		m.persistAt = w.now + expDuration(w.serverRand, w.plan.persistMean)
		w.persistMachine(n)
	}
	n.core.Applied(m.applied)
	w.read(n)
	w.compact(n)
	if !n.up() {
		return
	}
	w.turn(n)
	w.startApply(n)
}

// apply gives entries to the machine, and answers who waits for them.
func (w *world) apply(n *node, a raft.Apply) bool {
	span := a.Span
	if span.LastIndex() < a.Upto {
		rest, err := n.disk.log.read(span.LastIndex(), a.Upto, 1<<30)
		if err != nil {
			w.breach("promises of the driver", "server %d: apply: %v", n.id, err)
			return false
		}
		span.Entries = append(span.Entries[:len(span.Entries):len(span.Entries)], rest.Entries...)
	}
	if !w.check.applies(n, span, a.Upto) {
		return false
	}
	for len(span.Entries) > 0 {
		part := span
		if next := (part.Prev.Index/hashEvery + 1) * hashEvery; next < part.LastIndex() {
			part = raft.Span{Prev: part.Prev, Entries: part.Entries[:next-part.Prev.Index]}
		}
		w.applyPart(n, part)
		span = span.After(part.LastIndex())
	}
	return true
}

func (w *world) applyPart(n *node, span raft.Span) {
	m := &n.machine
	var results [][]byte
	if len(n.pending) > 0 {
		for len(m.results) < len(span.Entries) {
			m.results = append(m.results, nil)
		}
		results = m.results[:len(span.Entries)]
	}
	if err := m.kv.Apply(span, results); err != nil {
		w.breach("the state machine works", "server %d: %v", n.id, err)
		return
	}
	m.applied = span.LastIndex()
	w.cov.Applied += uint64(len(span.Entries))
	if results != nil {
		w.answer(n, span, results)
	}
	clear(results)
	w.check.applied(n)
}

// answer tells the clients that wait for entries what became of them. An entry of another term in the place of a
// proposal says that the proposal is in no log that counts, for ever.
func (w *world) answer(n *node, span raft.Span, results [][]byte) {
	for i := range span.Entries {
		index := span.Prev.Index + raft.Index(i) + 1
		p, ok := n.pending[index]
		if !ok {
			continue
		}
		delete(n.pending, index)
		if p.term != span.Entries[i].Term {
			w.reply(n, p.op, p.attempt, answer{definite: true})
			continue
		}
		w.check.acknowledges(n, index)
		w.reply(n, p.op, p.attempt, answer{ok: true, result: results[i]})
	}
}

// hashEvery is how many entries lie between the points where the states of all servers are compared.
const hashEvery = 512
