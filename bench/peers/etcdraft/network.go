package etcdraft

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

const (
	queueMax    = 8192     // messages that wait for a peer; more are dropped, which raft is made for
	frameMax    = 64 << 20 // bytes
	bufferBytes = 256 << 10
	redialEvery = 10 * time.Millisecond
)

// sender sends messages to one peer, and dials it again when its connection breaks.
type sender struct {
	address string
	broken  func()

	mu     sync.Mutex
	more   sync.Cond
	queue  []*pb.Message
	conn   net.Conn
	closed bool
}

func newSender(address string, broken func()) *sender {
	s := &sender{address: address, broken: broken}
	s.more.L = &s.mu
	return s
}

// send queues m, or drops it when too much waits.
func (s *sender) send(m *pb.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) < queueMax {
		s.queue = append(s.queue, m)
		s.more.Signal()
	}
}

func (s *sender) run() {
	var messages []*pb.Message
	var bytes []byte
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.more.Wait()
		}
		closed := s.closed
		messages, s.queue = s.queue, messages[:0]
		s.mu.Unlock()
		if closed {
			return
		}
		bytes = bytes[:0]
		for _, m := range messages {
			bytes = appendFrame(bytes, m)
		}
		clear(messages)
		if s.write(bytes) {
			continue
		}
		s.broken()
		timer := time.NewTimer(redialEvery)
		<-timer.C
	}
}

func appendFrame(bytes []byte, m *pb.Message) []byte {
	at := len(bytes)
	bytes, err := proto.MarshalOptions{}.MarshalAppend(append(bytes, 0, 0, 0, 0), m)
	if err != nil {
		return bytes[:at] // as if it were lost
	}
	binary.LittleEndian.PutUint32(bytes[at:], uint32(len(bytes)-at-4))
	return bytes
}

// write writes bytes to the connection, which it opens when there is none.
func (s *sender) write(bytes []byte) bool {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		var err error
		if conn, err = net.Dial("tcp", s.address); err != nil {
			return false
		}
		s.mu.Lock()
		s.conn = conn
		if s.closed {
			_ = conn.Close()
		}
		s.mu.Unlock()
	}
	if _, err := conn.Write(bytes); err != nil {
		_ = conn.Close()
		s.mu.Lock()
		s.conn = nil
		s.mu.Unlock()
		return false
	}
	return true
}

func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.more.Signal()
}

// receiver takes the messages of all peers.
type receiver struct {
	listener net.Listener
	take     func([]*pb.Message)
	work     sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

func listen(address string, take func([]*pb.Message)) (*receiver, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &receiver{listener: listener, take: take}, nil
}

func (r *receiver) run() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			break
		}
		r.mu.Lock()
		r.conns = append(r.conns, conn)
		if r.closed {
			_ = conn.Close()
		}
		r.mu.Unlock()
		r.work.Go(func() {
			_ = r.serve(conn) // the peer dials again
			_ = conn.Close()
		})
	}
	r.work.Wait()
}

// serve reads messages, and hands over all that came with one read at once.
func (r *receiver) serve(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, bufferBytes)
	var frame []byte
	for {
		var messages []*pb.Message
		for {
			var head [4]byte
			if _, err := io.ReadFull(in, head[:]); err != nil {
				return err
			}
			n := binary.LittleEndian.Uint32(head[:])
			if n > frameMax {
				return fmt.Errorf("a frame of %d bytes, at most %d", n, frameMax)
			}
			frame = append(frame[:0], make([]byte, n)...)
			if _, err := io.ReadFull(in, frame); err != nil {
				return err
			}
			m := &pb.Message{}
			if err := proto.Unmarshal(frame, m); err != nil {
				return err
			}
			if messages = append(messages, m); in.Buffered() < 4 {
				break
			}
		}
		r.take(messages)
	}
}

func (r *receiver) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, conn := range r.conns {
		_ = conn.Close()
	}
}
