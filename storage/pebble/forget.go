package pebble

import "github.com/raftmark/raftmark/raft"

// forget removes, with the batch that compacts upto, the compacted runs that are in memory only: when the engine writes
// the memtable to a table, it leaves out what the same memtable deletes. So the part of the log that is compacted
// before a memtable is full is written once, to the WAL, and not twice.
//
// Runs that are in tables already are left to drop: to delete them here would make tables overlap, and the engine merge
// them. The run that upto is in stays, so that a Load finds what the log begins after. It needs mu.
func (l *Log) forget(b *builder, upto raft.Index) error {
	if l.tuning.forgetOff || l.db.Metrics().MemTable.Count > 1 {
		return nil // another memtable is being written; what is in it cannot be told from what is in this one
	}
	var from, end raft.Index
	err, panicked := l.failure.Guard(func() (err error) {
		from, end, err = l.forgettable(upto)
		return err
	})
	l.panicked = l.panicked || panicked
	if err != nil || from >= end {
		return err
	}
	l.forgotten = end
	return b.removeRuns(from, end)
}

// forgettable returns the indexes in which the runs before the one of upto begin that are not in tables. It needs mu.
func (l *Log) forgettable(upto raft.Index) (from, end raft.Index, err error) {
	h, _, err := l.runOf(upto)
	if err != nil {
		return 0, 0, err
	}
	levels, err := l.db.SSTables()
	if err != nil {
		return 0, 0, err
	}
	from = max(l.lowest, l.forgotten)
	for _, tables := range levels {
		for _, t := range tables {
			if last, err := parseRunKey(t.Largest.UserKey); err == nil {
				from = max(from, last+1)
			}
		}
	}
	return from, h.first, nil
}
