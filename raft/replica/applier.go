package replica

import (
	"fmt"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
)

// applyTask is a range to apply, and who waits for entries in it, in the order of their indexes.
type applyTask struct {
	apply   raft.Apply
	waiting []*Proposal
}

// readBytesMax bounds one read of the log for applying or for a slow follower.
const readBytesMax = 1 << 20

// runApplier applies committed entries in batches and completes their proposals in one pass each.
func (r *Replica) runApplier() {
	defer r.running.Done()
	var tasks []applyTask
	var results [][]byte
	for {
		var ok bool
		if tasks, ok = r.applies.take(tasks); !ok {
			return
		}
		for i := range tasks {
			var err error
			if results, err = r.apply(&tasks[i], results); err != nil {
				completeAll(tasks[i:], ErrUnknown)
				r.fail(fmt.Errorf("apply: %w", err))
				return
			}
			upto := tasks[i].apply.Upto
			r.inbox.post(func(w *work) { w.applied = upto })
		}
	}
}

func completeAll(tasks []applyTask, err error) {
	for i := range tasks {
		for _, p := range tasks[i].waiting {
			p.complete(err)
		}
		tasks[i].waiting = nil
	}
}

// apply applies one range, reading what is no longer in memory, and returns results for reuse.
func (r *Replica) apply(t *applyTask, results [][]byte) ([][]byte, error) {
	span := t.apply.Span
	for {
		if len(span.Entries) == 0 {
			var err error
			if span, err = r.log.Read(span.LastIndex(), t.apply.Upto, readBytesMax); err != nil {
				return results, err
			}
			invariant.Check1(len(span.Entries) > 0, "nothing read after %v", span.Prev)
		}
		var wanted [][]byte // nil when nobody waits here, as on a follower: no replies are built
		if len(t.waiting) > 0 {
			results = append(results[:0], make([][]byte, len(span.Entries))...)
			wanted = results
		}
		if err := r.machine.Apply(span, wanted); err != nil {
			return results, err
		}
		r.meter.appliedEntries.Add(uint64(len(span.Entries)))
		t.waiting = r.answer(t.waiting, span, results)
		if span.LastIndex() >= t.apply.Upto {
			break
		}
		span = raft.Span{Prev: span.Last()}
	}
	invariant.Check2(len(t.waiting) == 0, "%d proposals wait beyond %d", len(t.waiting), t.apply.Upto)
	return results, nil
}

// answer completes the proposals whose entries are in span and returns the others.
func (r *Replica) answer(waiting []*Proposal, span raft.Span, results [][]byte) []*Proposal {
	done := 0
	for _, p := range waiting {
		if p.ID.Index > span.LastIndex() {
			break
		}
		done++
		i := p.ID.Index - span.Prev.Index - 1
		invariant.Check2(span.Entries[i].Term == p.ID.Term, "proposal %v waits for an entry of term %d",
			p.ID, span.Entries[i].Term)
		p.Result = results[i]
		r.completeTraced(p)
	}
	return waiting[done:]
}

func (r *Replica) completeTraced(p *Proposal) {
	t, id := p.trace, p.ID
	if t == nil {
		p.complete(nil)
		return
	}
	t.applied = t.since()
	p.trace = nil
	p.complete(nil)
	t.answer = t.since()
	r.traces.keep(t, id)
}
