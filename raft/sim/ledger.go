package sim

import (
	"github.com/raftmark/raftmark/raft"
)

// The ledger is what is known of all logs together: which entry stands where, and what of it is committed.

// appends takes what a core adds to its log.
func (k *checker) appends(n *node, spans []raft.Span) {
	for _, s := range spans {
		if n.core.Role() == raft.Leader && n.seen.role == raft.Leader && n.seen.term == n.core.Term() &&
			s.Prev.Index != n.log.lastIndex() && !k.off {
			k.w.breach(ruleAppendOnly, "leader %d of term %d writes after %v, its log ends at %v",
				n.id, n.core.Term(), s.Prev, n.log.last())
		}
		if k.w.tracing() {
			k.w.tracef("%d  appends %s", n.id, describeEntries(s))
		}
		before := len(n.log.configurations)
		if err := n.log.store(s); err != nil {
			k.w.breach(ruleLogMatching, "server %d: %v", n.id, err)
			return
		}
		if k.off {
			continue
		}
		for i := range s.Entries {
			k.holds(n, s.Prev.Index+raft.Index(i)+1)
		}
		if len(n.log.configurations) != before || n.log.configuration().Index > s.Prev.Index {
			k.configured(n)
		}
	}
}

// holds takes an entry of a server's log: logs that hold the same EntryID are equal up to it.
func (k *checker) holds(n *node, index raft.Index) {
	id := n.log.id(index)
	sum, _ := n.log.sum(index)
	if known, was := k.sums[id]; !was {
		k.sums[id] = sum
	} else if known != sum {
		k.w.breach(ruleLogMatching, "server %d and another both hold %v, with different logs before or at it", n.id, id)
	}
}

// elected takes a new leader.
func (k *checker) elected(n *node, term raft.Term) {
	if other, was := k.leaders[term]; was && other != n.id {
		k.w.breach(ruleElectionSafety, "term %d has the leaders %d and %d", term, other, n.id)
	}
	k.leaders[term] = n.id
	if !k.mayLead(n) {
		k.w.breach(ruleElectionSafety, "server %d leads term %d without a vote in %v",
			n.id, term, n.log.configuration().Configuration)
	}
	index := len(k.committed)
	for index > 0 && k.committed[index-1].term >= term {
		index--
	}
	if index == 0 {
		return
	}
	if sum, has := n.log.sum(raft.Index(index)); !has || sum != k.committed[index-1].sum {
		k.w.breach(ruleLeaderCompleteness, "leader %d of term %d lacks entries up to %d, which were committed in term %d",
			n.id, term, index, k.committed[index-1].term)
	}
}

// mayLead reports whether a server has a vote in its latest configuration, or in one before that may still count
// because that one is not committed (thesis §4.2.2).
func (k *checker) mayLead(n *node) bool {
	list := n.log.configurations
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Configuration.IsVoter(n.id) {
			return true
		}
		if list[i].Index <= n.core.CommitIndex() {
			return false
		}
	}
	return false
}

// commits takes a server's new commit index: what is committed never changes, and is durable on a quorum from the
// instant when the first server says so.
func (k *checker) commits(n *node, now observed, leads bool) {
	sum, has := n.log.sum(now.commit)
	if !has {
		k.w.breach(ruleOrder, "server %d commits %d, its log is (%v, %v]", n.id, now.commit, n.log.first, n.log.last())
		return
	}
	id := n.log.id(now.commit)
	if int(now.commit) <= len(k.committed) {
		if sum != k.committed[now.commit-1].sum {
			k.w.breach(ruleStateMachineSafety, "server %d commits %v, which differs from what was committed before", n.id, id)
		}
		return
	}
	if leads && id.Term != now.term {
		k.w.breach(ruleOwnTerm, "leader %d of term %d commits %v", n.id, now.term, id)
	}
	if old := raft.Index(len(k.committed)); old > 0 {
		if known, has := n.log.sum(old); has && known != k.committed[old-1].sum {
			k.w.breach(ruleStateMachineSafety, "server %d commits %v over other committed entries", n.id, id)
		}
	}
	k.quorumHolds(n, id, sum, now.term)
	for index := raft.Index(len(k.committed)) + 1; index <= now.commit; index++ {
		s, _ := n.log.sum(index)
		e := n.log.entry(index)
		k.committed = append(k.committed, commitment{sum: s, term: now.term, entry: e.Term})
		if e.Kind == raft.EntryConfig {
			k.committedConfiguration(n.log.configurationAt(index))
		}
	}
	k.w.cov.Committed = uint64(len(k.committed))
}

