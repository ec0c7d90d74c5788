package rafttest

import "github.com/raftmark/raftmark/raft"

// sends takes a message that leaves a node: what it promises must be durable there (Figure 2: "Updated on
// stable storage before responding to RPCs").
func (k *Checker) sends(n *Node, m raft.Message) {
	hard := n.disk.hard
	switch m.Kind {
	case raft.MsgPreVote:
		k.campaigns[n.id]++
	case raft.MsgVote:
		k.campaigns[n.id]++
		k.votesFor(n, m.Term, n.id)
		// More may be durable: the candidate met the term's leader before its own write was done.
		if hard.Term == m.Term && !n.disk.log.last().UpToDate(m.Last) {
			k.breach("no promise before durable", "candidate %d stands with a log up to %v, durable is %v",
				n.id, m.Last, n.disk.log.last())
		}
	case raft.MsgVoteReply:
		if !m.Reject {
			k.votesFor(n, m.Term, m.To)
		}
	case raft.MsgAppendReply:
		// In a newer term the follower may have removed it since, and need not have it.
		if !m.Reject && (hard.Term < m.Term || (hard.Term == m.Term && n.disk.log.lastIndex() < m.Match)) {
			k.breach("no promise before durable", "node %d acknowledges up to %d in term %d; durable are %v and term %d",
				n.id, m.Match, m.Term, n.disk.log.last(), hard.Term)
		}
	case raft.MsgSnapshotReply:
		if m.Chunk.Done && hard.Term == m.Term && n.disk.log.lastIndex() < m.Match {
			k.breach("no promise before durable", "node %d has a snapshot up to %d; durable is %v",
				n.id, m.Match, n.disk.log.last())
		}
	case raft.MsgAppend:
		k.appendSent(n, m)
	default: // promises nothing
	}
	if (m.Kind == raft.MsgAppend || m.Kind == raft.MsgHeartbeat || m.Kind == raft.MsgSnapshot) && hard.Term < m.Term {
		k.breach("no promise before durable", "node %d leads term %d; durable is term %d", n.id, m.Term, hard.Term)
	}
}

// votesFor takes a vote that leaves a node: one a term, for ever, and durable.
func (k *Checker) votesFor(n *Node, term raft.Term, candidate raft.NodeID) {
	key := ballot{n.id, term}
	if other, ok := k.votes[key]; ok && other != candidate {
		k.breach("one vote a term", "node %d votes for %d and for %d in term %d", n.id, other, candidate, term)
	}
	k.votes[key] = candidate
	hard := n.disk.hard
	if hard.Term < term || (hard.Term == term && hard.Vote != candidate) {
		k.breach("no promise before durable", "node %d votes for %d in term %d; durable are term %d and vote %d",
			n.id, candidate, term, hard.Term, hard.Vote)
	}
}

// appendSent checks that an AppendEntries holds the sender's log and keeps to the caps.
func (k *Checker) appendSent(n *Node, m raft.Message) {
	size := 0
	for i := range m.Span.Entries {
		size += m.Span.Entries[i].Size()
	}
	if count := len(m.Span.Entries); count > 1 && (count > n.cfg.MessageEntriesMax || size > n.cfg.MessageBytesMax) {
		k.breach("bounded messages", "leader %d sends %d entries of %d bytes, at most %d and %d",
			n.id, count, size, n.cfg.MessageEntriesMax, n.cfg.MessageBytesMax)
	}
	if n.core.Role() != raft.Leader || n.core.Term() != m.Term {
		return // it was the leader when it made the message
	}
	if m.Span.Prev.Index < n.log.first.Index {
		return // it was compacted since
	}
	if !n.log.holds(m.Span.Prev) || !n.log.holds(m.Span.Last()) {
		k.breach("Log Matching", "leader %d sends %s, its log ends at %v", n.id, describe(m), n.log.last())
	}
}
