package replica

import "github.com/raftmark/raftmark/raft"

// traceListChunk is how many records are read under one hold of the lock, which the loop and the transport want, too.
const traceListChunk = 128

// count returns how many traces are kept.
func (t *tracer) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.head - t.oldest)
}

// list returns the traces, oldest first, and the index after which they are all that there are.
func (t *tracer) list() (list []Trace, after raft.Index) {
	at, done := uint64(0), false
	for !done {
		list, after, at, done = t.more(list, after, at)
	}
	return list, after
}

// more adds a few traces from a place on, and returns the next one, and whether there is none. When the ring has
// overtaken the reader the list begins anew; when the end of it was replaced meanwhile, that end is dropped.
func (t *tracer) more(list []Trace, after raft.Index, at uint64) (_ []Trace, _ raft.Index, next uint64, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at <= t.oldest {
		list, after, at = list[:0], t.after, t.oldest
	}
	if at > t.head {
		list, at = list[:uint64(len(list))-(at-t.head)], t.head
	}
	for at > t.oldest && len(list) > 0 && list[len(list)-1].ID != t.ring[(at-1)%t.max].id {
		list, at = list[:len(list)-1], at-1
	}
	for end := min(t.head, at+traceListChunk); at < end; at++ {
		list = append(list, t.ring[at%t.max].trace())
	}
	return list, after, at, at == t.head
}

// trace returns the record as the caller's own.
func (r *traceRecord) trace() Trace {
	return Trace{
		ID: r.id, Proposed: r.proposed, Batched: r.batched, Appended: r.appended, Answered: r.answered,
		Peers: append([]TracePeer(nil), r.peer[:r.peers]...), Received: r.received,
		Writing: r.writing, Durable: r.durable, Committed: r.committed, Applied: r.applied,
		Batch: int(r.batch), Written: int(r.written),
	}
}
