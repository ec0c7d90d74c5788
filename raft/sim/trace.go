package sim

import (
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// describe writes a message without its addresses.
func describe(m *raft.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v term %d", m.Kind, m.Term)
	switch m.Kind {
	case raft.MsgPreVote, raft.MsgVote:
		fmt.Fprintf(&b, ", log ends at %v", m.Last)
	case raft.MsgAppend:
		fmt.Fprintf(&b, " after %v: %s, commit %d", m.Span.Prev, describeEntries(m.Span), m.Commit)
	case raft.MsgAppendReply:
		if m.Reject {
			fmt.Fprintf(&b, " at %d, try %v", m.Match, m.Last)
		} else {
			fmt.Fprintf(&b, ": match %d", m.Match)
		}
	case raft.MsgHeartbeat, raft.MsgReadIndexReply:
		fmt.Fprintf(&b, ", commit %d", m.Commit)
	default: // its kind says it all
	}
	if c := m.Chunk; c != nil {
		fmt.Fprintf(&b, ", snapshot %v at %d: %d bytes, done %v", c.Snapshot.Last, c.Offset, len(c.Data), c.Done)
	}
	if m.Reject {
		b.WriteString(", no")
	}
	if m.Transfer {
		b.WriteString(", by transfer")
	}
	if m.Seq != 0 {
		fmt.Fprintf(&b, ", seq %d", m.Seq)
	}
	return b.String()
}

// describeEntries writes the entries of a span.
func describeEntries(s raft.Span) string {
	if len(s.Entries) == 0 {
		return "nothing"
	}
	last := s.Last()
	text := fmt.Sprintf("(%v, %v]", s.Prev, last)
	for i := range s.Entries {
		if s.Entries[i].Kind == raft.EntryConfig {
			c, err := raft.DecodeConfiguration(s.Entries[i].Data)
			text += fmt.Sprintf(" {%d: %v %v}", s.Prev.Index+raft.Index(i)+1, c, err)
		}
	}
	return text
}

func (w *world) traceObserved(n *node, now observed) {
	if now.role != n.seen.role || now.term != n.seen.term {
		w.tracef("%d  is %v in term %d", n.id, now.role, now.term)
	}
	if now.commit != n.seen.commit {
		w.tracef("%d  commits up to %d", n.id, now.commit)
	}
}

// recordObserved is traceObserved for the diagram.
func (w *world) recordObserved(n *node, now observed) {
	if now.role != n.seen.role || now.term != n.seen.term {
		w.events.Role(n.id, now.role, now.term)
	}
	if now.commit != n.seen.commit {
		w.events.Commit(n.id, now.commit)
	}
}

// tail keeps the last lines of a trace.
type tail struct {
	lines []string
	next  int
}

// tailLines is how many lines a failure shows.
const tailLines = 60

func (t *tail) add(line string) {
	if len(t.lines) < tailLines {
		t.lines = append(t.lines, line)
		return
	}
	t.lines[t.next] = line
	t.next = (t.next + 1) % tailLines
}

func (t *tail) all() []string {
	return append(append([]string(nil), t.lines[t.next:]...), t.lines[:t.next]...)
}
