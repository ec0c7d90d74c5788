package quic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

// accept takes connections until the listener is closed.
func (t *Transport) accept() {
	for {
		conn, err := t.listener.Accept(t.node.Context())
		if err != nil {
			return
		}
		if !t.node.Go(func() { t.serve(conn) }) {
			_ = conn.CloseWithError(codeClosed, "")
		}
	}
}

// serve greets an accepted connection and takes its lanes' streams until it ends.
func (t *Transport) serve(conn *quicgo.Conn) {
	stop := context.AfterFunc(t.node.Context(), func() { _ = conn.CloseWithError(codeClosed, "") })
	defer stop()
	remote := conn.RemoteAddr().String()
	hello, err := t.welcome(conn)
	if err != nil {
		t.node.Refuse(err, remote)
		return // the peer hangs up when it has read why, or the connection idles out
	}
	if g := guestOf(conn); g != nil {
		g.greeted()
	}
	t.read(accepted(conn, hello))
}

// read takes the streams of the peer's lanes until the connection ends, whoever dialed it.
func (t *Transport) read(c *connection) {
	stop := context.AfterFunc(t.node.Context(), func() { _ = c.CloseWithError(codeClosed, "") })
	defer stop()
	defer t.forget()
	defer t.guard(c.Conn)()
	defer t.watch(c)()
	for {
		stream, err := c.AcceptUniStream(t.node.Context())
		if reason := reasonOf(err); reason != transport.RefusedNone {
			_ = t.node.RefusedBy(c.peer, reason)
		}
		if err != nil || !t.node.Go(func() { t.receive(c, stream) }) {
			_ = c.CloseWithError(codeClosed, "")
			return
		}
	}
}

// welcome reads who is there and answers. It returns an error after a refusal, with a reason.
func (t *Transport) welcome(conn *quicgo.Conn) (hello wire.Hello, err error) {
	ctx, cancel := context.WithTimeout(t.node.Context(), t.options.HandshakeTimeout)
	defer cancel()
	stream, err := conn.AcceptStream(ctx)
	if err != nil {
		_ = conn.CloseWithError(codeRefused, "no hello")
		if errors.Is(err, context.DeadlineExceeded) {
			err = transport.Refused(transport.RefusedTimeout, "no hello")
		}
		return hello, err
	}
	deadline, _ := ctx.Deadline()
	if err := stream.SetDeadline(deadline); err != nil {
		return hello, fmt.Errorf("set deadline: %w", err)
	}
	authenticated, err := identity.PeerOf(conn.ConnectionState().TLS)
	if err != nil {
		err = transport.RefuseIdentity(err)
	} else {
		hello, err = t.node.ReadHello(wire.NewReader(stream, wire.HelloBytesMax), authenticated)
	}
	if err == nil {
		t.socket.owned(conn.RemoteAddr(), hello.From)
		err = t.node.CheckStale(hello)
	}
	if err == nil && t.options.Self < hello.From && t.decide(accepted(conn, hello)) == crossed {
		_ = conn.CloseWithError(codeCrossed, "")
		return hello, errCrossed
	}
	if answered := t.node.WriteWelcome(stream, err); err == nil {
		err = answered
	}
	switch {
	case transport.ReasonOf(err) == transport.RefusedTimeout:
		_ = conn.CloseWithError(codeRefused, "slow hello")
	case err != nil:
		_ = stream.Close()
		t.hangUpLater(conn)
	}
	return hello, err
}

// accepted returns a connection whose hello was read.
func accepted(conn *quicgo.Conn, hello wire.Hello) *connection {
	return &connection{Conn: conn, peer: hello.From, incarnation: hello.Incarnation, address: hello.Address}
}

// decide says what this node, whose id is the smaller one, makes of a connection that the peer dialed.
func (t *Transport) decide(c *connection) verdict { return t.session(c.peer).offer(c, t.usable(c)) }

