package faults

import (
	"bytes"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// lingerMax is how long what a closed connection was given may still take.
const lingerMax = time.Second

// Conn is a connection whose links have faults. One goroutine may read and one write at a time; the rest is safe for
// concurrent use.
type Conn struct {
	net.Conn
	links *Links
	who   atomic.Pointer[link] // without its direction

	once   sync.Once
	closed chan struct{} // Close was called
	hung   chan struct{} // the connection itself is closed
	hang   sync.Once

	out      half
	draining bool // under out.mu: a goroutine writes what is held
	farewell bool // under out.mu: it closes the connection then
	stale    bool // under out.mu: the connection's own write deadline is another than out.deadline
	broken   error

	in      half
	pumping bool // under in.mu: a goroutine reads, for as long as the connection lives
}

func (l *Links) wrap(conn net.Conn, who link) *Conn {
	c := &Conn{Conn: conn, links: l, closed: make(chan struct{}), hung: make(chan struct{})}
	c.who.Store(&who)
	return c
}

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.Conn }

func (c *Conn) link(d Direction) link {
	at := *c.who.Load()
	at.direction = d
	return at
}

// touched returns the rules in force when one of them is for that direction, or else nil.
func (c *Conn) touched(d Direction) *rules {
	if rs := c.links.inForce.Load(); rs != nil && rs.fit(c.link(d)) {
		return rs
	}
	return nil
}

// hold says what keeps bytes from going its way: until when, or until a change. Both are zero when nothing does.
func (c *Conn) hold(d Direction, held passage) (until time.Time, changed <-chan struct{}) {
	rs := c.touched(d)
	if rs == nil {
		return time.Time{}, nil
	}
	if rs.cut(c.link(d)) {
		return time.Time{}, rs.changed
	}
	if rs.removals == held.removals && time.Now().Before(held.due) {
		return held.due, rs.changed
	}
	return time.Time{}, nil
}

// onto returns the passage of n bytes that go onto the link now.
func (c *Conn) onto(d Direction, n int) passage {
	now := time.Now()
	if rs := c.touched(d); rs != nil {
		return rs.schedule(c.link(d), n, now)
	}
	return passage{due: now}
}

// greeted names the connection and waits until the greeting, which was read, could have arrived.
func (c *Conn) greeted(peer raft.NodeID, lane string) error {
	c.who.Store(&link{peer: peer, lane: lane})
	greeting := c.onto(In, 1)
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for {
		if c.isClosed() {
			return net.ErrClosed
		}
		until, changed := c.hold(In, greeting)
		if changed == nil {
			return nil
		}
		if err := c.in.overdue(); err != nil {
			return err
		}
		c.in.wait(c.in.orDeadline(until), changed, c.closed)
	}
}

