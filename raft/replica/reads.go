package replica

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Read asks for an index at which this server's machine may be read linearizably (§8, thesis §6.4). The caller fills
// Done and hands it to [Replica.Read]; the replica owns it until Done is called, exactly once.
type Read struct {
	// Done takes the outcome from one of the replica's goroutines; it must not block. With Err nil the machine has
	// applied Index, and what it answers from now on is linearizable with regard to all that was before the call.
	// Any error is definite: a read has no effect.
	Done func(*Read)

	Index raft.Index
	Err   error

	begun time.Duration // by the replica's clock
}

// readBatch are reads that one token of the core speaks for.
type readBatch struct {
	token uint64
	asked time.Duration
	reads []*Read
}

// askedMax bounds the batches that wait for their index; what comes while there are so many joins the next one.
const askedMax = 64

// Read asks for an index; q.Done takes it, possibly before Read returns. Any server may be asked: one that does not
// lead asks its leader. It fails with raft.ErrBusy at Options.ReadsMax, and with ErrUnconfirmed after
// Options.ReadTimeout.
func (r *Replica) Read(q *Read) {
	q.Index, q.Err, q.begun = 0, nil, r.clock()
	if r.readsWaiting.Add(1) > r.readsMax {
		r.readsWaiting.Add(-1)
		r.meter.readsBusy.Add(1)
		q.Err = raft.ErrBusy
		q.Done(q)
		return
	}
	if !r.inbox.read(q) {
		r.failRead(q, raft.ErrClosed)
	}
}

// ReadIndex waits until this server's machine may be read, and returns the index that it has applied at least: see
// [Replica.Read].
func (r *Replica) ReadIndex(ctx context.Context) (raft.Index, error) {
	done := make(chan *Read, 1)
	r.Read(&Read{Done: func(q *Read) { done <- q }})
	select {
	case q := <-done:
		return q.Index, q.Err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnconfirmed, ctx.Err())
	}
}

func (r *Replica) serveReads(reads []*Read, index raft.Index) {
	r.readsWaiting.Add(-int64(len(reads)))
	r.meter.reads.Add(uint64(len(reads)))
	for _, q := range reads {
		q.Index = index
		q.Done(q)
	}
}

func (r *Replica) failReads(reads []*Read, err error) {
	for _, q := range reads {
		r.failRead(q, err)
	}
}

func (r *Replica) failRead(q *Read, err error) {
	r.readsWaiting.Add(-1)
	r.meter.readsFailed.Add(1)
	q.Err = err
	q.Done(q)
}

// read gives the core one token for all reads that wait.
func (l *loop) read(ticked bool) {
	l.waiting = append(l.waiting, l.work.reads...)
	if ticked {
		l.retryReads()
	}
	l.ask()
}

func (l *loop) ask() {
	if len(l.waiting) == 0 || len(l.asked) >= askedMax {
		return
	}
	l.lastToken++
	l.meter.readBatches.Add(1)
	l.asked = append(l.asked, readBatch{token: l.lastToken, asked: l.clock(), reads: slices.Clone(l.waiting)})
	l.waiting = emptied(l.waiting)
	l.core.ReadIndex(l.lastToken)
}

// retryReads asks again, with another token, for those that were refused, or not answered for long; and gives up those
// that have waited for too long.
func (l *loop) retryReads() {
	if len(l.asked)+len(l.waiting)+len(l.unanswered) == 0 {
		return
	}
	now := l.clock()
	late := 0
	for late < len(l.asked) && now-l.asked[late].asked >= l.readRetryAfter {
		l.unanswered = append(l.unanswered, l.asked[late].reads...)
		late++
	}
	l.asked = slices.Delete(l.asked, 0, late)
	l.waiting = append(l.waiting, l.unanswered...)
	l.unanswered = emptied(l.unanswered)
	l.waiting = slices.DeleteFunc(l.waiting, func(q *Read) bool {
		expired := now-q.begun >= l.readTimeout
		if expired {
			l.failRead(q, l.unconfirmed())
		}
		return expired
	})
}

func (l *loop) unconfirmed() error {
	if leader := l.core.Leader(); leader != raft.None {
		return fmt.Errorf("%w: node %d leads", ErrUnconfirmed, leader)
	}
	return fmt.Errorf("%w: no leader known", ErrUnconfirmed)
}

// takeRead takes the answer to a token. Reads wait on for the machine where the machine is, with the applier, unless it
// is known to be there already.
func (l *loop) takeRead(answer raft.Read) {
	i := slices.IndexFunc(l.asked, func(b readBatch) bool { return b.token == answer.Token })
	if i < 0 {
		return // it was asked again since
	}
	reads := l.asked[i].reads
	l.asked = slices.Delete(l.asked, i, i+1)
	switch {
	case answer.Err != nil:
		l.unanswered = append(l.unanswered, reads...)
	case answer.Index <= l.appliedIndex:
		l.serveReads(reads, answer.Index)
	default:
		l.handOverApply(applyTask{reads: reads, readIndex: answer.Index})
	}
}

func (l *loop) endReads() {
	for _, b := range l.asked {
		l.failReads(b.reads, raft.ErrClosed)
	}
	l.failReads(l.waiting, raft.ErrClosed)
	l.failReads(l.unanswered, raft.ErrClosed)
}

// await keeps reads until the machine has applied their index.
func (a *applier) await(t *applyTask) {
	if t.readIndex <= a.applied.Index {
		a.serveReads(t.reads, t.readIndex)
	} else {
		a.reads = append(a.reads, *t)
	}
	t.reads = nil
}

// serveWaiting serves the reads whose index has been applied.
func (a *applier) serveWaiting() {
	a.reads = slices.DeleteFunc(a.reads, func(t applyTask) bool {
		if t.readIndex > a.applied.Index {
			return false
		}
		a.serveReads(t.reads, t.readIndex)
		return true
	})
}
