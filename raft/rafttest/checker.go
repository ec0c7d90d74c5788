package rafttest

import (
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// Checker watches a cluster for breaches of what must always hold. Its memory outlives crashes. The first
// five rules have the names of Figure 3.
type Checker struct {
	nodes     []*Node
	leaders   map[raft.Term]raft.NodeID
	entries   map[raft.EntryID]uint64 // the sum of every log that holds the entry
	committed []commitment
	// configurations are the committed ones; the first is the one that the cluster began with.
	configurations []raft.ConfigurationAt
	states         []state // of state machines, by what they applied
	votes          map[ballot]raft.NodeID
	campaigns      map[raft.NodeID]int
	reads          map[uint64]question
	safeReads      int
	err            error
}

// commitment is a committed entry: its term, the sum of the log up to it, and the term in which it was first committed.
type commitment struct {
	entry raft.Term
	sum   uint64
	term  raft.Term
}

type ballot struct {
	voter raft.NodeID
	term  raft.Term
}

// newChecker returns a checker that takes what the nodes' disks hold for given: votes, entries and what is
// committed.
func newChecker(nodes []*Node, bootstrap raft.Configuration) *Checker {
	k := &Checker{
		nodes:          nodes,
		leaders:        map[raft.Term]raft.NodeID{},
		entries:        map[raft.EntryID]uint64{},
		configurations: []raft.ConfigurationAt{{Configuration: bootstrap}},
		states:         []state{{}},
		votes:          map[ballot]raft.NodeID{},
		campaigns:      map[raft.NodeID]int{},
		reads:          map[uint64]question{},
	}
	for _, n := range nodes {
		if n.disk.hard.Vote != raft.None {
			k.votes[ballot{n.id, n.disk.hard.Term}] = n.disk.hard.Vote
		}
		for i := range n.disk.log.entries {
			k.holds(n, &n.disk.log, raft.Index(i)+1)
		}
		k.commit(&n.disk.log, n.disk.hard.Commit, n.disk.hard.Term)
		for i := len(k.states); i <= int(n.disk.hard.Commit); i++ {
			next := k.states[i-1]
			next.apply(n.disk.log.entries[i-1])
			k.states = append(k.states, next)
		}
	}
	return k
}

// breach keeps the first breach.
func (k *Checker) breach(rule, format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("%s: "+format, append([]any{rule}, args...)...)
	}
}

// appends takes what a core adds to its log.
func (k *Checker) appends(n *Node, spans []raft.Span) {
	for _, s := range spans {
		if n.core.Role() == raft.Leader && s.Prev.Index != n.log.lastIndex() {
			k.breach("Leader Append-Only", "leader %d of term %d writes after %v, its log ends at %v",
				n.id, n.core.Term(), s.Prev, n.log.last())
		}
		if s.Prev.Index < n.seen.commit && s.Prev.Index < n.log.lastIndex() {
			k.breach("committed entries stay", "node %d removes entries after %v, committed are %d",
				n.id, s.Prev, n.seen.commit)
		}
		if err := n.log.store(s); err != nil {
			k.breach("gapless logs", "node %d: %v", n.id, err)
			return
		}
		for i := range s.Entries {
			k.holds(n, &n.log, s.Prev.Index+raft.Index(i)+1)
			if s.Entries[i].Kind == raft.EntryConfig {
				k.configures(n, s.Prev.Index+raft.Index(i)+1)
			}
		}
	}
}

// holds takes an entry of a node's log: logs that hold the same EntryID are equal up to it.
func (k *Checker) holds(n *Node, log *chainLog, index raft.Index) {
	id := log.id(index)
	sum, _ := log.sum(index)
	if known, ok := k.entries[id]; !ok {
		k.entries[id] = sum
	} else if known != sum {
		k.breach("Log Matching", "node %d and another both hold %v, with different logs before or at it", n.id, id)
	}
}

