package link

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// Hello returns what this node says first on a connection to peer.
func (n *Node) Hello(peer raft.NodeID, lane transport.Lane) wire.Hello {
	return wire.Hello{
		Protocol: wire.ProtocolVersion, Lane: lane, From: n.options.Self, To: peer,
		Incarnation: n.options.Incarnation, Cluster: n.options.Cluster,
	}
}

// Greet introduces this node on a connection that it dialed and returns the peer's incarnation. The caller bounds the
// time. An error that wraps *transport.RefusedError was the peer's, or this node's, decision.
func (n *Node) Greet(conn io.ReadWriter, peer raft.NodeID, lane transport.Lane) (incarnation uint64, err error) {
	hello := wire.AppendFrame(nil, wire.KindHello, n.Hello(peer, lane).Append(nil))
	if _, err := conn.Write(hello); err != nil {
		return 0, fmt.Errorf("write hello: %w", err)
	}
	frame, err := wire.NewReader(conn, wire.HelloBytesMax).Next()
	if err != nil {
		return 0, fmt.Errorf("read welcome: %w", refusalOf(err))
	}
	if frame.Kind != wire.KindWelcome {
		return 0, transport.Refused(transport.RefusedMalformed, "%v frame instead of a welcome", frame.Kind)
	}
	w, err := wire.DecodeWelcome(frame.Payload)
	if err != nil {
		return 0, fmt.Errorf("decode welcome: %w", refusalOf(err))
	}
	return w.Incarnation, n.CheckWelcome(w, peer)
}

// CheckWelcome returns why this node does not want to talk to the node that sent w, or nil.
func (n *Node) CheckWelcome(w wire.Welcome, peer raft.NodeID) error {
	switch {
	case w.Protocol != wire.ProtocolVersion:
		return transport.Refused(transport.RefusedVersion, "protocol %d, want %d", w.Protocol, wire.ProtocolVersion)
	case w.Refusal != transport.RefusedNone:
		return fmt.Errorf("peer %d: %w", peer, &transport.RefusedError{Reason: w.Refusal})
	case w.Cluster != n.options.Cluster:
		return transport.Refused(transport.RefusedCluster, "cluster %q, want %q", w.Cluster, n.options.Cluster)
	case w.Node != peer:
		return transport.Refused(transport.RefusedNode, "node %d, want %d", w.Node, peer)
	}
	return nil
}

// CheckHello returns why this node does not want to talk to the node that sent h, or nil. authenticated is the node
// that the connection's certificate names, or raft.None without one.
func (n *Node) CheckHello(h wire.Hello, authenticated raft.NodeID) error {
	switch {
	case h.Protocol != wire.ProtocolVersion:
		return transport.Refused(transport.RefusedVersion, "protocol %d, want %d", h.Protocol, wire.ProtocolVersion)
	case h.Cluster != n.options.Cluster:
		return transport.Refused(transport.RefusedCluster, "cluster %q, want %q", h.Cluster, n.options.Cluster)
	case h.To != n.options.Self:
		return transport.Refused(transport.RefusedNode, "looks for node %d, this is %d", h.To, n.options.Self)
	case h.From == n.options.Self:
		return transport.Refused(transport.RefusedSelf, "says that it is node %d too", h.From)
	case n.peers[h.From] == nil:
		return transport.Refused(transport.RefusedUnknownPeer, "node %d", h.From)
	case n.options.Identity != nil && authenticated != h.From:
		return transport.Refused(transport.RefusedIdentity, "says that it is node %d, certificate of node %d",
			h.From, authenticated)
	}
	return nil
}

// ReadHello reads and checks the first frame of an accepted connection.
func (n *Node) ReadHello(r *wire.Reader, authenticated raft.NodeID) (wire.Hello, error) {
	frame, err := r.Next()
	if err != nil {
		return wire.Hello{}, fmt.Errorf("read hello: %w", refusalOf(err))
	}
	if frame.Kind != wire.KindHello {
		return wire.Hello{}, transport.Refused(transport.RefusedMalformed, "%v frame instead of a hello", frame.Kind)
	}
	h, err := wire.DecodeHello(frame.Payload)
	if err != nil {
		return wire.Hello{}, fmt.Errorf("decode hello: %w", refusalOf(err))
	}
	return h, n.CheckHello(h, authenticated)
}

// WriteWelcome answers a hello: with the reason of the refusal when err has one.
func (n *Node) WriteWelcome(w io.Writer, err error) error {
	welcome := wire.Welcome{
		Protocol: wire.ProtocolVersion, Refusal: transport.ReasonOf(err), Node: n.options.Self,
		Incarnation: n.options.Incarnation, Cluster: n.options.Cluster,
	}
	if _, err := w.Write(wire.AppendFrame(nil, wire.KindWelcome, welcome.Append(nil))); err != nil {
		return fmt.Errorf("write welcome: %w", err)
	}
	return nil
}

// refusalOf gives an error of reading frames its reason; others it returns as they are.
func refusalOf(err error) error {
	switch {
	case errors.Is(err, wire.ErrVersion):
		return transport.Refused(transport.RefusedVersion, "%v", err)
	case errors.Is(err, wire.ErrFormat):
		return transport.Refused(transport.RefusedMalformed, "%v", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return transport.Refused(transport.RefusedTimeout, "%v", err)
	default:
		return err
	}
}
