package replica

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// writeTask is the part of a Ready that concerns the disk.
type writeTask struct {
	install   *install // before the write
	hardState *raft.HardState
	spans     []raft.Span
	write     raft.WriteID // 0 when nothing is to be written
	sends     []raft.Message
	traces    []*trace
	compact   *compaction // at any time after the write
}

// runWriter makes writes durable. All that waited during one sync goes into the next: group commit at the
// leader, and at a follower one sync for many messages, without added delay. Then the messages that waited
// for it leave.
func (r *Replica) runWriter() {
	defer r.running.Done()
	var tasks []writeTask
	var merged writeTask
	for {
		var ok bool
		if tasks, ok = r.writes.take(tasks); !ok {
			return
		}
		for rest := tasks; len(rest) > 0; {
			n := mergeable(rest)
			merged.merge(rest[:n])
			if err := r.write(&merged); err != nil {
				r.fail(fmt.Errorf("write the log: %w", err))
				return
			}
			rest = rest[n:]
		}
	}
}

// mergeable returns how many of the tasks, which are at least one, may become one write: an install comes before what
// was asked for after it, and after what was asked for before it.
func mergeable(tasks []writeTask) int {
	for i := 1; i < len(tasks); i++ {
		if tasks[i].install != nil {
			return i
		}
	}
	return len(tasks)
}

func (r *Replica) write(t *writeTask) error {
	if t.install != nil {
		if err := r.compactLog(t.install.snapshot); err != nil {
			return err
		}
		close(t.install.logged)
	}
	if t.write != 0 {
		if err := r.append(t); err != nil {
			return err
		}
	}
	for i := range t.sends {
		r.transport.Send(t.sends[i])
	}
	if t.write != 0 {
		r.inbox.post(func(w *work) { w.synced = t.write })
	}
	if t.compact != nil {
		if err := r.compactLog(t.compact.snapshot); err != nil {
			return err
		}
		r.compacted(t.compact)
	}
	return nil
}

// append appends and waits until that is durable.
func (r *Replica) append(t *writeTask) error {
	begin := time.Now()
	r.noteWriteBegins(begin)
	if t.hardState != nil || len(t.spans) > 0 {
		wait, err := r.log.Append(t.hardState, t.spans)
		if err != nil {
			return err
		}
		if err := wait(); err != nil {
			return err
		}
	}
	r.writeBegan.Store(0)
	r.meter.synced(time.Since(begin), t.spans)
	for _, tr := range t.traces {
		tr.durable = tr.since()
	}
	return nil
}

// compactLog drops what is in the log up to a snapshot: to the disk, a write like any other.
func (r *Replica) compactLog(upto raft.Snapshot) error {
	r.noteWriteBegins(time.Now())
	defer r.writeBegan.Store(0)
	return r.log.Compact(upto)
}

func (r *Replica) noteWriteBegins(at time.Time) {
	r.writeBegan.Store(max(1, int64(at.Sub(r.started))))
}

// oldestWriteAge returns how long the write under way has taken; 0 when none is.
func (r *Replica) oldestWriteAge() time.Duration {
	began := r.writeBegan.Load()
	if began == 0 {
		return 0
	}
	return time.Since(r.started) - time.Duration(began)
}

// merge makes one write of many, in their order. Only the first may have an install.
func (t *writeTask) merge(tasks []writeTask) {
	clear(t.spans)
	clear(t.sends)
	clear(t.traces)
	*t = writeTask{install: tasks[0].install, spans: t.spans[:0], sends: t.sends[:0], traces: t.traces[:0]}
	for i := range tasks {
		task := &tasks[i]
		if task.hardState != nil {
			t.hardState = task.hardState
		}
		if task.write != 0 {
			t.write = task.write
		}
		if task.compact != nil {
			t.compact = task.compact // there is one at a time
		}
		t.spans = append(t.spans, task.spans...)
		t.sends = append(t.sends, task.sends...)
		t.traces = append(t.traces, task.traces...)
	}
}
