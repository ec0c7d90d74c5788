package resp

import (
	"net"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// probeTimeout is how long a node may owe the answer to a probe. It says nothing about outages: the others are asked
// meanwhile.
const probeTimeout = time.Second

// expires returns when the call is given up.
func (c *call) expires() time.Duration {
	if c.op == nil {
		return c.queued + probeTimeout
	}
	return c.op.Deadline
}

// expire gives up the calls whose time is over: not written, they were certainly not applied; written, the place of
// their answer is kept. A connection that owes nothing but answers nobody waits for is closed.
func (c *conn) expire(now time.Duration) {
	c.mu.Lock()
	if c.live == 0 && len(c.queue) == 0 || now < c.earliest {
		c.mu.Unlock()
		return
	}
	var written, queued []*call
	c.earliest = loadgen.Forever
	for i := range c.n {
		slot := &c.await[(c.head+i)%len(c.await)]
		switch call := *slot; {
		case call == nil:
		case call.expires() <= now:
			written = append(written, call)
			*slot = nil
			c.live--
		default:
			c.earliest = min(c.earliest, call.expires())
		}
	}
	kept := c.queue[:0]
	for _, call := range c.queue {
		if call.expires() <= now {
			queued = append(queued, call)
			continue
		}
		c.earliest = min(c.earliest, call.expires())
		kept = append(kept, call)
	}
	clear(c.queue[len(kept):])
	c.queue = kept
	var useless net.Conn
	if c.live == 0 && len(c.queue) == 0 && c.n > 0 {
		useless = c.sock
	}
	c.mu.Unlock()

	for _, call := range written {
		c.t.unanswered(c.node, call, ErrDeadline, now)
	}
	for _, call := range queued {
		c.t.unsent(c.node, call, now)
	}
	if useless != nil {
		_ = useless.Close()
	}
}

// reclaimReads takes back the reads that were written and not answered: they have no effect, another node may
// answer.
func (c *conn) reclaimReads(now time.Duration) {
	c.mu.Lock()
	var reads []*call
	for i := range c.n {
		slot := &c.await[(c.head+i)%len(c.await)]
		if call := *slot; call != nil && call.op != nil && !call.isWrite() {
			reads = append(reads, call)
			*slot = nil
			c.live--
		}
	}
	queued := c.queue
	c.queue = nil
	c.mu.Unlock()
	for _, call := range reads {
		c.t.again(call, now)
	}
	for _, call := range queued {
		c.t.unsent(c.node, call, now)
	}
}

// silentFor returns for how long the oldest answer is owed; 0 when none is.
func (c *conn) silentFor(now time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.n == 0 && len(c.queue) == 0:
		return 0
	case c.n == 0:
		return now - c.queue[0].queued
	case c.await[c.head] == nil: // given up already
		return loadgen.Forever
	}
	return now - c.await[c.head].queued
}
