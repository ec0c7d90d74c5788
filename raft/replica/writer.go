package replica

import (
	"fmt"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// writeTask is the part of a Ready that concerns the disk.
type writeTask struct {
	hardState *raft.HardState
	spans     []raft.Span
	write     raft.WriteID // 0 when nothing is to be written
	sends     []raft.Message
	traces    []*trace
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
		merged.merge(tasks)
		if err := r.write(&merged); err != nil {
			r.fail(fmt.Errorf("write the log: %w", err))
			return
		}
	}
}

func (r *Replica) write(t *writeTask) error {
	if t.write != 0 {
		begin := time.Now()
		r.writeBegan.Store(max(1, int64(begin.Sub(r.started))))
		wait, err := r.log.Append(t.hardState, t.spans)
		if err != nil {
			return err
		}
		if err := wait(); err != nil {
			return err
		}
		r.writeBegan.Store(0)
		r.meter.synced(time.Since(begin), t.spans)
		for _, tr := range t.traces {
			tr.durable = tr.since()
		}
	}
	for i := range t.sends {
		r.transport.Send(t.sends[i])
	}
	if t.write != 0 {
		r.inbox.post(func(w *work) { w.synced = t.write })
	}
	return nil
}

// oldestWriteAge returns how long the write under way has taken; 0 when none is.
func (r *Replica) oldestWriteAge() time.Duration {
	began := r.writeBegan.Load()
	if began == 0 {
		return 0
	}
	return time.Since(r.started) - time.Duration(began)
}

// merge makes one write of many, in their order.
func (t *writeTask) merge(tasks []writeTask) {
	clear(t.spans)
	clear(t.sends)
	clear(t.traces)
	*t = writeTask{spans: t.spans[:0], sends: t.sends[:0], traces: t.traces[:0]}
	for i := range tasks {
		task := &tasks[i]
		if task.hardState != nil {
			t.hardState = task.hardState
		}
		if task.write != 0 {
			t.write = task.write
		}
		t.spans = append(t.spans, task.spans...)
		t.sends = append(t.sends, task.sends...)
		t.traces = append(t.traces, task.traces...)
	}
}
