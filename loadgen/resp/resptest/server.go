package resptest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"
)

// Bounds of the server. Beyond them a connection is closed, or a key not stored.
const (
	requestBytesMax = 64 << 20
	keysMax         = 1 << 20
)

// Request is a command as it arrived. Its bytes are valid until the answer is returned.
type Request struct {
	Name []byte // SET, GET, ...
	Args [][]byte
}

// Answer returns the encoded reply, empty for silence, or nil to answer as the plain server does.
type Answer func(Request) []byte

// Server is a running server. Its methods may be called from any goroutine.
type Server struct {
	listener net.Listener
	work     sync.WaitGroup
	answer   atomic.Pointer[Answer]
	served   atomic.Int64

	stall sync.RWMutex // held for writing while stalled

	mu     sync.Mutex
	store  map[string][]byte
	socks  map[net.Conn]struct{}
	closed bool
}

// Start listens on a free port of 127.0.0.1.
func Start() (*Server, error) { return StartAt("127.0.0.1:0") }

// StartAt listens on addr, for a server that comes back.
func StartAt(addr string) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	s := &Server{listener: listener, store: map[string][]byte{}, socks: map[net.Conn]struct{}{}}
	s.work.Go(s.accept)
	return s, nil
}

// Addr returns the address to connect to.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Answer sets how requests are answered from now on; nil is plainly.
func (s *Server) Answer(answer Answer) {
	if answer == nil {
		s.answer.Store(nil)
		return
	}
	s.answer.Store(&answer)
}

// StallFor makes the server answer nothing for d, and returns after it. Nothing is lost: what arrived is answered then.
func (s *Server) StallFor(d time.Duration) {
	s.stall.Lock()
	defer s.stall.Unlock()
	time.Sleep(d)
}

// Served returns how many requests were answered.
func (s *Server) Served() int64 { return s.served.Load() }

// Value returns what is stored under key.
func (s *Server) Value(key string) (value []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.store[key]
	return value, ok
}

// Put stores value under key, or deletes key when value is nil, behind the clients' backs.
func (s *Server) Put(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.store, key)
		return
	}
	s.store[key] = value
}

// Close breaks all connections at once and stops listening, as the death of a process does.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for sock := range s.socks {
		if tcp, ok := sock.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // RST, not an orderly end
		}
		_ = sock.Close()
	}
	s.mu.Unlock()
	err := s.listener.Close()
	s.work.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) accept() {
	for {
		sock, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = sock.Close()
			return
		}
		s.socks[sock] = struct{}{}
		s.mu.Unlock()
		s.work.Go(func() {
			s.serve(sock)
			_ = sock.Close()
			s.mu.Lock()
			delete(s.socks, sock)
			s.mu.Unlock()
		})
	}
}

// serve answers what one read brought with one write.
func (s *Server) serve(sock net.Conn) {
	buf := make([]byte, 64<<10)
	var out []byte
	var args [][]byte
	end := 0
	for {
		n, err := sock.Read(buf[end:])
		if err != nil {
			return
		}
		end += n
		s.stall.RLock()
		rest := buf[:end]
		out = out[:0]
		for len(rest) > 0 {
			var complete bool
			complete, args, _, rest, err = redcon.ReadNextCommand(rest, args)
			if err != nil {
				s.stall.RUnlock()
				return
			}
			if !complete {
				break
			}
			out = s.reply(out, args)
		}
		s.stall.RUnlock()
		if _, err := sock.Write(out); err != nil {
			return
		}
		end = copy(buf, rest)
		if end == len(buf) {
			if len(buf) >= requestBytesMax {
				return
			}
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

func (s *Server) reply(out []byte, args [][]byte) []byte {
	s.served.Add(1)
	if len(args) == 0 {
		return out
	}
	if answer := s.answer.Load(); answer != nil {
		if reply := (*answer)(Request{Name: args[0], Args: args[1:]}); reply != nil {
			return append(out, reply...)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case string(args[0]) == "SET" && len(args) == 3:
		old, known := s.store[string(args[1])]
		if !known && len(s.store) >= keysMax {
			return redcon.AppendError(out, "OOM too many keys")
		}
		s.store[string(args[1])] = append(old[:0], args[2]...)
		return redcon.AppendOK(out)
	case string(args[0]) == "GET" && len(args) == 2:
		value, ok := s.store[string(args[1])]
		if !ok {
			return redcon.AppendNull(out)
		}
		return redcon.AppendBulk(out, value)
	case string(args[0]) == "INCR" && len(args) == 2:
		return s.count(out, string(args[1]))
	case string(args[0]) == "CAS" && len(args) == 4:
		value, ok := s.store[string(args[1])]
		if !ok || !bytes.Equal(value, args[2]) {
			return redcon.AppendInt(out, 0)
		}
		s.store[string(args[1])] = append(value[:0], args[3]...)
		return redcon.AppendInt(out, 1)
	default:
		return redcon.AppendError(out, "ERR not a command of this server")
	}
}

// count increments the number under key. The store is locked.
func (s *Server) count(out []byte, key string) []byte {
	n := int64(0)
	if value, ok := s.store[key]; ok {
		var err error
		if n, err = strconv.ParseInt(string(value), 10, 64); err != nil {
			return redcon.AppendError(out, "ERR value is not an integer")
		}
	} else if len(s.store) >= keysMax {
		return redcon.AppendError(out, "OOM too many keys")
	}
	n++
	s.store[key] = strconv.AppendInt(nil, n, 10)
	return redcon.AppendInt(out, n)
}
