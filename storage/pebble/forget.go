package pebble

import "github.com/raftmark/raftmark/raft"

// forget removes, with the batch that compacts upto, the compacted runs that are in memory only: when the engine writes
// the memtable to a table, it leaves out what the same memtable deletes. So the part of the log that is compacted
// before a memtable is full is written once, to the WAL, and not twice.
//
// Runs that are in tables already are left to drop: to delete them here would make tables overlap, and the engine merge
// them. The run that upto is in stays, so that a Load finds what the log begins after. It needs mu.
func (l *Log) forget(b *builder, upto raft.Index) error {
	if l.tuning.forgetOff {
		return nil
	}
	var end raft.Index
	err, panicked := l.failure.Guard(func() error {
		h, _, err := l.runOf(upto)
		end = h.first
		return err
	})
	l.panicked = l.panicked || panicked
	from := max(l.lowest, l.forgotten, l.inMemory)
	if err != nil || from >= end {
		return err
	}
	l.forgotten = end
	return b.removeRuns(from, end)
}

// noteMemtable notes where the memtable begins that took the plan, which is not noted in the state yet. Nothing depends
// on it but how much is written: what is deleted too much is deleted anyway. It needs mu.
func (l *Log) noteMemtable(p plan) {
	wals := l.wals.Load()
	if wals == l.walsSeen {
		return
	}
	l.walsSeen, l.inMemory = wals, p.last.Index+1
	if len(p.segments) > 0 {
		l.inMemory = p.segments[0].Prev.Index + 1
	}
}
