package link

import (
	"sync"

	"github.com/raftmark/raftmark/internal/invariant"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// Queue holds the messages for one peer and lane: many put, one takes. The taker swaps two slices, so that a put costs
// a lock and a copy, whatever the load. Messages count against the caps until they are released, not only until they
// are taken.
type Queue struct {
	messagesMax, bytesMax int
	// wake has one slot: full when there may be something to take.
	wake chan struct{}

	mu       sync.Mutex
	waiting  Batch
	messages int // waiting and taken
	bytes    int
	closed   bool
}

// Batch is a run of messages and what each counts against the cap in bytes.
type Batch struct {
	Messages []raft.Message
	Sizes    []int
}

// reset empties the batch but keeps its arrays.
func (b *Batch) reset() {
	clear(b.Messages)
	b.Messages, b.Sizes = b.Messages[:0], b.Sizes[:0]
}

// NewQueue returns an empty queue with these caps.
func NewQueue(messagesMax, bytesMax int) *Queue {
	return &Queue{messagesMax: messagesMax, bytesMax: bytesMax, wake: make(chan struct{}, 1)}
}

// Put appends m, which counts size bytes. When ok is false it was not, for the reason given.
func (q *Queue) Put(m *raft.Message, size int) (reason transport.Drop, ok bool) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return transport.DropClosed, false
	}
	if q.messages >= q.messagesMax || q.bytes+size > q.bytesMax {
		q.mu.Unlock()
		return transport.DropQueueFull, false
	}
	q.messages++
	q.bytes += size
	q.waiting.Messages = append(q.waiting.Messages, *m)
	q.waiting.Sizes = append(q.waiting.Sizes, size)
	first := len(q.waiting.Messages) == 1
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return 0, true
}

// Wake is ready when there may be something to take.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

// Take returns all that waits, and takes spare, whose arrays it will use.
func (q *Queue) Take(spare Batch) Batch {
	spare.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting = spare
	return taken
}

// Release says that taken messages of so many bytes are written or dropped.
func (q *Queue) Release(messages, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages -= messages
	q.bytes -= bytes
	invariant.Check(q.messages >= len(q.waiting.Messages), "released more messages than were taken")
	invariant.Check(q.bytes >= 0, "released more bytes than were taken")
}

// Drop drops all that waits and returns how many messages that were.
func (q *Queue) Drop() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.waiting.Messages)
	for _, size := range q.waiting.Sizes {
		q.bytes -= size
	}
	q.messages -= n
	q.waiting.reset()
	return n
}

// Close makes every later Put fail.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// Held returns what counts against the caps.
func (q *Queue) Held() (messages, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.messages, q.bytes
}

func (q *Queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting.Messages) == 0
}
