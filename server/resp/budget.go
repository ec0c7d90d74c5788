package resp

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// budget is the bytes that the unanswered requests of all connections of a server may hold together. Who waits for some
// is served in the order of coming, so that small requests do not keep a large one out.
type budget struct {
	max  int
	room *semaphore.Weighted
	used atomic.Int64
}

func newBudget(most int) *budget {
	return &budget{max: most, room: semaphore.NewWeighted(int64(most))}
}

// take waits for n bytes and takes them; false says that ctx ended first. A request that is larger than all takes all.
func (b *budget) take(ctx context.Context, n int) (taken int, ok bool) {
	n = min(n, b.max)
	if b.room.Acquire(ctx, int64(n)) != nil {
		return 0, false
	}
	b.used.Add(int64(n))
	return n, true
}

// tryTake is take without waiting.
func (b *budget) tryTake(n int) (taken int, ok bool) {
	n = min(n, b.max)
	if !b.room.TryAcquire(int64(n)) {
		return 0, false
	}
	b.used.Add(int64(n))
	return n, true
}

func (b *budget) give(n int) {
	b.used.Add(-int64(n))
	b.room.Release(int64(n))
}