func (c *Conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// passes reports whether what is written now goes to the connection itself.
func (c *Conn) passes() bool {
	if c.touched(Out) != nil {
		return false
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.draining || c.broken != nil || c.isClosed() {
		return false
	}
	if c.stale {
		c.stale = false
		_ = c.Conn.SetWriteDeadline(c.out.deadline) // the write will say what is wrong
	}
	return true
}

// Write implements net.Conn. What is held counts as written.
func (c *Conn) Write(p []byte) (int, error) {
	if c.passes() {
		return c.Conn.Write(p)
	}
	written := 0
	for part := range slices.Chunk(p, chunkBytes) {
		if err := c.give(part); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}

// writeBuffers is net.Buffers.WriteTo, with one system call where nothing is held.
func (c *Conn) writeBuffers(b *net.Buffers) (int64, error) {
	if c.passes() {
		return b.WriteTo(c.Conn)
	}
	n, err := c.Write(bytes.Join(*b, nil)) // packets are lost, and not slices
	return int64(n), err
}

// give holds a part of a write until it is due, when there is room for it.
func (c *Conn) give(part []byte) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for {
		switch err := c.out.overdue(); {
		case c.broken != nil:
			return c.broken
		case c.isClosed():
			return net.ErrClosed
		case err != nil:
			return err
		}
		if c.out.bytes+len(part) <= HeldBytesMax {
			break
		}
		c.out.wait(c.out.orDeadline(time.Time{}), nil, c.closed)
	}
	c.out.push(chunk{passage: c.onto(Out, len(part)), data: bytes.Clone(part)})
	if !c.draining {
		c.draining, c.stale = true, true
		_ = c.Conn.SetWriteDeadline(time.Time{}) // as a kernel, which has no deadline for what it took
		go c.drain()
	}
	return nil
}

// drain writes what is held, each part when it is due, until nothing is. It has no deadline: what was written counts as
// taken.
func (c *Conn) drain() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for len(c.out.chunks) > 0 {
		first := c.out.chunks[0]
		if until, changed := c.hold(Out, first.passage); changed != nil {
			c.out.wait(until, changed, c.hung)
			if c.isHung() {
				break
			}
			continue
		}
		c.out.mu.Unlock()
		_, err := c.Conn.Write(first.data)
		c.out.mu.Lock()
		if err != nil {
			c.broken = err
			break
		}
		c.out.pop(len(first.data))
	}
	c.out.drop()
	c.draining = false
	if c.farewell || c.broken != nil {
		_ = c.hangUp() // nobody is left to tell
	}
}

func (c *Conn) isHung() bool {
	select {
	case <-c.hung:
		return true
	default:
		return false
	}
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	pumping := c.pumping
	c.in.mu.Unlock()
	if !pumping && c.touched(In) == nil {
		n, err := c.Conn.Read(p)
		if c.isClosed() {
			return 0, net.ErrClosed
		}
		if c.touched(In) == nil || n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		c.startPump(p[:n], err) // a rule came meanwhile: what was read arrived under it
	} else if !pumping {
		c.startPump(nil, nil)
	}
	return c.receive(p)
}

// startPump lets a goroutine read from now on, after what was read already.
func (c *Conn) startPump(read []byte, err error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.pumping = true
	if c.isClosed() {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Time{}) // the deadline is receive's now
	c.arrived(read, err)
	if err == nil {
		go c.pump()
	}
}

// arrived holds what was read until it is due. c.in.mu is held.
func (c *Conn) arrived(read []byte, err error) {
	if len(read) > 0 {
		c.in.push(chunk{passage: c.onto(In, len(read)), data: bytes.Clone(read)})
	}
	if err != nil {
		c.in.push(chunk{passage: c.onto(In, 1), err: err})
	}
}

// pump reads until the connection ends. It has no deadline: that is receive's.
func (c *Conn) pump() {
	buffer := make([]byte, chunkBytes)
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for !c.isClosed() {
		if c.in.bytes+len(buffer) > HeldBytesMax {
			c.in.wait(time.Time{}, nil, c.closed)
			continue
		}
		c.in.mu.Unlock()
		n, err := c.Conn.Read(buffer)
		c.in.mu.Lock()
		c.arrived(buffer[:n], err)
		if err != nil {
			return
		}
	}
}

// receive takes what has arrived, and waits for it.
func (c *Conn) receive(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for {
		if c.isClosed() {
			return 0, net.ErrClosed
		}
		if err := c.in.overdue(); err != nil {
			return 0, err
		}
		if len(c.in.chunks) == 0 {
			c.in.wait(c.in.orDeadline(time.Time{}), nil, c.closed)
			continue
		}
		first := c.in.chunks[0]
		if until, changed := c.hold(In, first.passage); changed != nil {
			c.in.wait(c.in.orDeadline(until), changed, c.closed)
			continue
		}
		if first.err != nil {
			return 0, first.err
		}
		n := copy(p, first.data)
		c.in.pop(n)
		return n, nil
	}
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.isClosed() {
		return net.ErrClosed
	}
	c.in.deadline = t
	c.in.tell()
	if c.pumping {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.isClosed() {
		return net.ErrClosed
	}
	c.out.deadline = t
	c.out.tell()
	if c.draining {
		c.stale = true
		return nil
	}
	c.stale = false
	return c.Conn.SetWriteDeadline(t)
}

// Close implements net.Conn. It returns at once; what was written and is held still goes its way for lingerMax. A peer
// to which the way is cut does not hear of it before that is healed.
func (c *Conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = nil
		c.in.mu.Lock()
		close(c.closed)
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // whoever reads returns; it may be closed by its peer
		c.in.mu.Unlock()
		if !c.links.park(c) {
			err = c.end()
		}
	})
	return err
}

// end closes the connection when what is held is written.
func (c *Conn) end() error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.draining {
		c.farewell = true
		time.AfterFunc(lingerMax, func() { _ = c.hangUp() })
		return nil
	}
	return c.hangUp()
}

// hangUp closes the connection itself.
func (c *Conn) hangUp() error {
	var err error
	c.hang.Do(func() {
		close(c.hung)
		err = c.Conn.Close()
	})
	return err
}