// hangUpLater gives the peer time to read why it is refused.
func (t *Transport) hangUpLater(conn *quicgo.Conn) {
	t.node.Go(func() {
		timer := time.NewTimer(t.options.HandshakeTimeout)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-conn.Context().Done():
		case <-t.node.Context().Done():
		}
		_ = conn.CloseWithError(codeRefused, "")
	})
}

// receive greets one lane's stream and delivers what comes. Whatever ends it ends the connection.
func (t *Transport) receive(c *connection, stream *quicgo.ReceiveStream) {
	err := t.receiveLane(c, stream)
	_ = c.CloseWithError(codeBroken, "")
	t.node.Refuse(err, c.RemoteAddr().String())
}

func (t *Transport) receiveLane(c *connection, stream *quicgo.ReceiveStream) error {
	if err := stream.SetReadDeadline(time.Now().Add(t.options.HandshakeTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	reader := wire.NewReader(stream, wire.HelloBytesMax)
	hello, err := t.node.ReadHello(reader, c.peer)
	if err != nil {
		return err
	}
	if hello.Incarnation != c.incarnation {
		return transport.Refused(transport.RefusedMalformed, "incarnation %d on a stream, %d on its connection",
			hello.Incarnation, c.incarnation)
	}
	if !c.dialed { // it was accepted, and the peer has decided to use it
		t.session(c.peer).confirm(c, t.usable(c))
	}
	peer, leave, err := t.admit(c, hello)
	if err != nil {
		return err
	}
	defer leave()
	if err := stream.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("clear deadline: %w", err)
	}
	return peer.Receive(hello.Lane, reader)
}

// admit registers a lane. Further streams of the append lane belong to the first.
func (t *Transport) admit(c *connection, hello wire.Hello) (*link.Peer, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.lanes[hello.Lane]; first != nil && hello.Lane == transport.LaneAppend {
		return first, func() {}, nil
	}
	peer, leave, err := t.node.Admit(hello, func() {
		go func() { _ = c.CloseWithError(codeClosed, "replaced") }()
	})
	if err != nil {
		return nil, nil, err
	}
	c.lanes[hello.Lane] = peer
	if hello.Lane == transport.LaneControl && !t.node.Go(func() { t.receiveDatagrams(c, peer) }) {
		leave()
		return nil, nil, raft.ErrClosed
	}
	return peer, leave, nil
}

// guard ends a connection when its peer's certificate has expired or was revoked.
func (t *Transport) guard(conn *quicgo.Conn) (release func()) {
	return t.node.Guard(conn.ConnectionState().TLS, conn.RemoteAddr().String(), func() {
		_ = conn.CloseWithError(codeBroken, "certificate")
	})
}

// refusedHandshake counts a handshake that this node refused because of the certificate: such a connection is never
// accepted.
func (t *Transport) refusedHandshake(remote net.Addr, err error) {
	t.node.Refuse(transport.RefuseIdentity(err), fmt.Sprint(remote))
}

// refusedByTLS recognizes that the peer refused this node's certificate, before or after this node's end of the
// handshake was over. Other errors it returns as they are.
func (t *Transport) refusedByTLS(err error, peer raft.NodeID) error {
	var failed *quicgo.TransportError
	if errors.As(err, &failed) && failed.Remote && failed.ErrorCode.IsCryptoError() {
		return errors.Join(t.node.RefusedBy(peer, transport.RefusedIdentity), err)
	}
	return err
}

// refusalOf gives an error of the handshake its reason: what TLS said is about the identity.
func refusalOf(err error) error {
	if refused := transport.RefuseIdentity(err); refused != nil {
		return refused
	}
	var failed *quicgo.TransportError
	if errors.As(err, &failed) && !failed.Remote && failed.ErrorCode.IsCryptoError() {
		return transport.Refused(transport.RefusedIdentity, "%v", err)
	}
	return err
}
