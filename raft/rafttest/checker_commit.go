package rafttest

import "github.com/raftmark/raftmark/raft"

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
	if old := raft.Index(len(k.committed)); old > 0 && !has(&n.log, old, k.committed[old-1].sum) {
		k.breach("State Machine Safety", "node %d commits %v over other committed entries", n.id, n.log.id(commit))
		return
	}
	k.durableOnQuorum(n, commit, sum)
	for _, other := range k.nodes {
		if other.core == nil || other.core.Role() != raft.Leader || other.seen.role != raft.Leader ||
			other.core.Term() <= term {
			continue
		}
		if !has(&other.log, commit, sum) {
			k.breach("Leader Completeness", "leader %d of term %d lacks %v, committed in term %d",
				other.id, other.core.Term(), n.log.id(commit), term)
		}
	}
	k.commit(&n.log, commit, term)
}

// durableOnQuorum checks that an entry is durable on a quorum of the configuration that counted when it was committed:
// the one in the log before the call that did. After several calls at once it may be a later one.
func (k *Checker) durableOnQuorum(n *Node, commit raft.Index, sum uint64) {
	durable := func(id raft.NodeID) bool {
		return int(id) <= len(k.nodes) && k.nodes[id-1].holdsOrDid(commit, sum)
	}
	before := n.log.configurationAt(n.seen.last)
	for _, at := range n.log.configurations {
		if at.Index == before.Index || (n.merged && at.Index > before.Index) {
			if isQuorum(at.Configuration, durable) {
				return
			}
		}
	}
	k.breach("commits are durable on a majority", "node %d commits %v, which is not durable on a majority of %v",
		n.id, n.log.id(commit), before.Configuration)
}

// commit takes note that a log is committed up to an index.
func (k *Checker) commit(log *chainLog, upto raft.Index, term raft.Term) {
	for i := raft.Index(len(k.committed)) + 1; i <= upto; i++ {
		sum, _ := log.sum(i)
		k.committed = append(k.committed, commitment{entry: log.id(i).Term, sum: sum, term: term})
		if at := log.configurationAt(i); at.Index == i {
			k.configurations = append(k.configurations, at)
		}
	}
}

// sumOf returns the sum of the committed log up to an entry, if that is committed.
func (k *Checker) sumOf(id raft.EntryID) (uint64, bool) {
	if id.Index == 0 || int(id.Index) > len(k.committed) || k.committed[id.Index-1].entry != id.Term {
		return 0, false
	}
	return k.committed[id.Index-1].sum, true
}

// checkPeers compares what a leader believes of its followers with their disks. A follower that is durably in a
// newer term may have removed what it once acknowledged, and one that lost its disk has.
func (k *Checker) checkPeers(n *Node) {
	for _, p := range n.core.Status().Peers {
		if p.InflightMessages > n.cfg.InflightMessagesMax {
			k.breach("bounded windows", "leader %d has %d messages in flight to %d, at most %d",
				n.id, p.InflightMessages, p.ID, n.cfg.InflightMessagesMax)
		}
		if int(p.ID) > len(k.nodes) {
			continue
		}
		follower := k.nodes[p.ID-1]
		if p.Lost && !follower.wiped && !follower.recovering() {
			k.breach("only who lost its disk lost what it had", "leader %d of term %d believes that %d did",
				n.id, n.core.Term(), p.ID)
		}
		if follower.wiped || follower.recovering() || follower.disk.hard.Term > n.core.Term() || p.Match == 0 {
			continue
		}
		sum, ok := n.log.sum(p.Match)
		if !ok && p.Match < n.log.first.Index {
			sum, ok = k.committed[p.Match-1].sum, true
		}
		if !ok || !has(&follower.disk.log, p.Match, sum) {
			k.breach("match is durable", "leader %d of term %d believes that %d matches up to %d; durable there is %v",
				n.id, n.core.Term(), p.ID, p.Match, follower.disk.log.last())
		}
	}
}

// question is a read that was asked for.
type question struct {
	node  raft.NodeID
	floor raft.Index // what was committed then
}

// asked takes a read on its way into a core.
func (k *Checker) asked(n *Node, token uint64) {
	k.reads[token] = question{node: n.id, floor: raft.Index(len(k.committed))}
}

// answered takes the answer to a read: it must see all that was committed when it was asked for (§8).
func (k *Checker) answered(n *Node, r raft.Read) {
	q, ok := k.reads[r.Token]
	if !ok || q.node != n.id {
		k.breach("reads are answered once", "node %d answers read %d", n.id, r.Token)
		return
	}
	delete(k.reads, r.Token)
	if r.Err == nil {
		k.safeReads++
	}
	if r.Err == nil && r.Index < q.floor {
		k.breach("reads see all that was committed", "node %d may answer read %d at %d; committed were %d",
			n.id, r.Token, r.Index, q.floor)
	}
}
