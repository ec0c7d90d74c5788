package resp

import (
	"slices"
	"time"
)

// write sends the replies in order until the connection is drained or broken. It closes the socket.
func (c *Conn) write() {
	defer c.breakOff()
	timeout := time.NewTimer(c.o.RequestTimeout)
	defer timeout.Stop()
	var buf []byte
	var ready []*Call
	for {
		ready = c.takeReady(ready[:0])
		if len(ready) == 0 {
			if c.finished() {
				return
			}
			select {
			case <-c.wake:
			case <-timeout.C:
				timeout.Reset(c.expireHead())
			}
			continue
		}
		var err error
		if buf, err = c.send(buf, ready); err != nil {
			c.o.Logger.Debug("write to client", "client", c.RemoteAddr(), "err", err)
			return
		}
		c.release(ready)
		clear(ready)
	}
}

// takeReady moves the answered calls at the head of the queue to ready.
func (c *Conn) takeReady(ready []*Call) []*Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.queue) && c.queue[n].state != callPending {
		n++
	}
	ready = append(ready, c.queue[:n]...)
	c.queue = slices.Delete(c.queue, 0, n)
	return ready
}

// finished reports whether there is nothing more to write, ever.
func (c *Conn) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken || c.draining && len(c.queue) == 0
}

// expireHead answers the calls that waited too long, and returns when to look again. Calls are queued in the order of
// their start, so that the head is always the oldest.
func (c *Conn) expireHead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, call := range c.queue {
		left := c.o.RequestTimeout - now.Sub(call.started)
		if left > 0 {
			return left
		}
		if call.state == callPending {
			call.state = callExpired
			call.replier = encoded(AppendError(nil, c.o.TimeoutReply))
		}
	}
	return c.o.RequestTimeout
}

// send renders the replies and writes them, whenever a batch is full and at the end. It returns the buffer for reuse.
func (c *Conn) send(buf []byte, ready []*Call) ([]byte, error) {
	buf = buf[:0]
	begin := 0
	for i, call := range ready {
		buf = call.replier.AppendReply(buf, call.protocol)
		if len(buf) < writeBatchBytes && i < len(ready)-1 {
			continue
		}
		c.rendered(ready[begin : i+1])
		begin = i + 1
		if err := c.net.SetWriteDeadline(time.Now().Add(c.o.WriteTimeout)); err != nil {
			return nil, err
		}
		if _, err := c.net.Write(buf); err != nil {
			return nil, err
		}
		buf = buf[:0]
	}
	if cap(buf) > bufferKeepBytes*2 {
		buf = nil
	}
	return buf, nil
}

// release gives the room of answered calls back to the reader.
func (c *Conn) release(ready []*Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return
	}
	taken := 0
	for _, call := range ready {
		c.inflight -= call.bytes
		taken += call.taken
	}
	c.taken -= taken
	c.all.give(taken)
	c.room.Signal()
}
