package calibrate

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
)

// nullServer speaks enough of the Redis protocol to answer every SET with OK and everything else with null.
type nullServer struct {
	listener net.Listener
	handlers sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

func startNullServer() (*nullServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &nullServer{listener: listener, conns: map[net.Conn]bool{}}
	s.handlers.Add(1)
	go s.accept()
	return s, nil
}

func (s *nullServer) addr() string { return s.listener.Addr().String() }

func (s *nullServer) accept() {
	defer s.handlers.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = conn.Close() // nobody waits for it
			continue
		}
		s.conns[conn] = true
		s.handlers.Add(1)
		s.mu.Unlock()
		go s.serve(conn)
	}
}

func (s *nullServer) serve(conn net.Conn) {
	defer s.handlers.Done()
	in, out := bufio.NewReaderSize(conn, 1<<16), bufio.NewWriterSize(conn, 1<<16)
	for {
		set, err := readCommand(in)
		if err != nil {
			return // the client left, or speaks something else: this ends its connection, at close
		}
		reply := "$-1\r\n"
		if set {
			reply = "+OK\r\n"
		}
		if _, err := out.WriteString(reply); err != nil {
			return
		}
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
	}
}

// readCommand reads one command and says whether it is a SET.
func readCommand(in *bufio.Reader) (set bool, err error) {
	arguments, err := readNumber(in, '*')
	if err != nil {
		return false, err
	}
	for i := range arguments {
		length, err := readNumber(in, '$')
		if err != nil {
			return false, err
		}
		if i == 0 && length == 3 {
			name, err := in.Peek(3)
			if err != nil {
				return false, err
			}
			set = bytes.EqualFold(name, []byte("SET"))
		}
		if _, err := in.Discard(length + 2); err != nil {
			return false, err
		}
	}
	return set, nil
}

func readNumber(in *bufio.Reader, kind byte) (int, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 || line[0] != kind {
		return 0, fmt.Errorf("read %q: %w", line, io.ErrUnexpectedEOF)
	}
	return strconv.Atoi(string(line[1 : len(line)-2]))
}

func (s *nullServer) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close() // the client has closed it, mostly
	}
	s.mu.Unlock()
	s.handlers.Wait()
	return err
}
