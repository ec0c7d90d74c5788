package quic

import (
	"context"
	"fmt"
	"net"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

// sharedBytesMin is the length from which a span is written for itself: QUIC copies small writes anyway.
const sharedBytesMin = 16 << 10

// urgency of the lanes' streams: smaller goes first.
var urgency = [transport.LaneCount]int8{
	transport.LaneControl: 0, transport.LaneAppend: 3, transport.LaneSnapshot: 6,
}

// outgoing is one lane on a connection: a stream, or several for appends. Whatever breaks it breaks the connection.
type outgoing struct {
	conn        *quicgo.Conn
	streams     []*quicgo.SendStream
	next        int // the stream of the next frame
	incarnation uint64
	timeout     time.Duration
	rate        int
	datagrams   bool // heartbeats travel as such
	probes      bool // it is the lane that probes the connection
	encoder     wire.Encoder
}

// dial implements link.Dial: the lane's stream is added to the connection that there is.
func (t *Transport) dial(ctx context.Context, peer *link.Peer, lane transport.Lane) (link.Outgoing, error) {
	c, err := t.connection(ctx, peer)
	if err != nil {
		return nil, err
	}
	o := &outgoing{
		conn: c.Conn, incarnation: c.incarnation,
		timeout: t.options.WriteTimeout, rate: t.options.BodyRateMin,
	}
	o.encoder.SharedBytesMin = sharedBytesMin
	o.probes = lane == transport.LaneControl
	o.datagrams = lane == transport.LaneControl && t.options.HeartbeatDatagrams
	streams := 1
	if lane == transport.LaneAppend {
		streams = t.options.AppendStreams
	}
	for range streams {
		if err := o.open(t.node.Hello(peer.ID(), lane)); err != nil {
			_ = o.Close()
			return nil, fmt.Errorf("open %v stream to node %d: %w", lane, peer.ID(), err)
		}
	}
	return o, nil
}

// connect makes the connection and introduces this node.
func (t *Transport) connect(ctx context.Context, to *link.Peer) (*connection, error) {
	peer, address := to.ID(), to.Address()
	udp, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("dial node %d: %w", peer, err)
	}
	t.socket.owned(udp, peer)
	dialing, cancel := context.WithTimeout(ctx, t.options.DialTimeout)
	defer cancel()
	conn, err := t.quic.Dial(dialing, udp, t.options.Identity.ClientTLS(t.clientTLS(), peer), t.config())
	if err != nil {
		err = t.refusedByTLS(refusalOf(err), peer)
		t.node.Refuse(err, address)
		return nil, fmt.Errorf("dial node %d: %w", peer, err)
	}
	incarnation, err := t.greet(ctx, conn, peer)
	if err != nil {
		err = t.refusedByTLS(err, peer)
		code := codeRefused
		if reason := transport.OwnReasonOf(err); reason != transport.RefusedNone {
			code = codeReason + quicgo.ApplicationErrorCode(reason)
		}
		_ = conn.CloseWithError(code, "")
		return nil, fmt.Errorf("greet node %d: %w", peer, err)
	}
	return &connection{Conn: conn, peer: peer, incarnation: incarnation, address: address}, nil
}

func (t *Transport) greet(ctx context.Context, conn *quicgo.Conn, peer raft.NodeID) (uint64, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.CloseWithError(codeClosed, "") })
	defer stop()
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return 0, err
	}
	if err := stream.SetDeadline(time.Now().Add(t.options.HandshakeTimeout)); err != nil {
		return 0, fmt.Errorf("set deadline: %w", err)
	}
	return t.node.Greet(stream, peer, transport.LaneControl)
}

// open adds the lane's stream to the connection. It does not wait, so that a dial that is given up does not cost the
// other lanes their connection.
func (o *outgoing) open(hello wire.Hello) error {
	stream, err := o.conn.OpenUniStream()
	if err != nil {
		return err
	}
	stream.SetPriority(urgency[hello.Lane], true)
	o.streams = append(o.streams, stream)
	_, err = stream.Write(wire.AppendFrame(nil, wire.KindHello, hello.Append(nil)))
	return err
}

// Write implements link.Outgoing.
func (o *outgoing) Write(messages []raft.Message) (int, error) {
	o.encoder.Reset()
	for i := range messages {
		o.encoder.Add(&messages[i])
	}
	allowed := o.timeout + time.Duration(o.encoder.Bytes())*time.Second/time.Duration(o.rate)
	frame := o.encoder.Frame()
	if o.datagrams && len(frame) == 1 && onlyHeartbeats(messages) {
		if sent, err := o.sendDatagram(frame[0]); sent || err != nil {
			return len(frame[0]), err
		}
	}
	stream := o.streams[o.next]
	o.next = (o.next + 1) % len(o.streams)
	if err := stream.SetWriteDeadline(time.Now().Add(allowed)); err != nil {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	written := 0
	for _, part := range frame {
		n, err := stream.Write(part)
		written += n
		if err != nil {
			return written, fmt.Errorf("write frame: %w", err)
		}
	}
	return written, nil
}

// Done implements link.Outgoing.
func (o *outgoing) Done() <-chan struct{} { return o.conn.Context().Done() }

// Incarnation implements link.Outgoing.
func (o *outgoing) Incarnation() uint64 { return o.incarnation }

// Close implements link.Outgoing.
func (o *outgoing) Close() error { return o.conn.CloseWithError(codeClosed, "") }
