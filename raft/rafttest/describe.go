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
		if m.Transfer {
			b.WriteString(", the leader wants it")
		}
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
	case raft.MsgSnapshot:
		b.WriteString(": " + describeChunk(m.Chunk))
	case raft.MsgSnapshotReply:
		b.WriteString(": " + describeStored(m))
	case raft.MsgReadIndex, raft.MsgRecover:
		fmt.Fprintf(&b, ", question %s", describeQuestion(m.Seq))
	case raft.MsgReadIndexReply:
		fmt.Fprintf(&b, ", question %s: %s", describeQuestion(m.Seq),
			map[bool]string{true: "no", false: fmt.Sprint("at ", m.Commit)}[m.Reject])
	default: // its kind says it all
	}
	return b.String()
}

// describeQuestion writes the number of a forwarded read: the start of its server, and the number since then.
func describeQuestion(seq uint64) string { return fmt.Sprintf("%d.%d", seq>>32, seq&(1<<32-1)) }

// nameOf writes which snapshot is meant.
func nameOf(id raft.EntryID) string {
	if id == (raft.EntryID{}) {
		return "a snapshot"
	}
	return "the snapshot of " + id.String()
}

func describeChunk(c *raft.Chunk) string {
	end := c.Offset + uint64(len(c.Data))
	switch {
	case len(c.Data) == 0 && !c.Done:
		return fmt.Sprintf("snapshot of %v, nothing after %d", c.Snapshot.Last, end)
	case c.Done:
		return fmt.Sprintf("snapshot of %v, bytes %d to %d, the end", c.Snapshot.Last, c.Offset, end)
	default:
		return fmt.Sprintf("snapshot of %v, bytes %d to %d", c.Snapshot.Last, c.Offset, end)
	}
}

func describeStored(m raft.Message) string {
	switch last := m.Chunk.Snapshot.Last; {
	case m.Chunk.Done:
		return fmt.Sprintf("snapshot of %v, match %d", last, m.Match)
	case m.Reject:
		return fmt.Sprintf("snapshot of %v, no, try from %d", last, m.Chunk.Offset)
	default:
		return fmt.Sprintf("snapshot of %v, stored up to %d", last, m.Chunk.Offset)
	}
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
		case e.Kind == raft.EntryConfig:
			word += describeConfigEntry(e)
		case e.Kind != raft.EntryCommand:
			word += " " + e.Kind.String()
		case len(e.Data) > 0 && len(e.Data) <= 12:
			word += " " + string(e.Data)
		}
		words = append(words, word)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func describeConfigEntry(e raft.Entry) string {
	c, err := raft.DecodeConfiguration(e.Data)
	if err != nil {
		return " " + err.Error()
	}
	return " config " + c.String()
}

func describeWrite(w write) string {
	if w.begin != nil {
		return fmt.Sprintf("the log begins after %v", w.begin.Last)
	}
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
