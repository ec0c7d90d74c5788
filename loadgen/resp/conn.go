package resp

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/raftmark/raftmark/internal/invariant"
)

// Bounds of one encoded batch: it is made under the lock that Submit wants, and written outside of it.
const (
	batchCallsMax  = 128
	batchBytesFull = 32 << 10
)

const readBufferBytes = 64 << 10

// conn is one connection to a node, made again for as long as the target lives. A writer sends what is queued in one
// write; a reader matches replies with what was written, oldest first.
//
// Invariant: len(queue) + n <= len(await).
type conn struct {
	t    *Target
	node *node
	wake chan struct{} // capacity 1: something is queued

	mu       sync.Mutex
	sock     net.Conn // nil: not connected
	queue    []*call  // to be written
	await    []*call  // ring of what was written, nil where the call was given up
	head, n  int
	live     int           // of the n, not nil
	earliest time.Duration // no call of queue and await expires before it
}

func newConn(t *Target, n *node) *conn {
	return &conn{t: t, node: n, wake: make(chan struct{}, 1), await: make([]*call, t.opts.InflightPerConnMax)}
}

// push queues c and takes it over, or returns false when the connection is down or full.
func (c *conn) push(call *call, now time.Duration) bool {
	c.mu.Lock()
	if c.sock == nil || len(c.queue)+c.n >= len(c.await) {
		c.mu.Unlock()
		return false
	}
	call.queued = now
	if c.live == 0 && len(c.queue) == 0 {
		c.earliest = call.expires()
	} else {
		c.earliest = min(c.earliest, call.expires())
	}
	c.queue = append(c.queue, call)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return true
}

// run connects, serves and connects again until the target closes.
func (c *conn) run() {
	backoff := c.t.opts.BackoffMin
	dialer := net.Dialer{Timeout: c.t.opts.DialTimeout}
	for c.t.ctx.Err() == nil {
		sock, err := dialer.DialContext(c.t.ctx, "tcp", c.node.addr)
		if err == nil {
			c.node.dialErr.Store(nil)
			if answered := c.serve(sock); answered {
				backoff = c.t.opts.BackoffMin
			}
		} else {
			c.node.dialErr.Store(&err)
		}
		c.t.pause(backoff)
		backoff = min(2*backoff, c.t.opts.BackoffMax)
	}
}

// serve carries calls over sock until it breaks. It returns whether any was answered.
func (c *conn) serve(sock net.Conn) (answered bool) {
	c.mu.Lock()
	c.sock = sock
	c.mu.Unlock()
	unwatch := context.AfterFunc(c.t.ctx, func() { _ = sock.Close() })
	defer unwatch()
	c.t.kickMinder()
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		answered = c.read(sock)
		_ = sock.Close()
	}()
	c.write(sock, dead)
	_ = sock.Close()
	<-dead
	c.broken()
	return answered
}

func (c *conn) write(sock net.Conn, dead <-chan struct{}) {
	var batch []byte
	for {
		batch = c.take(batch[:0])
		if len(batch) == 0 {
			select {
			case <-c.wake:
				continue
			case <-dead:
				return
			}
		}
		if _, err := sock.Write(batch); err != nil {
			return
		}
		if cap(batch) > 2*batchBytesFull {
			batch = nil // one large value does not stay for ever
		}
	}
}

// take encodes the next batch. From here on its calls count as written, and the first attempts among them as sent.
func (c *conn) take(batch []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := 0
	var now time.Duration
	if len(c.queue) > 0 {
		now = c.t.clock.Now()
	}
	for _, call := range c.queue {
		if taken == batchCallsMax || len(batch) >= batchBytesFull {
			break
		}
		batch = call.appendRequest(batch, c.t.opts.ProbeKey)
		if call.op != nil {
			if call.op.Attempts == 0 {
				call.op.Sent = now
			}
			call.op.Attempts++
		}
		c.await[(c.head+c.n)%len(c.await)] = call
		c.n++
		c.live++
		taken++
	}
	rest := copy(c.queue, c.queue[taken:])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	invariant.Check(c.n <= len(c.await), "%d awaited of at most %d", c.n, len(c.await))
	return batch
}

// read matches replies until the connection breaks. It returns whether there was any.
func (c *conn) read(sock net.Conn) (answered bool) {
	buf := make([]byte, readBufferBytes)
	start, end := 0, 0
	for {
		got, err := sock.Read(buf[end:])
		if err != nil {
			return answered
		}
		end += got
		now := c.t.clock.Now()
		for {
			n, reply, ok := nextReply(buf[start:end])
			if !ok {
				return answered
			}
			if n == 0 {
				break
			}
			call, owed := c.pop()
			if !owed {
				return answered
			}
			answered = true
			if call != nil {
				c.t.answered(c.node, call, reply, now)
			}
			start += n
		}
		c.t.drainWaiting()
		if buf, start, end = makeRoom(buf, start, end); len(buf) > c.t.opts.ReplyBytesMax {
			return answered
		}
	}
}

// makeRoom moves the rest to the start of the buffer, and doubles it when it is full.
func makeRoom(buf []byte, start, end int) ([]byte, int, int) {
	switch {
	case start == end:
		return buf, 0, 0
	case end < len(buf):
		return buf, start, end
	case start == 0:
		return append(buf, make([]byte, len(buf))...), 0, end
	}
	return buf, 0, copy(buf, buf[start:end])
}

// pop takes the call that the next reply belongs to: nil when it was given up, false when none is owed.
func (c *conn) pop() (call *call, owed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return nil, false
	}
	call = c.await[c.head]
	c.await[c.head] = nil
	c.head = (c.head + 1) % len(c.await)
	c.n--
	if call != nil {
		c.live--
	}
	return call, true
}

// broken gives back all calls: what was not written is tried again, what was written is unknown.
func (c *conn) broken() {
	c.mu.Lock()
	c.sock = nil
	queued := c.queue
	c.queue = nil
	var written []*call
	for ; c.n > 0; c.n-- {
		if call := c.await[c.head]; call != nil {
			written = append(written, call)
			c.await[c.head] = nil
		}
		c.head = (c.head + 1) % len(c.await)
	}
	c.live = 0
	c.mu.Unlock()

	now := c.t.clock.Now()
	c.t.letGo(c.node)
	for _, call := range written {
		c.t.unanswered(c.node, call, ErrBroken, now)
	}
	for _, call := range queued {
		c.t.unsent(c.node, call, now)
	}
	c.t.drainWaiting()
}
