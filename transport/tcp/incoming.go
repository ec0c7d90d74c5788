package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/wire"
)

// acceptPause is the pause after an accept that failed, by want of file descriptors for example.
const acceptPause = 10 * time.Millisecond

// accept takes connections until the listener is closed.
func (t *Transport) accept() {
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			t.options.Logger.Warn("accept", "node", t.options.Self, "err", err)
			select {
			case <-time.After(acceptPause):
				continue
			case <-t.node.Context().Done():
				return
			}
		}
		select {
		case t.greetings <- struct{}{}:
			if !t.node.Go(func() { t.serve(conn) }) {
				_ = conn.Close()
			}
		default:
			t.node.Refuse(transport.Refused(transport.RefusedCrowd, "%d greetings under way", greetingsMax),
				conn.RemoteAddr().String())
			_ = conn.Close()
		}
	}
}

// serve greets an accepted connection and receives from it until it ends.
func (t *Transport) serve(raw net.Conn) {
	stop := context.AfterFunc(t.node.Context(), func() { _ = raw.Close() })
	defer stop()
	defer func() { _ = raw.Close() }()
	remote := raw.RemoteAddr().String()

	hello, reader, conn, err := t.welcome(raw)
	if err != nil {
		<-t.greetings
		if conn != nil {
			_ = t.node.WriteWelcome(conn, err) // the peer may be gone, or may not understand
		}
		t.node.Refuse(err, remote)
		return
	}
	peer, leave, err := t.node.Admit(hello, func() { _ = raw.Close() })
	if err == nil {
		defer leave()
		err = t.node.WriteWelcome(conn, nil)
	} else {
		_ = t.node.WriteWelcome(conn, err)
	}
	<-t.greetings
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err == nil {
		err = peer.Receive(hello.Lane, reader)
	}
	t.node.Refuse(err, remote)
}

// welcome reads who is there. On an error, greeted is the connection on which the refusal can be said, or nil.
func (t *Transport) welcome(conn net.Conn) (
	hello wire.Hello, reader *wire.Reader, greeted net.Conn, err error,
) {
	if err := conn.SetDeadline(time.Now().Add(t.options.HandshakeTimeout)); err != nil {
		return hello, nil, nil, fmt.Errorf("set deadline: %w", err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.SetKeepAliveConfig(keepAlive); err != nil {
			return hello, nil, nil, fmt.Errorf("set keep-alive: %w", err)
		}
	}
	authenticated := raft.None
	if t.options.Identity != nil {
		secure := tls.Server(conn, t.options.Identity.ServerTLS(protocol))
		if err := secure.HandshakeContext(t.node.Context()); err != nil {
			return hello, nil, nil, refusalOf(err)
		}
		authenticated, err = identity.PeerOf(secure.ConnectionState())
		if err != nil {
			return hello, nil, nil, transport.Refused(transport.RefusedIdentity, "%v", err)
		}
		conn = secure
	}
	reader = wire.NewReader(conn, wire.HelloBytesMax)
	hello, err = t.node.ReadHello(reader, authenticated)
	return hello, reader, conn, err
}

// refusalOf gives an error of the TLS handshake its reason. That the other side is gone is none.
func refusalOf(err error) error {
	for _, gone := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, gone) {
			return fmt.Errorf("TLS handshake: %w", err)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return transport.Refused(transport.RefusedTimeout, "TLS: %v", err)
	}
	return transport.Refused(transport.RefusedIdentity, "TLS: %v", err)
}
