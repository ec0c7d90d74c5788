package resp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/raftmark/raftmark/internal/invariant"
)

// Call is a request whose answer is not there yet. The zero Call is ready for [Conn.Begin], once.
type Call struct {
	conn     *Conn
	replier  Replier
	protocol Protocol
	started  time.Time
	bytes    int // guarded by conn.mu, as are reserved, taken and state
	reserved int // of bytes, for the reply to a read
	taken    int // of the budget of all connections
	read     bool
	late     bool
	reads    Footprint // of a late call
	state    callState
}

type callState uint8

const (
	callPending callState = iota
	callComplete
	callExpired // answered with the timeout reply, or its connection is gone
)

// Complete says that the call's Replier can be asked, and that its reply holds that many bytes until it is
// sent. It never blocks, and may be called from any goroutine.
func (call *Call) Complete(replyBytes int) {
	c := call.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.state != callPending {
		invariant.Check(call.state == callExpired, "a call was completed twice")
		return
	}
	call.state = callComplete
	c.learn(call, replyBytes)
	call.bytes += replyBytes - call.reserved
	c.inflight += replyBytes - call.reserved
	c.retake(call)
	if call.reserved > replyBytes {
		c.room.Signal()
	}
	if len(c.queue) > 0 && c.queue[0] == call {
		c.wakeWriter()
	}
}

// Conn is one client's connection.
type Conn struct {
	id      uint64
	net     net.Conn
	o       Options
	handler Handler
	all     *budget // of all connections

	// ClientName is what CLIENT SETNAME gave, and ReadOnly what READONLY and READWRITE said; only the handler touches
	// them.
	ClientName string
	ReadOnly   bool
	protocol   Protocol // only the reader's goroutine touches it; a call takes a copy

	mu        sync.Mutex
	room      sync.Cond // the queue became shorter, or the connection is closing
	queue     []*Call   // unanswered, oldest first
	inflight  int       // bytes announced by the calls in the queue and in the writer's hands
	taken     int       // what these took of all
	readGuess int       // bytes that the reply to a read may hold
	readSeen  bool      // the guess is one
	late      lateCalls // not rendered yet
	draining  bool      // no more calls will come; the writer ends after the last
	broken    bool      // the socket is gone; nothing will be answered

	ctx context.Context // ends when draining or broken
	end context.CancelFunc

	wake chan struct{} // capacity 1: the head may be complete, or draining or broken changed
}

func newConn(id uint64, nc net.Conn, o Options, h Handler, all *budget) *Conn {
	c := &Conn{
		id: id, net: nc, o: o, handler: h, all: all, protocol: RESP2, wake: make(chan struct{}, 1),
		readGuess: o.InflightBytesMax / firstReadsMax,
	}
	c.ctx, c.end = context.WithCancel(context.Background())
	c.room.L = &c.mu
	c.late.rendered.L = &c.mu
	return c
}

// ID returns the connection's number, unique for the server's life.
func (c *Conn) ID() uint64 { return c.id }

// RemoteAddr returns the client's address.
func (c *Conn) RemoteAddr() string { return c.net.RemoteAddr().String() }

// Protocol returns the protocol that replies are in from now on; only the handler calls it.
func (c *Conn) Protocol() Protocol { return c.protocol }

// SetProtocol changes the protocol of this and all later replies; only the handler calls it.
func (c *Conn) SetProtocol(p Protocol) { c.protocol = p }

// Reply answers the request that is being served with one encoded reply, which the connection keeps.
func (c *Conn) Reply(reply []byte) {
	c.begin(&Call{state: callComplete}, encoded(reply), len(reply))
}

// ReplyError answers the request that is being served with an error.
func (c *Conn) ReplyError(text string) { c.Reply(AppendError(nil, text)) }

// ReplyAndClose is Reply as the last reply of this connection.
func (c *Conn) ReplyAndClose(reply []byte) {
	c.Reply(reply)
	c.drain()
}

// Begin takes the place of the request that is being served in the order of replies; r is asked after
// call.Complete. bytes is what the request holds in memory until then. It blocks while the connection is at
// its limits, and returns false, having done nothing, when nobody will read the reply any more.
func (c *Conn) Begin(call *Call, r Replier, bytes int) bool {
	invariant.Check(call.conn == nil, "a call was begun twice")
	return c.begin(call, r, bytes)
}

// BeginRead is Begin for a request whose reply may be far larger than itself: it takes room for a reply as
// large as those that the connection read lately, until Complete says what the reply holds.
func (c *Conn) BeginRead(call *Call, r Replier, bytes int) bool {
	invariant.Check(call.conn == nil, "a call was begun twice")
	call.read = true
	return c.begin(call, r, bytes)
}

