package tcp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/faults"
	"github.com/raftmark/raftmark/transport/link"
)

const (
	// silenceSlices is into how many parts the dead peer timeout is divided, each of which must pass without a sound. A
	// part that ends late counts once: while this process did not run, or the whole machine, nothing could be heard.
	silenceSlices = 4
	// silenceGrace is what the last read is given to find what came while this process was stopped.
	silenceGrace = 2 * time.Millisecond
)

// sockets are those of one transport, and what was counted at those that are closed.
type sockets struct {
	sends, receives         atomic.Uint64
	sendBytes, receiveBytes atomic.Uint64

	mu     sync.Mutex
	open   map[*socket]struct{}
	closed segments
}

// segments is what the kernel counts of a connection.
type segments struct{ sent, received, again uint64 }

func (s *segments) add(more segments) {
	s.sent += more.sent
	s.received += more.received
	s.again += more.again
}

// metrics asks the kernel about each open connection.
func (s *sockets) metrics() transport.SocketMetrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.closed
	for open := range s.open {
		all.add(segmentsOf(open.raw))
	}
	return transport.SocketMetrics{
		Sends: s.sends.Load(), SendBytes: s.sendBytes.Load(), SendSegments: all.sent,
		Receives: s.receives.Load(), ReceiveBytes: s.receiveBytes.Load(), ReceiveSegments: all.received,
		Retransmits: all.again,
	}
}

// socket is the connection below TLS, dialed or accepted. It counts, and once it listens for silence, a read that
// found nothing for as long ends with link.ErrSilent.
//
// Reads and their deadline belong to one goroutine at a time; writes may come from another.
type socket struct {
	net.Conn // raw, or what stands between it and this node
	raw      *net.TCPConn
	all      *sockets
	once     sync.Once

	outer time.Time // the deadline of reads that was set from outside, or zero
	dead  time.Duration
	armed time.Time // the deadline of reads that is in force, or zero
}

// openSocket makes a socket of a connection; conn is raw, or what stands before it.
func (t *Transport) openSocket(raw *net.TCPConn, conn net.Conn) *socket {
	s := &socket{Conn: conn, raw: raw, all: &t.sockets}
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	if s.all.open == nil {
		s.all.open = map[*socket]struct{}{}
	}
	s.all.open[s] = struct{}{}
	return s
}

// listen has reads end when nothing is heard for so long, and the kernel give up on what nobody acknowledges for so
// long.
func (s *socket) listen(dead time.Duration) error {
	s.dead = dead
	if err := setUserTimeout(s.raw, dead); err != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", err)
	}
	return nil
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if s.dead == 0 {
		return s.read(p)
	}
	now := time.Now()
	end := now.Add(s.dead / silenceSlices)
	for quiet := 0; ; {
		if err := s.arm(now, end); err != nil {
			return 0, err
		}
		n, err := s.read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now = time.Now()
		if !s.outer.IsZero() && !now.Before(s.outer) {
			s.armed = time.Time{} // whoever set it sets another, or gives up
			return 0, err
		}
		if now.Before(end) { // it was the deadline of an earlier read
			continue
		}
		switch quiet++; {
		case quiet < silenceSlices:
			end = now.Add(s.dead / silenceSlices)
		case quiet == silenceSlices:
			end = now.Add(silenceGrace)
		default:
			return 0, link.ErrSilent
		}
	}
}

func (s *socket) read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.all.receives.Add(1)
	s.all.receiveBytes.Add(uint64(n))
	return n, err
}

// arm makes the deadline of the read that follows: not after end, nor after that from outside. One that is a little
// too early is left as it is.
func (s *socket) arm(now, end time.Time) error {
	want := end
	if !s.outer.IsZero() && s.outer.Before(want) {
		want = s.outer
	}
	if !s.armed.IsZero() && !s.armed.After(want) && s.armed.After(now) && want.Sub(s.armed) < s.dead/(4*silenceSlices) {
		return nil
	}
	s.armed = want
	return s.Conn.SetReadDeadline(want)
}

// SetReadDeadline implements net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.outer = t
	if s.dead > 0 {
		return nil // the next read arms it
	}
	return s.Conn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.Conn.SetWriteDeadline(t))
}

// hungUp reports whether the peer has closed the connection, and nothing that it sent is left to be read.
func (s *socket) hungUp() bool {
	raw, err := s.raw.SyscallConn()
	if err != nil {
		return true
	}
	var b [1]byte
	n, failed := 0, error(nil)
	if err := raw.Control(func(fd uintptr) {
		n, _, failed = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	}); err != nil {
		return true
	}
	if failed != nil {
		return !errors.Is(failed, unix.EAGAIN)
	}
	return n == 0
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.all.sends.Add(1)
	s.all.sendBytes.Add(uint64(n))
	return n, err
}

// writeBuffers writes all of b, with one writev where nothing stands between.
func (s *socket) writeBuffers(b *net.Buffers) (int64, error) {
	n, err := faults.WriteBuffers(s.Conn, b)
	s.all.sends.Add(1)
	s.all.sendBytes.Add(uint64(n))
	return n, err
}

// Close implements net.Conn. What the kernel counted is kept.
func (s *socket) Close() error {
	s.once.Do(func() {
		last := segmentsOf(s.raw)
		s.all.mu.Lock()
		defer s.all.mu.Unlock()
		delete(s.all.open, s)
		s.all.closed.add(last)
	})
	return s.Conn.Close()
}
