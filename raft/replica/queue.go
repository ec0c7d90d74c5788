package replica

import "sync"

// queue hands batches from one goroutine to another: the producer never waits, the consumer takes all that
// there is. What it may hold is bounded by its producer.
type queue[T any] struct {
	mu     sync.Mutex
	more   sync.Cond
	items  []T
	closed bool
}

func newQueue[T any]() *queue[T] {
	q := &queue[T]{}
	q.more.L = &q.mu
	return q
}

// put adds an item and reports whether the consumer will be offered it: after close it is dropped.
func (q *queue[T]) put(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, item)
	q.more.Signal()
	return true
}

// take waits for items and swaps them for the empty slice spare; false says that the queue is closed.
func (q *queue[T]) take(spare []T) ([]T, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.more.Wait()
	}
	if q.closed {
		return nil, false
	}
	clear(spare)
	items := q.items
	q.items = spare[:0]
	return items, true
}

// first returns the item that has waited longest.
func (q *queue[T]) first() (item T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return item, false
	}
	return q.items[0], true
}

// close ends the consumer and returns what it will not see.
func (q *queue[T]) close() []T {
	q.mu.Lock()
	q.closed = true
	left := q.items
	q.items = nil
	q.mu.Unlock()
	q.more.Broadcast()
	return left
}
