package quic

import (
	"context"
	"errors"

	quicgo "github.com/quic-go/quic-go"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

// heartbeat reports whether a message may travel as a datagram: it says nothing that the next one does not.
func heartbeat(m *raft.Message) bool {
	return m.Kind == raft.MsgHeartbeat || m.Kind == raft.MsgHeartbeatReply
}

// onlyHeartbeats reports whether all messages may travel as a datagram.
func onlyHeartbeats(messages []raft.Message) bool {
	for i := range messages {
		if !heartbeat(&messages[i]) {
			return false
		}
	}
	return true
}

// sendDatagram sends a frame as a datagram; false says that it is too large for one, or that the peer takes none.
func (o *outgoing) sendDatagram(frame []byte) (sent bool, err error) {
	if !o.conn.ConnectionState().SupportsDatagrams.Remote {
		return false, nil
	}
	err = o.conn.SendDatagram(frame)
	var tooLarge *quicgo.DatagramTooLargeError
	if errors.As(err, &tooLarge) {
		return false, nil
	}
	return err == nil, err
}

// datagrams reads the frames of a connection's datagrams one after the other: each holds whole ones.
type datagrams struct {
	ctx  context.Context
	conn *quicgo.Conn
	rest []byte
}

// Read implements io.Reader.
func (d *datagrams) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		data, err := d.conn.ReceiveDatagram(d.ctx)
		if err != nil {
			return 0, err
		}
		d.rest = data
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// receiveDatagrams delivers the heartbeats that come as datagrams. Whatever ends it ends the connection.
func (t *Transport) receiveDatagrams(c *connection, peer *link.Peer) {
	source := &datagrams{ctx: t.node.Context(), conn: c.Conn}
	err := peer.Receive(transport.LaneControl, wire.NewReader(source, wire.HelloBytesMax))
	_ = c.CloseWithError(codeBroken, "")
	t.node.Refuse(err, c.RemoteAddr().String())
}
