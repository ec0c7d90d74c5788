package replica

import (
	"context"
	"fmt"

	"github.com/raftmark/raftmark/raft"
)

// compaction is one compaction of the log (§7) on its way, at most one at a time:
//
//	applier     takes a view of the machine
//	compactor   makes the view's state durable in the machine
//	loop        says how far the log may go, and forgets it
//	writer      compacts the stored log
type compaction struct {
	view      raft.View
	state     raft.EntryID // that the machine durably holds
	keep      raft.Index   // entries below it that stay
	waits     bool         // for followers that have at least spare
	spare     raft.Index
	force     bool         // for the room: it is not held up for a follower that is being sent a snapshot
	upto      raft.EntryID // that the log will begin after
	termKnown bool         // of upto
	snapshot  raft.Snapshot
	done      chan error // capacity 1; nil when nobody waits
}

// logSize is the size of a part of the log.
type logSize struct{ entries, bytes int }

func (s *logSize) add(entries, bytes int) { s.entries, s.bytes = s.entries+entries, s.bytes+bytes }

func entriesSize(entries []raft.Entry) int {
	size := 0
	for i := range entries {
		size += entries[i].Size()
	}
	return size
}

// compactionTrigger says when the log is compacted by itself.
type compactionTrigger struct {
	off  bool
	max  logSize
	keep int
}

func newCompactionTrigger(o Options) compactionTrigger {
	return compactionTrigger{
		off:  o.SnapshotLogBytes == SnapshotOff,
		max:  logSize{entries: o.SnapshotLogEntries, bytes: o.SnapshotLogBytes},
		keep: max(o.SnapshotKeepEntries, 0),
	}
}

// kept returns how many entries stay in a log whose last part has such a size: Options.SnapshotKeepEntries, but no more
// than make half of the bytes that lead to a compaction.
func (t *compactionTrigger) kept(size logSize) raft.Index {
	if t.off || size.entries == 0 {
		return raft.Index(t.keep)
	}
	mean := max(1, size.bytes/size.entries)
	return raft.Index(min(t.keep, t.max.bytes/2/mean))
}

// Compact compacts the log now, as Options say for automatic compactions, but without waiting for followers. It returns
// when the log is compacted.
func (r *Replica) Compact(ctx context.Context) error {
	select {
	case r.compacting <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("compact the log: %w", ctx.Err())
	case <-r.stop:
		return fmt.Errorf("compact the log: %w", raft.ErrClosed)
	}
	c := &compaction{keep: raft.Index(r.trigger.keep), done: make(chan error, 1)}
	r.handOverApply(applyTask{view: func(view raft.View, last raft.EntryID, err error) {
		r.beginCompaction(c, view, last, err)
	}})
	select {
	case err := <-c.done:
		if err != nil {
			err = fmt.Errorf("compact the log: %w", err)
		}
		return err
	case <-ctx.Done():
		return fmt.Errorf("compact the log: %w", ctx.Err())
	case <-r.done:
		return fmt.Errorf("compact the log: %w", raft.ErrClosed)
	}
}

// compactWhenDue begins a compaction when the log has grown enough, unless one is under way.
func (a *applier) compactWhenDue() {
	t := &a.trigger
	if t.off || (a.since.entries < t.max.entries && a.since.bytes < t.max.bytes) {
		return
	}
	select {
	case a.compacting <- struct{}{}:
	default:
		return
	}
	c := &compaction{keep: t.kept(a.since), waits: true, spare: a.compactedAt}
	a.since, a.compactedAt = logSize{}, a.applied.Index
	view, err := a.machine.Snapshot()
	a.beginCompaction(c, view, a.applied, err)
}

func (r *Replica) beginCompaction(c *compaction, view raft.View, last raft.EntryID, err error) {
	if err != nil {
		r.endCompaction(c, fmt.Errorf("view the state machine: %w", err))
		return
	}
	c.view, c.state = view, last
	r.handOverCompaction(c)
}

func (r *Replica) handOverCompaction(c *compaction) {
	if !r.compactions.put(c) {
		c.abandon()
	}
}

// runCompactor does what takes long: it makes the machine durable, and looks up terms in the stored log.
func (r *Replica) runCompactor() {
	defer r.running.Done()
	var todo []*compaction
	for {
		var ok bool
		if todo, ok = r.compactions.take(todo); !ok {
			return
		}
		for _, c := range todo {
			if err := r.prepare(c); err != nil {
				r.endCompaction(c, err)
				continue
			}
			r.inbox.post(func(w *work) { w.compactions = append(w.compactions, c) })
		}
	}
}

func (r *Replica) prepare(c *compaction) error {
	if c.view != nil {
		err := c.view.Persist()
		if closeErr := c.view.Close(); err == nil {
			err = closeErr
		}
		c.view = nil
		if err != nil {
			return fmt.Errorf("persist the state machine: %w", err)
		}
		return nil
	}
	span, err := r.log.Read(c.upto.Index-1, c.upto.Index, 1)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	c.upto, c.termKnown = span.Last(), true
	return nil
}

// compact lets the core forget what the machine durably holds, but for what followers may still want.
func (l *loop) compact(c *compaction) {
	if !c.termKnown {
		c.upto.Index = l.compactTo(c)
		if c.upto.Index <= l.core.FirstIndex() {
			l.endCompaction(c, nil) // it begins there already
			return
		}
		if c.upto.Term, c.termKnown = l.core.TermAt(c.upto.Index); !c.termKnown {
			l.handOverCompaction(c) // it is not in memory
			return
		}
	}
	var some bool
	if c.force {
		c.snapshot, some = l.core.ForceCompact(c.upto)
	} else {
		c.snapshot, some = l.core.Compact(c.upto)
	}
	if !some {
		l.endCompaction(c, nil)
		return
	}
	l.size.compact(c.snapshot.Last.Index)
	l.report(Event{Kind: EventCompacted, Term: l.core.Term(), Snapshot: c.snapshot.Last})
	if !l.writes.put(writeTask{handed: l.clock(), compact: c}) {
		c.abandon()
	}
}

// compactTo returns the index that the log may begin after.
func (l *loop) compactTo(c *compaction) raft.Index {
	index := c.state.Index - min(c.keep, c.state.Index)
	if !c.waits {
		return index
	}
	for _, p := range l.core.Status().Peers {
		if p.Match >= c.spare {
			index = min(index, p.Match)
		}
	}
	return index
}

// compacted ends a compaction that happened.
func (r *Replica) compacted(c *compaction) {
	r.meter.compactions.Add(1)
	r.endCompaction(c, nil)
}

// endCompaction makes room for the next one. An error stops nothing: the log is compacted later, and if the machine is
// broken, it says so when it applies.
func (r *Replica) endCompaction(c *compaction, err error) {
	if err != nil {
		r.meter.compactionsFailed.Add(1)
		r.logger.Warn("compact the log", "index", c.state.Index, "err", err)
	}
	if c.done != nil {
		c.done <- err
	}
	<-r.compacting
}

// abandon ends a compaction of a replica that stops.
func (c *compaction) abandon() {
	if c.view != nil {
		_ = c.view.Close() // nothing was written
		c.view = nil
	}
	if c.done != nil {
		c.done <- raft.ErrClosed
	}
}
