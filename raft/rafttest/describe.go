package rafttest

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// describe writes a message without its addresses.
func describe(m raft.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v term %d", m.Kind, m.Term)
	switch m.Kind {
	case raft.MsgPreVote, raft.MsgVote:
		fmt.Fprintf(&b, ", log ends at %v", m.Last)
	case raft.MsgPreVoteReply, raft.MsgVoteReply:
		b.WriteString(map[bool]string{true: ": no", false: ": yes"}[m.Reject])
	case raft.MsgAppend:
		fmt.Fprintf(&b, " after %v: %s, commit %d", m.Span.Prev, describeEntries(m.Span), m.Commit)
	case raft.MsgAppendReply:
		if m.Reject {
			fmt.Fprintf(&b, ": no at %d, try %v", m.Match, m.Last)
		} else {
			fmt.Fprintf(&b, ": match %d", m.Match)
		}
	case raft.MsgHeartbeat:
		fmt.Fprintf(&b, ", commit %d", m.Commit)
	default: // its kind says it all
	}
	return b.String()
}

// describeEntries writes the entries of a span: their EntryIDs, and their data where it is a short word.
func describeEntries(s raft.Span) string {
	if len(s.Entries) == 0 {
		return "nothing"
	}
	words := make([]string, 0, len(s.Entries))
	for i, e := range s.Entries {
		word := raft.EntryID{Term: e.Term, Index: s.Prev.Index + raft.Index(i) + 1}.String()
		switch {
		case e.Kind != raft.EntryCommand:
			word += " " + e.Kind.String()
		case len(e.Data) > 0 && len(e.Data) <= 12:
			word += " " + string(e.Data)
		}
		words = append(words, word)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func describeWrite(w write) string {
	var parts []string
	if w.hard != nil {
		parts = append(parts, fmt.Sprintf("term %d, vote %d", w.hard.Term, w.hard.Vote))
	}
	for _, s := range w.spans {
		parts = append(parts, fmt.Sprintf("%s after %v", describeEntries(s), s.Prev))
	}
	return strings.Join(parts, "; ")
}

func describeRead(s raft.Span, err error) string {
	if err != nil {
		return "failed: " + err.Error() + ","
	}
	return describeEntries(s)
}

// describeNode writes a node's state and log in one line.
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
	for _, e := range log.entries {
		fmt.Fprintf(&b, " %d", e.Term)
	}
	fmt.Fprintf(&b, "  durable %d", min(n.disk.log.lastIndex(), log.lastIndex()))
	if n.core != nil {
		fmt.Fprintf(&b, "  commit %d  applied %d", n.core.CommitIndex(), n.applied)
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
		lines = append(lines, fmt.Sprintf("   of %d: %s, match %d, next %d, %d in flight",
			p.ID, p.State, p.Match, p.Next, p.InflightMessages))
	}
	return lines
}
