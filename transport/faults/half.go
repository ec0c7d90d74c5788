package faults

import (
	"os"
	"sync"
	"time"
)

const (
	// HeldBytesMax bounds what is held of one direction of a connection. It is what Linux lets a TCP connection have under
	// way by default.
	HeldBytesMax = 4 << 20
	// chunkBytes is how much of a longer write goes onto the link at once.
	chunkBytes = 16 << 10
)

// chunk is what was written, or read, at once; or the error that a read ended with.
type chunk struct {
	passage
	data []byte
	err  error
}

// half is one direction of a connection: what is held of it, in its order.
type half struct {
	mu       sync.Mutex
	chunks   []chunk
	bytes    int
	deadline time.Time

	// news is closed when something else of this changed; it is nil when nobody waits for that.
	news chan struct{}
}

// push appends a chunk. When it arrives, those lost before it are missed there. h.mu is held.
func (h *half) push(c chunk) {
	for i := len(h.chunks) - 1; i >= 0 && !c.lost && h.chunks[i].lost; i-- {
		before := &h.chunks[i]
		if again := c.due.Add(before.roundTrip); !before.again && again.Before(before.due) {
			before.due = again
		}
	}
	h.chunks = append(h.chunks, c)
	h.bytes += len(c.data)
	h.tell()
}

// pop removes n bytes of the first chunk, and the chunk with its last one. h.mu is held.
func (h *half) pop(n int) {
	first := &h.chunks[0]
	first.data = first.data[n:]
	h.bytes -= n
	if len(first.data) == 0 {
		h.chunks[0] = chunk{}
		h.chunks = h.chunks[1:]
	}
	if len(h.chunks) == 0 {
		h.chunks = nil
	}
	h.tell()
}

// drop forgets what is held. h.mu is held.
func (h *half) drop() {
	h.chunks, h.bytes = nil, 0
	h.tell()
}

// tell wakes who waits. h.mu is held.
func (h *half) tell() {
	if h.news != nil {
		close(h.news)
		h.news = nil
	}
}

// overdue returns os.ErrDeadlineExceeded when the deadline has passed. h.mu is held.
func (h *half) overdue() error {
	if !h.deadline.IsZero() && !time.Now().Before(h.deadline) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// orDeadline returns the earlier one of until and the deadline; zero is never. It is for those whom the deadline ends.
// h.mu is held.
func (h *half) orDeadline(until time.Time) time.Time {
	if until.IsZero() || !h.deadline.IsZero() && h.deadline.Before(until) {
		return h.deadline
	}
	return until
}

// wait waits for news, for changed or ended, and for until where that is not zero. h.mu is held, but not meanwhile.
func (h *half) wait(until time.Time, changed, ended <-chan struct{}) {
	if h.news == nil {
		h.news = make(chan struct{})
	}
	news := h.news
	h.mu.Unlock()
	waitFor(until, news, changed, ended)
	h.mu.Lock()
}

// SleepUntil sleeps until an instant that is SleepMax away or less; later ones it leaves to a timer of the caller's.
func SleepUntil(at time.Time) {
	if left := time.Until(at); left <= SleepMax {
		sleep(left)
	}
}

// waitFor waits for an instant, where it is not zero, or one of the channels. The last moments before the instant are
// slept through: the runtime's timers may be a millisecond late.
func waitFor(until time.Time, news, changed, ended <-chan struct{}) {
	var expired <-chan time.Time
	if !until.IsZero() {
		left := time.Until(until)
		if left <= SleepMax {
			sleep(left)
			return
		}
		timer := time.NewTimer(left - SleepMax)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-expired:
	case <-news:
	case <-changed:
	case <-ended:
	}
}
