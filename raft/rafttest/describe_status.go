package rafttest

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// describeNode writes a node's state and log in one line. The log is the terms of its entries, with a c at
// configurations, after the entry that it begins after, in brackets, when something was compacted.
func describeNode(n *Node) string {
	var b strings.Builder
	log := &n.log
	if n.core == nil {
		log = &n.disk.log
		fmt.Fprintf(&b, "%d  down          term %d", n.id, n.disk.hard.Term)
	} else {
		fmt.Fprintf(&b, "%d  %-13v term %d", n.id, n.core.Role(), n.core.Term())
	}
	b.WriteString("  log")
	if log.first.Index > 0 {
		fmt.Fprintf(&b, " [%v]", log.first)
	}
	for _, e := range log.entries {
		fmt.Fprintf(&b, " %d", e.Term)
		if e.Kind == raft.EntryConfig {
			b.WriteString("c")
		}
	}
	durable := min(n.disk.log.lastIndex(), log.lastIndex())
	fmt.Fprintf(&b, "  durable %d", durable)
	if n.core != nil {
		if still := n.core.Status().DurableIndex; still < durable {
			fmt.Fprintf(&b, " but of the log now only %d", still)
		}
		fmt.Fprintf(&b, "  commit %d  applied %d", n.core.CommitIndex(), n.machine.applied)
	}
	if now, _ := log.configuration(); now.Configuration.IsZero() {
		b.WriteString("  no config")
	} else if now.Index > 0 {
		fmt.Fprintf(&b, "  config %v of %d", now.Configuration, now.Index)
	}
	if lost := n.disk.hard.Recover; lost != (raft.EntryID{}) {
		fmt.Fprintf(&b, "  had %v", lost)
	}
	if n.store.received != nil {
		fmt.Fprintf(&b, "  received %v", n.store.received.name.Last)
	}
	if n.core != nil && n.core.TransferTo() != raft.None {
		fmt.Fprintf(&b, "  hands over to %d", n.core.TransferTo())
	}
	return b.String()
}

// describePeers writes what a leader knows of its followers.
func describePeers(n *Node) []string {
	if n.core == nil || n.core.Role() != raft.Leader {
		return nil
	}
	var lines []string
	for _, p := range n.core.Status().Peers {
		line := fmt.Sprintf("   of %d: %s, match %d, next %d, %d in flight",
			p.ID, p.State, p.Match, p.Next, p.InflightMessages)
		if p.State == "snapshot" {
			line = fmt.Sprintf("   of %d: snapshot, match %d, %d bytes stored", p.ID, p.Match, p.SnapshotBytes)
		}
		if p.Learner {
			line += ", learner"
		}
		if p.Lost {
			line += ", lost what it had"
		}
		lines = append(lines, line)
	}
	return lines
}