// quorumHolds checks that an entry which is committed now is durable on a quorum of the configuration in force, and in
// the log of every later leader.
func (k *checker) quorumHolds(n *node, id raft.EntryID, sum uint64, term raft.Term) {
	holds := func(member raft.NodeID) bool {
		if int(member) > len(k.w.nodes) {
			return false
		}
		d := &k.w.node(member).disk
		durable, has := d.log.sum(id.Index)
		// A disk that is lost counts for what it had: the leader may have heard of it before.
		return has && durable == sum || id.Index < d.log.first.Index || d.hadBefore(id.Index, sum)
	}
	// Since the last look the configuration may have changed, before the commit or after it.
	list, found := n.log.configurations, false
	for i := len(list) - 1; i >= 0 && !found; i-- {
		found = hasQuorum(list[i].Configuration, holds)
		if list[i].Index <= n.seen.last {
			break
		}
	}
	if !found {
		k.w.breach(ruleDurableQuorum, "server %d commits %v, which is not durable on a quorum of %v",
			n.id, id, n.log.configuration().Configuration)
	}
	for _, other := range k.w.nodes {
		if !other.leads() || other.seen.role != raft.Leader || other.core.Term() <= term {
			continue
		}
		if has, there := other.log.sum(id.Index); !there && id.Index > other.log.first.Index || there && has != sum {
			k.w.breach(ruleLeaderCompleteness, "leader %d of term %d lacks %v, committed in term %d",
				other.id, other.core.Term(), id, term)
		}
	}
}

// hasQuorum reports whether a majority of the voters has a property, and when the configuration is joint, also one of
// the outgoing voters (§6). It is written apart from package quorum, which it checks.
func hasQuorum(c raft.Configuration, has func(raft.NodeID) bool) bool {
	var voters, yes, outgoing, old int
	for i := range c.Members {
		m := &c.Members[i]
		if m.Voter {
			voters++
			if has(m.ID) {
				yes++
			}
		}
		if m.Outgoing {
			outgoing++
			if has(m.ID) {
				old++
			}
		}
	}
	return 2*yes > voters && (outgoing == 0 || 2*old > outgoing)
}

// persisted takes a write that became durable.
func (k *checker) persisted(n *node) {
	if k.off {
		return
	}
	k.checked++
	if n.disk.hard.Commit > n.disk.log.lastIndex() {
		k.w.breach(ruleOrder, "server %d has commit index %d on its disk, the log ends at %v",
			n.id, n.disk.hard.Commit, n.disk.log.last())
	}
}

// applies takes what a state machine is given, and reports whether it may be applied.
func (k *checker) applies(n *node, span raft.Span, upto raft.Index) bool {
	if k.off {
		return span.Prev.Index == n.machine.applied
	}
	if span.Prev.Index != n.machine.applied || span.LastIndex() != upto {
		k.w.breach(ruleSameState, "server %d applied up to %d and is given (%d, %d] up to %d",
			n.id, n.machine.applied, span.Prev.Index, span.LastIndex(), upto)
		return false
	}
	if upto > n.core.CommitIndex() || upto > n.disk.log.lastIndex() {
		k.w.breach(ruleOrder, "server %d applies up to %d, committed is %d, durable is %d",
			n.id, upto, n.core.CommitIndex(), n.disk.log.lastIndex())
		return false
	}
	for i := range span.Entries {
		index := span.Prev.Index + raft.Index(i) + 1
		sum, has := n.log.sum(index)
		if int(index) > len(k.committed) || has && sum != k.committed[index-1].sum {
			k.w.breach(ruleStateMachineSafety, "server %d applies another entry at %d than was committed there", n.id, index)
			return false
		}
		if !has {
			continue
		}
		if before, has := n.log.sum(index - 1); has && sumEntry(before, &span.Entries[i]) != sum {
			k.w.breach(ruleStateMachineSafety, "server %d applies another entry at %d than its log has", n.id, index)
			return false
		}
	}
	return true
}

// applied compares the state with those of other servers that applied as much.
func (k *checker) applied(n *node) {
	index := n.machine.applied
	if k.off || index%hashEvery != 0 {
		return
	}
	k.sameState(n)
}

func (k *checker) sameState(n *node) {
	index, hash, err := n.machine.kv.Hash()
	if err != nil {
		k.w.breach("the state machine works", "server %d: %v", n.id, err)
		return
	}
	state := string(hash[:])
	if other, was := k.states[index]; was && other != state {
		k.w.breach(ruleSameState, "server %d has another state at %d than another server", n.id, index)
	}
	k.states[index] = state
}

// acknowledges takes an answer to a client: its entry is committed.
func (k *checker) acknowledges(n *node, index raft.Index) {
	if sum, has := n.log.sum(index); !k.off && (int(index) > len(k.committed) || has && sum != k.committed[index-1].sum) {
		k.w.breach(ruleAcknowledged, "server %d acknowledges %d, which is not committed", n.id, index)
	}
}
