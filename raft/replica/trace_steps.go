package replica

import (
	"time"

	"github.com/raftmark/raftmark/raft"
)

// tracedBatch notes the proposals that the core took in this turn of the loop.
func (l *loop) tracedBatch(taken []*Proposal) {
	t := &l.tracer
	if t.bound == 0 {
		return
	}
	for _, p := range taken {
		if !t.samples(p.ID.Index) {
			continue
		}
		t.mu.Lock()
		t.lead(p.ID.Term)
		if r := t.begin(p.ID, p.ID.Term); r != nil {
			r.proposed, r.batched, r.batch = p.proposed, l.turned, int32(len(taken))
		}
		t.mu.Unlock()
	}
}

// tracedPay notes what the Ready at hand has the log take, and followers be sent.
func (l *loop) tracedPay() {
	t := &l.tracer
	if t.bound == 0 {
		return
	}
	if len(l.ready.Append) > 0 {
		t.mu.Lock()
		t.stored(l.ready.Append, l.core.Term())
		t.mu.Unlock()
	}
	if l.core.Role() != raft.Leader {
		return
	}
	var now time.Duration // 0: nothing to note yet
	for i := range l.ready.Append {
		if s := &l.ready.Append[i]; len(s.Entries) > 0 {
			now = l.tracedAt(now)
			t.appended(s, now)
		}
	}
	for i := range l.ready.SendNow {
		if m := &l.ready.SendNow[i]; m.Kind == raft.MsgAppend && len(m.Span.Entries) > 0 {
			now = l.tracedAt(now)
			t.sent(m, now)
		}
	}
	if now != 0 {
		t.mu.Unlock()
	}
}

// appended notes what a leader appends. The entries that it has from before its election are another one's. The lock is
// held.
func (t *tracer) appended(s *raft.Span, now time.Duration) {
	for r := t.pass(&t.steps[traceAppended], s.LastIndex()); r != nil; r = t.pass(&t.steps[traceAppended], s.LastIndex()) {
		if r.id.Index > s.Prev.Index && has(s, r.id) {
			r.appended = now
		}
	}
}

// tracedAt locks the tracer and reads the clock, if now says that this was not done yet.
func (l *loop) tracedAt(now time.Duration) time.Duration {
	if now == 0 {
		l.tracer.mu.Lock()
		now = max(1, l.clock())
	}
	return now
}

// sent notes a message with entries. The lock is held.
func (t *tracer) sent(m *raft.Message, now time.Duration) {
	t.lead(m.Term)
	p := t.peerState(m.To)
	if p == nil {
		return
	}
	if p.next-p.first < traceInflightMax {
		p.inflight[p.next%traceInflightMax] = m.Span.LastIndex()
		p.next++
	}
	for r := t.pass(&p.sent, m.Span.LastIndex()); r != nil; r = t.pass(&p.sent, m.Span.LastIndex()) {
		if r.id.Term != m.Term || r.id.Index <= m.Span.Prev.Index {
			continue // it went before, or in a snapshot
		}
		if to := r.of(m.To, true); to != nil {
			to.Sent, to.Inflight = now, int(p.next-p.first)
		}
	}
}

// deliver takes a message from the transport, and notes when: what it waits for the loop is part of the way.
func (r *Replica) deliver(m raft.Message) {
	if t := &r.tracer; t.bound > 0 {
		switch {
		case m.Kind == raft.MsgAppend && t.samplesAny(&m.Span):
			t.received(&m.Span, m.Term, r.clock())
		case m.Kind == raft.MsgAppendReply && !m.Reject && m.Match > 0:
			t.acked(&m, r.clock())
		}
	}
	r.inbox.deliver(m)
}

// received notes commands that the leader of a term sent.
func (t *tracer) received(s *raft.Span, leader raft.Term, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range s.Entries {
		if index := s.Prev.Index + raft.Index(i) + 1; t.samples(index) && s.Entries[i].Kind == raft.EntryCommand {
			if r := t.begin(raft.EntryID{Term: s.Entries[i].Term, Index: index}, leader); r != nil {
				r.received = now
			}
		}
	}
}

// acked notes that a follower's log equals this leader's up to an entry.
func (t *tracer) acked(m *raft.Message, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.Term != t.term {
		return
	}
	p := t.peerState(m.From)
	if p == nil {
		return
	}
	for p.first < p.next && p.inflight[p.first%traceInflightMax] <= m.Match {
		p.first++
	}
	for r := t.pass(&p.acked, m.Match); r != nil; r = t.pass(&p.acked, m.Match) {
		if to := r.of(m.From, false); to != nil && r.id.Term == m.Term {
			to.Acked = now
		}
	}
}

// wrote notes a write of the log, of spans that were appended one after the other. While it lasted, entries of a newer
// leader may have arrived in the place of those that it has: theirs is another write.
func (t *tracer) wrote(spans []raft.Span, began, durable time.Duration) {
	if t.bound == 0 || len(spans) == 0 {
		return
	}
	entries := 0
	for i := range spans {
		entries += len(spans[i].Entries)
	}
	least := leastIndex(spans)
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.above(least)
	at, end := first, least
	for i := range spans {
		s := &spans[i]
		if s.Prev.Index < end {
			at = first // in the place of others
		}
		end = s.LastIndex()
		for ; at < t.head && t.ring[at%t.max].id.Index <= end; at++ {
			if r := &t.ring[at%t.max]; r.id.Index > s.Prev.Index && r.durable == NotSeen && has(s, r.id) {
				r.writing, r.durable, r.written = began, durable, int32(entries)
			}
		}
	}
}

// tracedCommit notes how far the core knows that the log is committed.
func (l *loop) tracedCommit() {
	index := l.core.CommitIndex()
	if l.tracer.bound == 0 || index <= l.tracedUpto {
		return
	}
	l.tracedUpto = index
	l.tracer.committed(index, l.core.TermAt, l.clock())
}

// committed notes how far the log is committed; termAt says what is in it, as far as it is known. A record of another
// entry was begun by a message that the core refused.
func (t *tracer) committed(index raft.Index, termAt func(raft.Index) (raft.Term, bool), now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.pass(&t.steps[traceCommitted], index); r != nil; r = t.pass(&t.steps[traceCommitted], index) {
		if term, known := termAt(r.id.Index); known && term == r.id.Term {
			r.committed = now
		}
	}
}

// applied notes what the machine has applied.
func (t *tracer) applied(s *raft.Span, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.pass(&t.steps[traceApplied], s.LastIndex()); r != nil; r = t.pass(&t.steps[traceApplied], s.LastIndex()) {
		if r.id.Index > s.Prev.Index && has(s, r.id) {
			r.applied = now
		}
	}
}

// answered notes that the Done of a sampled proposal has returned.
func (t *tracer) answered(id raft.EntryID, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.pass(&t.steps[traceAnswered], id.Index); r != nil; r = t.pass(&t.steps[traceAnswered], id.Index) {
		if r.id == id {
			r.answered = now
		}
	}
}
