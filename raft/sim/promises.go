package sim

import (
	"slices"

	"github.com/raftmark/raftmark/raft"
)

// preVotes are the pre-votes that a server was given in its present attempt (thesis §9.6).
type preVotes struct {
	term raft.Term
	from []raft.NodeID
	won  map[raft.Term]bool // the terms that a quorum wanted; looked up only
	told raft.Term          // the last term in which its leader wanted it to stand (thesis §3.10)
}

// sends takes a message that leaves a server: what it promises must be durable there (Figure 2: "Updated on stable
// storage before responding to RPCs").
func (k *checker) sends(n *node, m *raft.Message) {
	if k.off {
		return
	}
	k.checked++
	hard := &n.disk.hard
	switch m.Kind {
	case raft.MsgVote:
		k.votesFor(n, m.Term, n.id)
		k.stands(n, m)
		// More may be durable: the candidate met the term's leader before its own write was done.
		if hard.Term == m.Term && !n.disk.log.last().UpToDate(m.Last) {
			k.w.breach(rulePromises, "candidate %d stands with a log up to %v, durable is %v", n.id, m.Last, n.disk.log.last())
		}
	case raft.MsgVoteReply:
		if !m.Reject {
			k.votesFor(n, m.Term, m.To)
		}
	case raft.MsgAppendReply:
		// In a newer term the follower may have removed it since, and need not have it.
		if !m.Reject && (hard.Term < m.Term || (hard.Term == m.Term && n.disk.log.lastIndex() < m.Match)) {
			k.w.breach(rulePromises, "server %d acknowledges up to %d in term %d; durable are %v and term %d",
				n.id, m.Match, m.Term, n.disk.log.last(), hard.Term)
		}
	case raft.MsgAppend:
		k.appendSent(n, m)
	default: // promises nothing
	}
	if (m.Kind == raft.MsgAppend || m.Kind == raft.MsgHeartbeat) && hard.Term < m.Term {
		k.w.breach(rulePromises, "server %d leads term %d; durable is term %d", n.id, m.Term, hard.Term)
	}
}

// votesFor takes a vote that leaves a server: one a term, for ever, and durable.
func (k *checker) votesFor(n *node, term raft.Term, candidate raft.NodeID) {
	key := ballot{n.id, term}
	if other, was := k.votes[key]; was && other != candidate {
		k.w.breach(ruleVotes, "server %d votes for %d and for %d in term %d", n.id, other, candidate, term)
	}
	k.votes[key] = candidate
	hard := &n.disk.hard
	if hard.Term < term || (hard.Term == term && hard.Vote != candidate) {
		k.w.breach(rulePromises, "server %d votes for %d in term %d; durable are term %d and vote %d",
			n.id, candidate, term, hard.Term, hard.Vote)
	}
}

// receives takes a message on its way into a core, to know of the pre-votes it was given.
func (k *checker) receives(n *node, m *raft.Message) {
	v := &n.preVotes
	switch m.Kind {
	case raft.MsgTimeoutNow:
		v.told = max(v.told, m.Term)
	case raft.MsgPreVoteReply:
		if m.Reject || m.Term < v.term {
			return
		}
		if m.Term > v.term {
			v.term, v.from = m.Term, v.from[:0]
		}
		if !slices.Contains(v.from, m.From) {
			v.from = append(v.from, m.From)
		}
		wanted := func(id raft.NodeID) bool { return id == n.id || slices.Contains(v.from, id) }
		if hasQuorum(n.log.configuration().Configuration, wanted) {
			v.won[m.Term] = true
		}
	default:
		return
	}
}

// stands takes a candidate: a quorum must have wanted the new term, or its leader.
func (k *checker) stands(n *node, m *raft.Message) {
	if k.w.plan.core.NoPreVote || m.Transfer {
		return
	}
	v := &n.preVotes
	configuration := n.log.configuration().Configuration
	alone := hasQuorum(configuration, func(id raft.NodeID) bool { return id == n.id })
	if !v.won[m.Term] && v.told+1 != m.Term && !alone {
		k.w.breach(ruleTerms, "server %d stands for term %d, which of %v only %v wanted (for term %d)",
			n.id, m.Term, configuration, v.from, v.term)
	}
}

// appendSent checks that an AppendEntries holds the sender's log and keeps to the caps.
func (k *checker) appendSent(n *node, m *raft.Message) {
	size, cfg := 0, &k.w.config
	for i := range m.Span.Entries {
		size += m.Span.Entries[i].Size()
	}
	if count := len(m.Span.Entries); count > 1 && (count > cfg.MessageEntriesMax || size > cfg.MessageBytesMax) {
		k.w.breach(ruleBounded, "leader %d sends %d entries of %d bytes, at most %d and %d",
			n.id, count, size, cfg.MessageEntriesMax, cfg.MessageBytesMax)
	}
	if n.core.Role() != raft.Leader || n.core.Term() != m.Term {
		return // it was the leader when it made the message
	}
	if m.Span.Prev.Index >= n.log.first.Index && (!n.log.holds(m.Span.Prev) || !n.log.holds(m.Span.Last())) {
		k.w.breach(ruleLogMatching, "leader %d sends %s, its log is (%v, %v]", n.id, describe(m), n.log.first, n.log.last())
	}
}

// peers compares what a leader believes of its followers with their disks. A follower that is durably in a newer term
// may have removed what it once acknowledged.
func (k *checker) peers(n *node) {
	if k.off || n.seen.role != raft.Leader || n.seen.term != n.core.Term() {
		return
	}
	for _, p := range n.core.Status().Peers {
		if p.InflightMessages > k.w.config.InflightMessagesMax {
			k.w.breach(ruleBounded, "leader %d has %d messages in flight to %d, at most %d",
				n.id, p.InflightMessages, p.ID, k.w.config.InflightMessagesMax)
		}
		if p.InflightMessages > 1 && p.InflightBytes > k.w.config.InflightBytesMax+max(k.w.config.MessageBytesMax, 1000) {
			k.w.breach(ruleBounded, "leader %d has %d bytes in flight to %d, at most %d and a message",
				n.id, p.InflightBytes, p.ID, k.w.config.InflightBytesMax)
		}
		d := &k.w.node(p.ID).disk
		if d.wiped || d.recovering() || d.hard.Term > n.core.Term() {
			continue
		}
		if p.Match <= d.log.first.Index || p.Match <= n.log.first.Index {
			continue
		}
		sum, has := n.log.sum(p.Match)
		if durable, there := d.log.sum(p.Match); !has || !there || durable != sum {
			k.w.breach(ruleMatch, "leader %d of term %d believes that %d matches up to %d; durable there is %v",
				n.id, n.core.Term(), p.ID, p.Match, d.log.last())
		}
	}
}

// bounded checks the caps of a core's memory.
func (k *checker) bounded(n *node) {
	if k.off {
		return
	}
	cfg := &k.w.config
	most := cfg.TailEntriesMax + cfg.UncommittedEntriesMax
	// What is committed and not durable here stays, and a new leader's no-op always fits.
	// A snapshot that the core has just restored is durable, in the store.
	durable := max(n.disk.log.lastIndex(), n.core.FirstIndex())
	if held := int(n.core.LastIndex()) - int(min(n.core.CommitIndex(), durable)); held > most+slackEntries {
		k.w.breach(ruleBounded, "server %d has %d entries above %d, at most %d",
			n.id, held, n.core.CommitIndex(), most)
	}
}

// slackEntries is what may be above the caps: entries of older terms, which their own leaders kept to the cap, and
// no-ops.
const slackEntries = 1 << 12