// applies takes what a state machine is given, and gives it to it.
func (k *Checker) applies(n *Node, a raft.Apply) {
	span := a.Span
	if span.LastIndex() < a.Upto {
		rest, err := n.disk.read(span.LastIndex(), a.Upto, 1<<30)
		if err != nil {
			k.breach("readable applies", "node %d: %v", n.id, err)
			return
		}
		span.Entries = append(span.Entries[:len(span.Entries):len(span.Entries)], rest.Entries...)
	}
	if span.Prev.Index != n.machine.applied || span.LastIndex() != a.Upto {
		k.breach("ordered applies", "node %d applied up to %d and is given (%d, %d] up to %d",
			n.id, n.machine.applied, span.Prev.Index, span.LastIndex(), a.Upto)
		return
	}
	if durable := n.disk.log.lastIndex(); a.Upto > durable {
		k.breach("applies after the disk", "node %d applies up to %d, durable is %d", n.id, a.Upto, durable)
	}
	for _, e := range span.Entries {
		n.machine.apply(e)
		switch index := n.machine.applied; {
		case int(index) == len(k.states):
			k.states = append(k.states, n.machine)
		case k.states[index] != n.machine:
			k.breach("State Machine Safety", "node %d applies another entry at %d than was applied there before",
				n.id, index)
		}
	}
}

// stateAt returns the state of a machine that applied so much.
func (k *Checker) stateAt(index raft.Index) state { return k.states[index] }

// observe looks at a core after it was called and its debts were taken.
func (k *Checker) observe(n *Node) {
	core := n.core
	role, term, commit, last := core.Role(), core.Term(), core.CommitIndex(), core.LastIndex()
	if term < n.seen.term {
		k.breach("terms only grow", "node %d from term %d to %d", n.id, n.seen.term, term)
	}
	if commit < n.seen.commit {
		k.breach("commit indexes only grow", "node %d from %d to %d", n.id, n.seen.commit, commit)
	}
	if last != n.log.lastIndex() || core.FirstIndex() != n.log.first.Index {
		k.breach("gapless logs", "node %d says that its log is (%d, %d], it handed over (%v, %v]",
			n.id, core.FirstIndex(), last, n.log.first, n.log.last())
		return
	}
	k.counts(n)
	leads := role == raft.Leader
	led := leads && n.seen.role == raft.Leader && n.seen.term == term
	if led && last < n.seen.last {
		k.breach("Leader Append-Only", "leader %d of term %d shortens its log from %d to %d", n.id, term, n.seen.last, last)
	}
	if leads && !led {
		k.elected(n, term)
	}
	if commit > n.seen.commit {
		k.commits(n, led)
	}
	if leads {
		k.checkPeers(n)
	}
}

// elected takes a new leader.
func (k *Checker) elected(n *Node, term raft.Term) {
	if other, ok := k.leaders[term]; ok && other != n.id {
		k.breach("Election Safety", "term %d has the leaders %d and %d", term, other, n.id)
	}
	k.leaders[term] = n.id
	index := len(k.committed)
	for index > 0 && k.committed[index-1].term >= term {
		index--
	}
	if index > 0 && !has(&n.log, raft.Index(index), k.committed[index-1].sum) {
		k.breach("Leader Completeness", "leader %d of term %d lacks entries up to %d, which were committed in term %d",
			n.id, term, index, k.committed[index-1].term)
	}
	now, _ := n.log.configuration()
	if !isQuorum(now.Configuration, func(id raft.NodeID) bool { return k.voted(id, term) == n.id }) {
		k.breach("leaders have the votes of a majority", "node %d leads term %d with too few votes of %v",
			n.id, term, now.Configuration)
	}
}

// voted returns whom a node voted for in a term, as far as that has left it or is on its disk.
func (k *Checker) voted(id raft.NodeID, term raft.Term) raft.NodeID {
	if int(id) > len(k.nodes) {
		return raft.None
	}
	if hard := k.nodes[id-1].disk.hard; hard.Term == term && hard.Vote != raft.None {
		return hard.Vote
	}
	return k.votes[ballot{id, term}]
}

// has reports whether a log that begins with what is committed has the log with this sum up to index.
func has(l *chainLog, index raft.Index, sum uint64) bool {
	if index < l.first.Index {
		return true
	}
	own, ok := l.sum(index)
	return ok && own == sum
}
