package floor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync"
)

// follower writes what its leader sends, and says when it is durable.
type follower struct {
	listener net.Listener
	disk     *disk
	work     sync.WaitGroup

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

// readBuffer is how much a follower reads at once.
const readBuffer = 256 << 10

func newFollower(open func(done func(uint64, error)) (*disk, error)) (*follower, error) {
	f := &follower{}
	var err error
	if f.disk, err = open(f.acknowledge); err != nil {
		return nil, err
	}
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, f.disk.close())
	}
	f.work.Go(f.serve)
	return f, nil
}

// serve takes the frames of one leader.
func (f *follower) serve() {
	conn, err := f.listener.Accept()
	if err != nil {
		return
	}
	f.mu.Lock()
	f.conn = conn
	if f.closed {
		_ = conn.Close()
	}
	f.mu.Unlock()
	for r := bufio.NewReaderSize(conn, readBuffer); ; {
		frame, upto, err := readFrame(r)
		if err != nil {
			_ = conn.Close() // which the leader sees
			return
		}
		f.disk.write(frame, upto)
	}
}

// acknowledge tells the leader that the first upto commands are durable here.
func (f *follower) acknowledge(upto uint64, err error) {
	f.mu.Lock()
	conn := f.conn
	f.mu.Unlock()
	if err != nil {
		_ = conn.Close()
		return
	}
	_, _ = conn.Write(binary.LittleEndian.AppendUint64(nil, upto)) // the leader sees the end of the connection
}

func (f *follower) close() error {
	err := f.listener.Close()
	f.mu.Lock()
	f.closed = true
	if f.conn != nil {
		_ = f.conn.Close()
	}
	f.mu.Unlock()
	f.work.Wait()
	return errors.Join(err, f.disk.close())
}
