package reports

import "github.com/raftmark/raftmark/reports/table"

// wireTable is what a commit costs between the nodes.
func (s *study) wireTable() *table.Table {
	t := &table.Table{
		Caption: "What the nodes sent each other for a committed entry of the steady phase: all nodes together, heartbeats " +
			"included, bytes at the sockets without headers of UDP, TCP and below.",
		Columns: table.Columns("arm", "commits", "messages", "bytes", "segments", "system calls"),
	}
	for _, a := range s.arms {
		w := a.Wire
		if w == nil {
			continue
		}
		segments := missing()
		if w.Segments != nil {
			segments = table.Of(table.Significant(*w.Segments))
		}
		t.Add(table.Of(a.Name), table.Of(table.Count(w.Commits)), table.Of(table.Significant(w.Messages)),
			table.Of(table.Significant(w.Bytes)), segments, table.Of(table.Significant(w.Calls)))
	}
	return t
}
