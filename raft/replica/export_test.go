package replica

// Held is what waits in the queues of a replica.
type Held struct {
	ProposalBytes, MessageBytes               int
	WriteBytes, ApplyBytes, StoreBytes        int
	Fetches, ChunkReads, Compactions, Waiting int
}

// Held returns what waits in the queues.
func (r *Replica) Held() Held {
	var h Held
	r.inbox.mu.Lock()
	h.ProposalBytes, h.MessageBytes, h.Waiting = r.inbox.proposalBytes, r.inbox.messageBytes, len(r.inbox.todo.proposals)
	r.inbox.mu.Unlock()
	r.writes.each(func(t *writeTask) {
		for i := range t.spans {
			h.WriteBytes += entriesSize(t.spans[i].Entries)
		}
	})
	r.applies.each(func(t *applyTask) { h.ApplyBytes += entriesSize(t.apply.Span.Entries) })
	r.snapshotTasks.each(func(t *snapshotTask) {
		if t.store != nil {
			h.StoreBytes += len(t.store.Chunk.Data)
		}
		if t.read != nil {
			h.ChunkReads++
		}
	})
	r.fetches.mu.Lock()
	h.Fetches = len(r.fetches.items)
	r.fetches.mu.Unlock()
	r.compactions.mu.Lock()
	h.Compactions = len(r.compactions.items)
	r.compactions.mu.Unlock()
	return h
}

func (q *queue[T]) each(visit func(*T)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.items {
		visit(&q.items[i])
	}
}
