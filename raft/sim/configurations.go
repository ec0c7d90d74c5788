package sim

import "github.com/raftmark/raftmark/raft"

// configurations are the committed ones, in order; the first is the one that the cluster began with.
type configurations []raft.ConfigurationAt

func (c configurations) last() raft.ConfigurationAt { return c[len(c)-1] }

// at returns the one as of an index.
func (c configurations) at(index raft.Index) raft.ConfigurationAt {
	i := len(c) - 1
	for i > 0 && c[i].Index > index {
		i--
	}
	return c[i]
}

// configured takes a configuration that a server has just put into its log. A leader must have one committed entry of
// its own term, and the configuration before must be committed and have quorums that intersect those of this one.
func (k *checker) configured(n *node) {
	list := n.log.configurations
	now, before := list[len(list)-1], list[max(0, len(list)-2)]
	if n.core.Role() != raft.Leader || now.Index <= before.Index || n.log.entry(now.Index).Term != n.core.Term() {
		return
	}
	if before.Index > n.core.CommitIndex() {
		k.w.breach(ruleConfigurations, "leader %d puts %v at %d while %v at %d is not committed",
			n.id, now.Configuration, now.Index, before.Configuration, before.Index)
	}
	if int(n.core.CommitIndex()) > len(k.committed)+len(n.log.entries) || n.log.first.Index < n.core.CommitIndex() &&
		n.log.id(n.core.CommitIndex()).Term != n.core.Term() {
		k.w.breach(ruleConfigurations, "leader %d puts %v at %d before an entry of its term %d is committed",
			n.id, now.Configuration, now.Index, n.core.Term())
	}
	if !adjacent(before.Configuration, now.Configuration) {
		k.w.breach(ruleConfigurations, "leader %d puts %v at %d after %v: their quorums need not intersect",
			n.id, now.Configuration, now.Index, before.Configuration)
	}
	for _, m := range now.Configuration.Members {
		if _, was := before.Configuration.Member(m.ID); !was && m.ID <= before.Configuration.LastID {
			k.w.breach(ruleConfigurations, "leader %d gives the name %d a second time: %v after %v",
				n.id, m.ID, now.Configuration, before.Configuration)
		}
	}
}

// adjacent reports whether every quorum of one intersects every quorum of the other, by their form: simple ones differ
// in one voter; a joint one has the voters of the simple one before it, and of the one after it, as a half.
func adjacent(a, b raft.Configuration) bool {
	oldOf := func(c raft.Configuration) []raft.NodeID {
		return idsOf(c, func(m *raft.Member) bool { return m.Outgoing })
	}
	newOf := func(c raft.Configuration) []raft.NodeID {
		return idsOf(c, func(m *raft.Member) bool { return m.Voter })
	}
	switch {
	case a.Joint() && b.Joint():
		return false
	case b.Joint():
		return difference(newOf(a), oldOf(b)) == 0
	case a.Joint():
		return difference(newOf(a), newOf(b)) == 0
	default:
		return difference(newOf(a), newOf(b)) <= 1
	}
}

func idsOf(c raft.Configuration, is func(*raft.Member) bool) []raft.NodeID {
	var ids []raft.NodeID
	for i := range c.Members {
		if is(&c.Members[i]) {
			ids = append(ids, c.Members[i].ID)
		}
	}
	return ids
}

// difference counts what is in one of two ordered lists only.
func difference(a, b []raft.NodeID) int {
	count := 0
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			a, count = a[1:], count+1
		case len(a) == 0 || b[0] < a[0]:
			b, count = b[1:], count+1
		default:
			a, b = a[1:], b[1:]
		}
	}
	return count
}

// committedConfiguration takes a configuration that has just been committed.
func (k *checker) committedConfiguration(at raft.ConfigurationAt) {
	before := k.configurations.last()
	k.configurations = append(k.configurations, at)
	k.w.tracef("committed is the configuration %v at %d", at.Configuration, at.Index)
	switch {
	case at.Configuration.Joint():
		k.w.cov.ChangesJoint++
		return
	case !before.Configuration.Joint():
		k.w.cov.ChangesSimple++
	}
	k.w.retire(before.Configuration, at.Configuration)
}
