package resp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler serves requests; the package comment has its obligations.
type Handler interface {
	// Serve takes one request of a connection; args has at least one element, the command's name. Calls of one
	// connection follow each other, those of several are concurrent.
	Serve(c *Conn, args [][]byte)
}

// Server serves one listener. Create it with [NewServer].
type Server struct {
	listener net.Listener
	handler  Handler
	o        Options
	all      *budget // of what the connections hold

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	closed bool
	wg     sync.WaitGroup // two goroutines per connection
	lastID uint64

	refused  atomic.Int64
	accepted atomic.Int64
}

// NewServer returns a server for the connections of l, which it owns from now on.
func NewServer(l net.Listener, h Handler, o Options) (*Server, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Server{listener: l, handler: h, o: o, all: newBudget(o.InflightBytesAllMax), conns: map[*Conn]struct{}{}}, nil
}

// Addr returns the listener's address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Connections returns how many connections are open, were accepted ever, and were refused for the limit.
func (s *Server) Connections() (open int, accepted, refused int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns), s.accepted.Load(), s.refused.Load()
}

// InflightBytes returns what the unanswered requests of all connections hold, see Options.InflightBytesAllMax.
func (s *Server) InflightBytes() int64 { return s.all.used.Load() }

// Serve accepts connections until Shutdown or Close; it returns ErrClosed then, or the listener's error.
func (s *Server) Serve() error {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			if s.isClosed() {
				return ErrClosed
			}
			if retryAccept(err) {
				time.Sleep(acceptRetryDelay)
				continue
			}
			return err
		}
		s.start(nc)
	}
}

// acceptRetryDelay is the pause after the machine had no descriptor left for a connection.
const acceptRetryDelay = 10 * time.Millisecond

// retryAccept reports whether the listener still works after err: out of descriptors, or the client was gone already.
func retryAccept(err error) bool {
	var ne net.Error
	return !errors.Is(err, net.ErrClosed) && errors.As(err, &ne)
}

func (s *Server) start(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return
	}
	if len(s.conns) >= s.o.ConnectionsMax {
		s.refused.Add(1)
		_ = nc.SetWriteDeadline(time.Now().Add(time.Millisecond))
		_, _ = nc.Write(AppendError(nil, "ERR max number of clients reached"))
		_ = nc.Close()
		return
	}
	s.accepted.Add(1)
	s.lastID++
	c := newConn(s.lastID, nc, s.o, s.handler, s.all)
	s.conns[c] = struct{}{}
	s.wg.Add(2)
	go func() {
		defer s.wg.Done()
		c.read()
	}()
	go func() {
		defer s.wg.Done()
		c.write()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Shutdown stops accepting and reading, answers what is under way, and closes. When ctx ends first it closes at
// once and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, c := range s.closeListener() {
		c.drain()
		_ = c.net.SetReadDeadline(time.Now())
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.Close()
		<-done
		return ctx.Err()
	}
}

// Close stops at once: calls under way get no reply. It returns when all goroutines of the server have ended.
func (s *Server) Close() {
	for _, c := range s.closeListener() {
		c.breakOff()
	}
	s.wg.Wait()
}

// closeListener returns the connections that are open.
func (s *Server) closeListener() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	_ = s.listener.Close()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}
