package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

// sharedBytesMinTLS is the length from which a span is written for itself over TLS, where each write makes records
// and system calls of its own.
const sharedBytesMinTLS = 16 << 10

// keepAlive notices a host that vanished while nothing is written.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3}

// outgoing is a connection that this node dialed.
type outgoing struct {
	raw         *socket
	conn        net.Conn // raw, or TLS over it
	incarnation uint64
	timeout     time.Duration
	rate        int
	encoder     wire.Encoder
	frame       net.Buffers
	quiet       func(err error) // told why nothing more was read

	once sync.Once
	done chan struct{}
}

// dial implements link.Dial.
func (t *Transport) dial(ctx context.Context, peer *link.Peer, lane transport.Lane) (link.Outgoing, error) {
	dialer := net.Dialer{
		Timeout: t.options.DialTimeout, KeepAliveConfig: keepAlive, Control: setCongestion(t.options.Congestion),
	}
	raw, err := t.connect(ctx, dialer, peer, lane)
	if err != nil {
		return nil, fmt.Errorf("dial node %d: %w", peer.ID(), err)
	}
	// Cancelling ctx ends the greeting too.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	incarnation, conn, err := t.greet(ctx, raw, peer.ID(), lane)
	if !stop() && err == nil {
		err = fmt.Errorf("greet node %d: %w", peer.ID(), context.Cause(ctx))
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	o := &outgoing{
		raw: raw, conn: conn, incarnation: incarnation, timeout: t.options.WriteTimeout, rate: t.options.BodyRateMin,
		quiet: func(err error) { t.node.Refuse(err, raw.RemoteAddr().String()) }, done: make(chan struct{}),
	}
	if t.options.Identity != nil {
		o.encoder.SharedBytesMin = sharedBytesMinTLS
	}
	if !t.node.Go(func() {
		defer t.guard(conn, func() { _ = o.Close() })()
		o.watch()
	}) {
		_ = o.Close()
		return nil, fmt.Errorf("dial node %d: %w", peer.ID(), raft.ErrClosed)
	}
	return o, nil
}

// connect makes the connection, through the faults of its link where there are some.
func (t *Transport) connect(
	ctx context.Context, dialer net.Dialer, peer *link.Peer, lane transport.Lane,
) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, t.options.DialTimeout)
	defer cancel()
	var dialed *net.TCPConn
	conn, err := t.options.Faults.Dial(ctx, peer.ID(), lane.String(), func(ctx context.Context) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "tcp", peer.Address())
		if err != nil {
			return nil, err
		}
		dialed = conn.(*net.TCPConn)
		return conn, nil
	})
	if err != nil {
		return nil, err
	}
	return t.openSocket(dialed, conn), nil
}

// greet makes TLS of the connection, if there is an identity, and introduces this node.
func (t *Transport) greet(ctx context.Context, raw *socket, peer raft.NodeID, lane transport.Lane) (
	incarnation uint64, conn net.Conn, err error,
) {
	conn = raw
	if err := conn.SetDeadline(time.Now().Add(t.options.HandshakeTimeout)); err != nil {
		return 0, conn, fmt.Errorf("set deadline: %w", err)
	}
	if t.options.Identity != nil {
		secure := tls.Client(conn, t.options.Identity.ClientTLS(identity.TLSOptions{Protocol: protocol}, peer))
		if err := secure.HandshakeContext(ctx); err != nil {
			err = refusalOf(err)
			t.node.Refuse(err, conn.RemoteAddr().String())
			return 0, conn, fmt.Errorf("greet node %d: %w", peer, err)
		}
		conn = secure
	}
	incarnation, err = t.node.Greet(conn, peer, lane)
	if err != nil {
		return 0, conn, fmt.Errorf("greet node %d: %w", peer, err)
	}
	return incarnation, conn, errors.Join(conn.SetDeadline(time.Time{}), raw.listen(t.options.DeadPeerTimeout))
}

// watch waits for the end of the connection: all that the peer sends after its welcome says that it is alive.
func (o *outgoing) watch() {
	reader := wire.NewReader(o.conn, 0)
	for {
		frame, err := reader.Next()
		if err == nil && frame.Kind != wire.KindKeepAlive {
			err = transport.Refused(transport.RefusedMalformed, "%v frame from the accepter", frame.Kind)
		}
		if err != nil {
			o.quiet(err)
			_ = o.Close()
			return
		}
	}
}

// Probe implements link.Prober.
func (o *outgoing) Probe() error {
	if err := o.conn.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := o.conn.Write(wire.KeepAlive()); err != nil {
		return fmt.Errorf("write probe: %w", err)
	}
	return nil
}

// Write implements link.Outgoing.
func (o *outgoing) Write(messages []raft.Message) (int, error) {
	o.encoder.Reset()
	for i := range messages {
		o.encoder.Add(&messages[i])
	}
	allowed := o.timeout + time.Duration(o.encoder.Bytes())*time.Second/time.Duration(o.rate)
	if err := o.conn.SetWriteDeadline(time.Now().Add(allowed)); err != nil {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	o.frame = o.encoder.Frame()
	n, err := o.writeFrame()
	if err != nil {
		return int(n), fmt.Errorf("write frame: %w", err)
	}
	return int(n), nil
}

// writeFrame writes with one writev on TCP, and one write a slice on TLS.
func (o *outgoing) writeFrame() (int64, error) {
	if o.conn == net.Conn(o.raw) {
		return o.raw.writeBuffers(&o.frame)
	}
	return o.frame.WriteTo(o.conn)
}

// Done implements link.Outgoing.
func (o *outgoing) Done() <-chan struct{} { return o.done }

// Incarnation implements link.Outgoing.
func (o *outgoing) Incarnation() uint64 { return o.incarnation }

// Close implements link.Outgoing.
func (o *outgoing) Close() error {
	var err error
	o.once.Do(func() {
		close(o.done)
		err = hangUp(o.conn)
	})
	return err
}

// hangUp closes without TLS's farewell, which would wait for a peer that reads nothing.
func hangUp(conn net.Conn) error {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.Close()
}
