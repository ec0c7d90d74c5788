package rafttest

import "github.com/raftmark/raftmark/raft"

// isQuorum reports whether the servers that is names are a majority of a configuration, or of both halves of a joint
// one (§6).
func isQuorum(c raft.Configuration, is func(raft.NodeID) bool) bool {
	var voters, outgoing, ofVoters, ofOutgoing int
	for _, m := range c.Members {
		if m.Voter {
			voters++
			if is(m.ID) {
				ofVoters++
			}
		}
		if m.Outgoing {
			outgoing++
			if is(m.ID) {
				ofOutgoing++
			}
		}
	}
	return voters > 0 && 2*ofVoters > voters && (outgoing == 0 || 2*ofOutgoing > outgoing)
}

// intersect reports whether no two disjoint sets of servers are quorums of one configuration each, by looking at all
// sets.
func intersect(a, b raft.Configuration) bool {
	for set := range 1 << (nodesMax + 1) {
		in := func(id raft.NodeID) bool { return set>>id&1 == 1 }
		out := func(id raft.NodeID) bool { return set>>id&1 == 0 }
		if isQuorum(a, in) && isQuorum(b, out) {
			return false
		}
	}
	return true
}

// configures takes a configuration that came into a node's log. A leader adds one only after an entry of its own term
// was committed, and the one before; and their quorums must intersect (§6, thesis §4.1).
func (k *Checker) configures(n *Node, index raft.Index) {
	term, commit := n.core.Term(), n.core.CommitIndex()
	if n.core.Role() != raft.Leader || n.log.id(index).Term != term {
		return
	}
	now, before := n.log.configurationAt(index), n.log.configurationAt(index-1)
	if !n.log.covers(commit) || n.log.id(commit).Term != term {
		k.breach("no change before the own term is committed", "leader %d of term %d appends %v at %d, committed are %d",
			n.id, term, now.Configuration, index, commit)
	}
	if before.Index > commit {
		k.breach("one change at a time", "leader %d of term %d appends %v at %d, %v at %d is not committed",
			n.id, term, now.Configuration, index, before.Configuration, before.Index)
	}
	if !intersect(before.Configuration, now.Configuration) {
		k.breach("quorums of adjacent configurations intersect", "leader %d of term %d appends %v after %v",
			n.id, term, now.Configuration, before.Configuration)
	}
	for _, m := range now.Configuration.Members {
		if _, was := before.Configuration.Member(m.ID); !was && m.ID <= before.Configuration.LastID {
			k.breach("names are given once", "leader %d of term %d appends %v after %v",
				n.id, term, now.Configuration, before.Configuration)
		}
	}
}

// counts checks that the latest configuration of a node's log is the one that it uses (§6).
func (k *Checker) counts(n *Node) {
	now, _ := n.log.configuration()
	if used, index := n.core.Configuration(); index != now.Index || !used.Equal(now.Configuration) {
		k.breach("the log's last configuration counts", "node %d uses %v of %d, its log has %v at %d",
			n.id, used, index, now.Configuration, now.Index)
	}
}

// configurationAt returns the committed configuration as of index.
func (k *Checker) configurationAt(index raft.Index) raft.ConfigurationAt {
	i := len(k.configurations) - 1
	for i > 0 && k.configurations[i].Index > index {
		i--
	}
	return k.configurations[i]
}

// named checks the name of a snapshot: its last entry is committed, and its configuration the one as of that.
func (k *Checker) named(n *Node, s raft.Snapshot) {
	if _, ok := k.sumOf(s.Last); !ok {
		k.breach("snapshots are of what is committed", "node %d has a snapshot of %v", n.id, s.Last)
		return
	}
	want := k.configurationAt(s.Last.Index)
	if s.ConfigurationIndex != want.Index || !s.Configuration.Equal(want.Configuration) {
		k.breach("snapshots have the configuration as of them", "node %d has one of %v with %v of %d, want %v of %d",
			n.id, s.Last, s.Configuration, s.ConfigurationIndex, want.Configuration, want.Index)
	}
}

// installs takes a snapshot that is to take the place of a node's log, and returns the sum of the log that it stands
// for. It must bring what the node does not have, and may remove nothing that agrees with it (Figure 13).
func (k *Checker) installs(n *Node, s raft.Snapshot) uint64 {
	k.named(n, s)
	sum, _ := k.sumOf(s.Last)
	if s.Last.Index <= n.seen.commit {
		k.breach("installs bring something", "node %d installs %v, committed are %d", n.id, s.Last, n.seen.commit)
	}
	if own, ok := n.log.sum(s.Last.Index); ok && own == sum {
		k.breach("installs keep what agrees", "node %d installs %v, which its log has", n.id, s.Last)
	}
	if got := n.store.received; got == nil || got.name.Last != s.Last || !got.name.Configuration.Equal(s.Configuration) {
		k.breach("installs what was received", "node %d installs %v, which is not in its store", n.id, s.Last)
	}
	return sum
}

// restored takes a state machine that was restored from a snapshot.
func (k *Checker) restored(n *Node, s raft.Snapshot) {
	if n.machine != k.states[s.Last.Index] {
		k.breach("State Machine Safety", "node %d restores another state from the snapshot of %v than others had there",
			n.id, s.Last)
	}
}

// compacts takes the end of what a node forgets of its log: its state machine has it for ever.
func (k *Checker) compacts(n *Node, s raft.Snapshot) {
	k.named(n, s)
	if s.Last.Index > n.durable.applied || !n.log.holds(s.Last) {
		k.breach("the log is forgotten after the state is durable", "node %d compacts up to %v, durable is the state at %d",
			n.id, s.Last, n.durable.applied)
	}
}
