package replica

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// writeTask is the part of a Ready that concerns the disk.
type writeTask struct {
	handed    time.Duration // when, by the replica's clock
	install   *install      // before the write
	hardState *raft.HardState
	spans     []raft.Span
	write     raft.WriteID // 0 when nothing is to be written
	sends     []raft.Message
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
	r.noteWrite(t.handed)
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
	took := time.Since(begin)
	r.meter.synced(took, t.spans)
	r.tracer.wrote(t.spans, begin.Sub(r.started), begin.Sub(r.started)+took)
	return nil
}

// compactLog drops what is in the log up to a snapshot: to the disk, a write like any other.
func (r *Replica) compactLog(upto raft.Snapshot) error {
	r.noteWrite(r.clock())
	defer r.writeBegan.Store(0)
	return r.log.Compact(upto)
}

func (r *Replica) noteWrite(handed time.Duration) { r.writeBegan.Store(max(1, int64(handed))) }

// oldestWriteAge returns how long ago the oldest write was handed over that is not durable yet; 0 when there is none.
// The one under way may be a younger one: a compaction of the log comes between writes.
func (r *Replica) oldestWriteAge() time.Duration {
	age := r.since(&r.writeBegan)
	if waiting, some := r.writes.first(); some {
		age = max(age, r.clock()-waiting.handed)
	}
	return age
}

// applyAge returns how long ago the call of the machine that is under way began; 0 when none is.
func (r *Replica) applyAge() time.Duration { return r.since(&r.applyBegan) }

// since returns how long ago something began, or 0.
func (r *Replica) since(began *atomic.Int64) time.Duration {
	if at := began.Load(); at != 0 {
		return r.clock() - time.Duration(at)
	}
	return 0
}

// merge makes one write of many, in their order. Only the first may have an install.
func (t *writeTask) merge(tasks []writeTask) {
	clear(t.spans)
	clear(t.sends)
	*t = writeTask{
		handed: tasks[0].handed, install: tasks[0].install,
		spans: t.spans[:0], sends: t.sends[:0],
	}
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
	}
}
