package replica

import (
	"fmt"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// applyTask is what the machine is to do next, one of these.
type applyTask struct {
	// A range to apply, and who waits for entries in it, in the order of their indexes.
	apply   raft.Apply
	waiting []*Proposal
	// Reads, to be served when readIndex has been applied.
	reads     []*Read
	readIndex raft.Index
	// A view to be taken.
	view viewFunc
	// A snapshot to be restored.
	install *install
}

// viewFunc takes a view of the machine, and the last entry in it; or an error. It is called exactly once, and must not
// block.
type viewFunc func(view raft.View, last raft.EntryID, err error)

// readBytesMax bounds one read of the log for applying or for a slow follower.
const readBytesMax = 1 << 20

// applier is the one goroutine that touches the machine.
type applier struct {
	*Replica
	applied     raft.EntryID
	since       logSize     // applied since the last automatic compaction,
	compactedAt raft.Index  // which was begun here
	reads       []applyTask // that wait for their index
	results     [][]byte    // to be used again
}

// run applies committed entries in batches and completes their proposals in one pass each.
func (a *applier) run() {
	defer a.running.Done()
	defer func() { a.completeAll(a.reads, raft.ErrClosed) }()
	var tasks []applyTask
	for {
		var ok bool
		if tasks, ok = a.applies.take(tasks); !ok {
			return
		}
		for i := range tasks {
			if err := a.do(&tasks[i]); err != nil {
				a.completeAll(tasks[i:], ErrUnknown)
				if !a.stopping() {
					a.fail(fmt.Errorf("apply: %w", err))
				}
				return
			}
		}
	}
}

func (a *applier) do(t *applyTask) error {
	switch {
	case t.reads != nil:
		a.await(t)
		return nil
	case t.view != nil:
		view, err := a.machine.Snapshot()
		t.view(view, a.applied, err)
		t.view = nil
		return nil
	case t.install != nil:
		if err := a.install(t.install); err != nil {
			return err
		}
	default:
		if err := a.apply(t); err != nil {
			return err
		}
		a.compactWhenDue()
	}
	a.serveWaiting()
	upto := a.applied.Index
	a.inbox.post(func(w *work) { w.applied = upto })
	return nil
}

// handOverApply gives the applier a task. When the replica was stopped in the middle of this turn, the task ends here.
func (r *Replica) handOverApply(t applyTask) {
	if !r.applies.put(t) {
		r.completeAll([]applyTask{t}, ErrUnknown)
	}
}

// completeAll ends the proposals of tasks with err, and what waits beside them.
func (r *Replica) completeAll(tasks []applyTask, err error) {
	for i := range tasks {
		t := &tasks[i]
		for _, p := range t.waiting {
			p.complete(err)
		}
		r.failReads(t.reads, raft.ErrClosed)
		if t.view != nil {
			t.view(nil, raft.EntryID{}, raft.ErrClosed)
		}
		*t = applyTask{}
	}
}

// apply applies one range, reading what is no longer in memory.
func (a *applier) apply(t *applyTask) error {
	span := t.apply.Span
	for {
		if len(span.Entries) == 0 {
			var err error
			if span, err = a.log.Read(span.LastIndex(), t.apply.Upto, readBytesMax); err != nil {
				return err
			}
			invariant.Check1(len(span.Entries) > 0, "nothing read after %v", span.Prev)
		}
		var wanted [][]byte // nil when nobody waits here, as on a follower: no replies are built
		if len(t.waiting) > 0 {
			a.results = append(a.results[:0], make([][]byte, len(span.Entries))...)
			wanted = a.results
		}
		a.applyBegan.Store(max(1, int64(a.clock())))
		err := a.machine.Apply(span, wanted)
		a.applyBegan.Store(0)
		if err != nil {
			return err
		}
		a.applied = span.Last()
		a.since.add(len(span.Entries), entriesSize(span.Entries))
		a.meter.appliedEntries.Add(uint64(len(span.Entries)))
		if a.tracer.samplesAny(&span) {
			a.tracer.applied(&span, a.clock())
		}
		t.waiting = a.answer(t.waiting, span)
		if span.LastIndex() >= t.apply.Upto {
			break
		}
		span = raft.Span{Prev: span.Last()}
	}
	invariant.Check2(len(t.waiting) == 0, "%d proposals wait beyond %d", len(t.waiting), t.apply.Upto)
	return nil
}

// answer completes the proposals whose entries are in span and returns the others.
func (a *applier) answer(waiting []*Proposal, span raft.Span) []*Proposal {
	done := 0
	for _, p := range waiting {
		if p.ID.Index > span.LastIndex() {
			break
		}
		done++
		i := p.ID.Index - span.Prev.Index - 1
		invariant.Check2(span.Entries[i].Term == p.ID.Term, "proposal %v waits for an entry of term %d",
			p.ID, span.Entries[i].Term)
		p.Result = a.results[i]
		id := p.ID // p is the caller's again when it is complete
		p.complete(nil)
		if a.tracer.samples(id.Index) {
			a.tracer.answered(id, a.clock())
		}
	}
	return waiting[done:]
}
