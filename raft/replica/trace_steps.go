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
		if r := t.begin(p.ID); r != nil {
			r.proposed, r.batched, r.batch = p.proposed, l.turned, int32(len(taken))
		}
		t.mu.Unlock()
	}
}

// tracedPay notes what the Ready at hand has the log take, and followers be sent.
func (l *loop) tracedPay() {
	t := &l.tracer
	if t.bound == 0 || l.core.Role() != raft.Leader {
		return
	}
	var now time.Duration // 0: nothing to note yet
	for i := range l.ready.Append {
		if s := &l.ready.Append[i]; len(s.Entries) > 0 {
			now = l.tracedAt(now)
			for r := t.pass(&t.steps[traceAppended], s.LastIndex()); r != nil; {
				r.appended = now
				r = t.pass(&t.steps[traceAppended], s.LastIndex())
			}
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
			t.received(&m.Span, r.clock())
		case m.Kind == raft.MsgAppendReply && !m.Reject && m.Match > 0:
			t.acked(&m, r.clock())
		}
	}
	r.inbox.deliver(m)
}

// received notes entries that a leader sent.
func (t *tracer) received(s *raft.Span, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range s.Entries {
		if index := s.Prev.Index + raft.Index(i) + 1; t.samples(index) {
			if r := t.begin(raft.EntryID{Term: s.Entries[i].Term, Index: index}); r != nil {
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

// wrote notes a write of the log.
func (t *tracer) wrote(spans []raft.Span, began, durable time.Duration) {
	if t.bound == 0 || len(spans) == 0 {
		return
	}
	entries := 0
	for i := range spans {
		entries += len(spans[i].Entries)
	}
	last := spans[len(spans)-1].LastIndex()
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.pass(&t.steps[traceWritten], last); r != nil; r = t.pass(&t.steps[traceWritten], last) {
		r.writing, r.durable, r.written = began, durable, int32(entries)
	}
}

// tracedCommit notes how far the core knows that the log is committed.
func (l *loop) tracedCommit() {
	t := &l.tracer
	index := l.core.CommitIndex()
	if t.bound == 0 || index <= l.tracedUpto {
		return
	}
	l.tracedUpto = index
	now := l.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.pass(&t.steps[traceCommitted], index); r != nil; r = t.pass(&t.steps[traceCommitted], index) {
		r.committed = now
	}
}

// applied notes how far the machine is.
func (t *tracer) applied(index raft.Index, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.pass(&t.steps[traceApplied], index); r != nil; r = t.pass(&t.steps[traceApplied], index) {
		r.applied = now
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
