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
	"github.com/raftmark/raftmark/transport/faults"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

// acceptPause is the pause after an accept that failed, by want of file descriptors for example.
const acceptPause = 10 * time.Millisecond

// accept takes connections until the listener is closed.
func (t *Transport) accept() {
	for {
		conn, err := t.listener.AcceptTCP()
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
		visit, err := t.node.Enter(conn.RemoteAddr())
		if err != nil {
			t.node.Refuse(err, conn.RemoteAddr().String())
			shed(conn)
			continue
		}
		if !t.node.Go(func() { t.serve(conn, visit) }) {
			_ = conn.Close()
		}
	}
}

// shed closes a connection without keeping anything of it: not even that it was.
func shed(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

// serve greets an accepted connection and receives from it until it ends.
func (t *Transport) serve(accepted *net.TCPConn, visit *link.Visit) {
	defer visit.Leave()
	raw := t.openSocket(accepted, t.options.Faults.Accepted(accepted))
	stop := context.AfterFunc(t.node.Context(), func() { _ = raw.Close() })
	defer stop()
	defer func() { _ = raw.Close() }()
	remote := raw.RemoteAddr().String()

	hello, reader, conn, err := t.welcome(raw)
	if err != nil {
		if conn != nil {
			_ = t.node.WriteWelcome(conn, err) // the peer may be gone, or may not understand
		}
		t.node.Refuse(err, remote)
		return
	}
	if err := faults.Greeted(raw.Conn, hello.From, hello.Lane.String()); err != nil {
		return // it was held up for too long
	}
	if raw.hungUp() { // an attempt that the peer gave up must not take the place of the one that it made instead
		return
	}
	peer, leave, err := t.node.Admit(hello, func() { _ = raw.Close() })
	if err == nil {
		defer leave()
		defer t.guard(conn, func() { _ = raw.Close() })()
		err = t.node.WriteWelcome(conn, nil)
	} else {
		_ = t.node.WriteWelcome(conn, err)
	}
	if err == nil {
		visit.Greeted()
		err = errors.Join(conn.SetDeadline(time.Time{}), raw.listen(t.options.DeadPeerTimeout))
	}
	if err == nil {
		err = peer.Receive(hello.Lane, reader)
	}
	t.node.Refuse(err, remote)
}

// welcome reads who is there. On an error, greeted is the connection on which the refusal can be said, or nil.
func (t *Transport) welcome(raw *socket) (
	hello wire.Hello, reader *wire.Reader, greeted net.Conn, err error,
) {
	if err := raw.SetDeadline(time.Now().Add(t.options.HandshakeTimeout)); err != nil {
		return hello, nil, nil, fmt.Errorf("set deadline: %w", err)
	}
	conn := net.Conn(raw)
	authenticated := raft.None
	if t.options.Identity != nil {
		secure := tls.Server(conn, t.options.Identity.ServerTLS(identity.TLSOptions{Protocol: protocol}))
		if err := secure.HandshakeContext(t.node.Context()); err != nil {
			return hello, nil, nil, refusalOf(err)
		}
		authenticated, err = identity.PeerOf(secure.ConnectionState())
		if err != nil {
			return hello, nil, nil, transport.RefuseIdentity(err)
		}
		conn = secure
	}
	reader = wire.NewReader(conn, wire.HelloBytesMax)
	hello, err = t.node.ReadHello(reader, authenticated)
	return hello, reader, conn, err
}

// guard ends a connection of TLS when its peer's certificate has expired or was revoked.
func (t *Transport) guard(conn net.Conn, end func()) (release func()) {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return func() {}
	}
	return t.node.Guard(secure.ConnectionState(), conn.RemoteAddr().String(), end)
}

// refusalOf gives an error of the TLS handshake its reason. That the other side is gone is none.
func refusalOf(err error) error {
	if refused := transport.RefuseIdentity(err); refused != nil {
		return refused
	}
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
