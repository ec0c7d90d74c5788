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
	applied   []uint64
	votes     map[ballot]raft.NodeID
	campaigns map[raft.NodeID]int
	err       error
}

// commitment is a committed entry: the sum of the log up to it, and the term in which it was first committed.
type commitment struct {
	sum  uint64
	term raft.Term
}

type ballot struct {
	voter raft.NodeID
	term  raft.Term
}

// newChecker returns a checker that takes what the nodes' disks hold for given: votes, entries and what is
// committed.
func newChecker(nodes []*Node) *Checker {
	k := &Checker{
		nodes:     nodes,
		leaders:   map[raft.Term]raft.NodeID{},
		entries:   map[raft.EntryID]uint64{},
		votes:     map[ballot]raft.NodeID{},
		campaigns: map[raft.NodeID]int{},
	}
	for _, n := range nodes {
		if n.disk.hard.Vote != raft.None {
			k.votes[ballot{n.id, n.disk.hard.Term}] = n.disk.hard.Vote
		}
		for i := range n.disk.log.entries {
			k.holds(n, &n.disk.log, raft.Index(i)+1)
		}
		for i := len(k.committed); i < int(n.disk.hard.Commit); i++ {
			k.committed = append(k.committed, commitment{sum: n.disk.log.sums[i], term: n.disk.hard.Term})
			k.applied = append(k.applied, sumEntry(0, n.disk.log.entries[i]))
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
		if err := n.log.store(s); err != nil {
			k.breach("gapless logs", "node %d: %v", n.id, err)
			return
		}
		for i := range s.Entries {
			k.holds(n, &n.log, s.Prev.Index+raft.Index(i)+1)
		}
	}
}

// holds takes an entry of a node's log: logs that hold the same EntryID are equal up to it.
func (k *Checker) holds(n *Node, log *chainLog, index raft.Index) {
	id, sum := log.id(index), log.sums[index-1]
	if known, ok := k.entries[id]; !ok {
		k.entries[id] = sum
	} else if known != sum {
		k.breach("Log Matching", "node %d and another both hold %v, with different logs before or at it", n.id, id)
	}
}

// applies takes what a state machine is given.
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
	if span.Prev.Index != n.applied || span.LastIndex() != a.Upto {
		k.breach("ordered applies", "node %d applied up to %d and is given (%d, %d] up to %d",
			n.id, n.applied, span.Prev.Index, span.LastIndex(), a.Upto)
	}
	if durable := n.disk.log.lastIndex(); a.Upto > durable {
		k.breach("applies after the disk", "node %d applies up to %d, durable is %d", n.id, a.Upto, durable)
	}
	for i, e := range span.Entries {
		index, sum := int(span.Prev.Index)+i, sumEntry(0, e)
		switch {
		case index < len(k.applied) && k.applied[index] != sum:
			k.breach("State Machine Safety", "node %d applies another entry at %d than was applied there before",
				n.id, index+1)
		case index == len(k.applied):
			k.applied = append(k.applied, sum)
		}
	}
}

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
	if last != n.log.lastIndex() {
		k.breach("gapless logs", "node %d says that its log ends at %d, it handed over up to %v", n.id, last, n.log.last())
		return
	}
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
	if index == 0 {
		return
	}
	if sum, ok := n.log.sum(raft.Index(index)); !ok || sum != k.committed[index-1].sum {
		k.breach("Leader Completeness", "leader %d of term %d lacks entries up to %d, which were committed in term %d",
			n.id, term, index, k.committed[index-1].term)
	}
}

// commits takes a node's new commit index: what is committed never changes, and is durable on a majority
// from the instant when the first node says so.
func (k *Checker) commits(n *Node, led bool) {
	commit, term := n.core.CommitIndex(), n.core.Term()
	sum, ok := n.log.sum(commit)
	if !ok {
		k.breach("gapless logs", "node %d commits %d, its log ends at %v", n.id, commit, n.log.last())
		return
	}
	if led && n.log.id(commit).Term != term {
		k.breach("commits by counting only the own term (§5.4.2)", "leader %d of term %d commits %v",
			n.id, term, n.log.id(commit))
	}
	if int(commit) <= len(k.committed) {
		if sum != k.committed[commit-1].sum {
			k.breach("State Machine Safety", "node %d commits %v, which differs from what was committed before",
				n.id, n.log.id(commit))
		}
		return
	}
	if old := len(k.committed); old > 0 && n.log.sums[old-1] != k.committed[old-1].sum {
		k.breach("State Machine Safety", "node %d commits %v over other committed entries", n.id, n.log.id(commit))
	}
	holders := 0
	for _, other := range k.nodes {
		if durable, ok := other.disk.log.sum(commit); ok && durable == sum {
			holders++
		}
		if other.core == nil || other.core.Role() != raft.Leader || other.seen.role != raft.Leader ||
			other.core.Term() <= term {
			continue
		}
		if has, ok := other.log.sum(commit); !ok || has != sum {
			k.breach("Leader Completeness", "leader %d of term %d lacks %v, committed in term %d",
				other.id, other.core.Term(), n.log.id(commit), term)
		}
	}
	if 2*holders <= len(k.nodes) {
		k.breach("commits are durable on a majority", "node %d commits %v, durable on %d of %d nodes",
			n.id, n.log.id(commit), holders, len(k.nodes))
	}
	for i := len(k.committed); i < int(commit); i++ {
		k.committed = append(k.committed, commitment{sum: n.log.sums[i], term: term})
	}
}

// checkPeers compares what a leader believes of its followers with their disks. A follower that is durably in a
// newer term may have removed what it once acknowledged.
func (k *Checker) checkPeers(n *Node) {
	for _, p := range n.core.Status().Peers {
		if p.InflightMessages > n.cfg.InflightMessagesMax {
			k.breach("bounded windows", "leader %d has %d messages in flight to %d, at most %d",
				n.id, p.InflightMessages, p.ID, n.cfg.InflightMessagesMax)
		}
		follower := k.nodes[p.ID-1]
		if follower.disk.hard.Term > n.core.Term() {
			continue
		}
		sum, ok := n.log.sum(p.Match)
		if durable, has := follower.disk.log.sum(p.Match); !ok || !has || durable != sum {
			k.breach("match is durable", "leader %d of term %d believes that %d matches up to %d; durable there is %v",
				n.id, n.core.Term(), p.ID, p.Match, follower.disk.log.last())
		}
	}
}