func (c *Conn) begin(call *Call, r Replier, bytes int) bool {
	call.conn, call.replier, call.protocol = c, r, c.protocol
	call.started = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.takeRoom(call, bytes) {
		return false
	}
	c.queue = append(c.queue, call)
	c.late.add(call)
	c.inflight += call.bytes
	if len(c.queue) == 1 {
		c.wakeWriter()
	}
	return true
}

// takeRoom waits until the connection, and all of them together, have room for the call, and takes it. False says that
// nobody will read the reply. c.mu is held, but for the waiting.
func (c *Conn) takeRoom(call *Call, bytes int) bool {
	call.bytes = bytes + c.reserve(call)
	for !c.broken && !c.draining && c.full(call.bytes) {
		c.room.Wait()
		call.bytes = bytes + c.reserve(call) // replies have come meanwhile
	}
	if c.broken || c.draining {
		return false
	}
	if call.state == callComplete || len(c.queue) == 0 && call.bytes <= freeBytes {
		return true
	}
	taken, ok := c.all.tryTake(call.bytes)
	if !ok {
		c.mu.Unlock()
		taken, ok = c.all.take(c.ctx, call.bytes)
		c.mu.Lock()
	}
	if !ok || c.broken || c.draining {
		c.all.give(taken)
		return false
	}
	call.taken = taken
	c.taken += taken
	return true
}

// retake makes what the call took of the budget what it holds, or as much of that as there is: its reply exists
// already.
func (c *Conn) retake(call *Call) {
	if more := call.bytes - call.taken; more > 0 {
		taken, _ := c.all.tryTake(more)
		call.taken += taken
		c.taken += taken
		return
	}
	c.all.give(call.taken - call.bytes)
	c.taken -= call.taken - call.bytes
	call.taken = call.bytes
}

const (
	// freeBytes is the largest request that a connection with nothing under way may make beside the budget of all:
	// others who hold that cannot keep everybody out.
	freeBytes = 16 << 10
	// firstReadsMax bounds the reads under way on a connection that has no answer to one yet.
	firstReadsMax = 16
	// readGuessDecay is how slowly large replies are forgotten: by this part of the guess with each smaller
	// one.
	readGuessDecay = 64
)

// reserve returns the room that the call takes for its reply.
func (c *Conn) reserve(call *Call) int {
	call.reserved = 0
	if call.read {
		call.reserved = c.readGuess
	}
	return call.reserved
}

// learn guesses how much the next replies to reads hold: as much as the largest, of late a little less.
func (c *Conn) learn(call *Call, replyBytes int) {
	switch {
	case !call.read || replyBytes == 0: // or refused
	case !c.readSeen:
		c.readGuess, c.readSeen = replyBytes, true
	default:
		c.readGuess = max(replyBytes, c.readGuess-(c.readGuess+readGuessDecay-1)/readGuessDecay)
	}
}

// full reports whether one more call of that many bytes has to wait. A connection with nothing under way is
// never full.
func (c *Conn) full(bytes int) bool {
	return c.inflight > 0 && c.inflight+bytes > c.o.InflightBytesMax ||
		len(c.queue) >= c.o.InflightRequestsMax
}

// encoded is a reply that is there already.
type encoded []byte

// AppendReply implements Replier.
func (e encoded) AppendReply(dst []byte, _ Protocol) []byte { return append(dst, e...) }

func (c *Conn) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// read parses and hands out requests until the stream ends.
func (c *Conn) read() {
	defer c.drain()
	r := newReader(c.net, c.o)
	for {
		args, err := r.next()
		var protocol protocolError
		switch {
		case err == nil:
			c.handler.Serve(c, args)
		case errors.Is(err, errTooLarge):
			c.ReplyError("ERR request too large: more than " + strconv.Itoa(c.o.RequestBytesMax) +
				" bytes; it was not executed")
		case errors.As(err, &protocol):
			c.ReplyError("ERR " + protocol.Error())
			return
		default:
			c.o.Logger.Debug("client connection ended", "client", c.RemoteAddr(), "err", err)
			return
		}
		if c.ended() {
			return
		}
	}
}

func (c *Conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining || c.broken
}

// drain says that no more calls will come.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	c.draining = true
	c.room.Broadcast()
	c.wakeWriter()
}

// breakOff ends the connection now; calls under way are forgotten.
func (c *Conn) breakOff() {
	c.mu.Lock()
	c.end()
	c.broken = true
	for _, call := range c.queue {
		if call.state == callPending {
			call.state = callExpired
		}
	}
	c.all.give(c.taken)
	c.queue, c.inflight, c.taken = nil, 0, 0
	c.room.Broadcast()
	c.late.rendered.Broadcast()
	c.wakeWriter()
	c.mu.Unlock()
	_ = c.net.Close()
}
