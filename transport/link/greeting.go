package link

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// Hello returns what this node says first on a connection to peer.
func (n *Node) Hello(peer raft.NodeID, lane transport.Lane) wire.Hello {
	return wire.Hello{
		Head: wire.OwnHead(), Lane: lane, From: n.options.Self, To: peer,
		Incarnation: n.options.Incarnation, Instance: n.instance, Disk: n.options.Disk,
		Nonce: n.options.Nonce, Previous: n.options.Previous,
		Cluster: n.options.Cluster, Address: n.options.Advertise,
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
		return 0, fmt.Errorf("read welcome: %w", n.refusedByTLS(refusalOf(err), peer))
	}
	if frame.Kind != wire.KindWelcome {
		return 0, transport.Refused(transport.RefusedMalformed, "%v frame instead of a welcome", frame.Kind)
	}
	w, err := wire.DecodeWelcome(frame.Payload)
	if err != nil {
		return 0, fmt.Errorf("decode welcome: %w", refusalOf(err))
	}
	err = n.CheckWelcome(w, peer)
	if transport.OwnReasonOf(err) != transport.RefusedNone {
		_ = n.WriteWelcome(conn, err) // so that the peer knows why; it may be gone
	}
	return w.Incarnation, err
}

// refusedByTLS recognizes that the peer ended the connection because of this node's certificate: the dialer's
// handshake is over before the accepter has seen it. Other errors it returns as they are.
func (n *Node) refusedByTLS(err error, peer raft.NodeID) error {
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" {
		return errors.Join(n.RefusedBy(peer, transport.RefusedIdentity), err)
	}
	return err
}

// CheckWelcome returns why this node and the one that sent w do not talk to each other, or nil. Either side may have
// refused, which is counted.
func (n *Node) CheckWelcome(w wire.Welcome, peer raft.NodeID) error {
	if w.Refusal != transport.RefusedNone {
		return n.RefusedBy(peer, w.Refusal)
	}
	err := n.acceptWelcome(w, peer)
	n.Refuse(err, fmt.Sprintf("node %d", peer))
	return err
}

// acceptWelcome returns why this node does not want to talk to the node that sent w, or nil.
func (n *Node) acceptWelcome(w wire.Welcome, peer raft.NodeID) error {
	if err := checkHead(w.Head); err != nil {
		return err
	}
	switch {
	case w.Cluster != n.options.Cluster:
		return transport.Refused(transport.RefusedCluster, "cluster %q, want %q", w.Cluster, n.options.Cluster)
	case w.Node != peer:
		return transport.Refused(transport.RefusedNode, "node %d, want %d", w.Node, peer)
	}
	if err := n.answers(w); err != nil {
		return err
	}
	return n.askAdmit(transport.Greeting{
		Node: w.Node, Disk: w.Disk, Incarnation: w.Incarnation, Nonce: w.Nonce, Previous: w.Previous,
	})
}

// checkHead returns why this node cannot talk to one that greets with that head, or nil.
func checkHead(h wire.Head) error {
	own := wire.OwnHead()
	if _, ok := own.Common(h); !ok {
		return transport.Refused(transport.RefusedVersion, "protocol %d to %d, want one of %d to %d",
			h.ProtocolMin, h.Protocol, own.ProtocolMin, own.Protocol)
	}
	if missing := h.Required &^ wire.FeaturesKnown; missing != 0 {
		return transport.Refused(transport.RefusedFeature, "requires the features %#x, of which %#x are not known here",
			uint64(h.Required), uint64(missing))
	}
	return nil
}

// askAdmit asks Options.Admit.
func (n *Node) askAdmit(g transport.Greeting) error {
	if n.options.Admit == nil {
		return nil
	}
	err := n.options.Admit(g)
	if err == nil || transport.OwnReasonOf(err) != transport.RefusedNone {
		return err
	}
	return transport.Refused(transport.RefusedDisk, "node %d with disk %016x: %v", g.Node, g.Disk, err)
}

// CheckHello returns why this node does not want to talk to the node that sent h, or nil. authenticated is the node
// that the connection's certificate names, or raft.None without one.
func (n *Node) CheckHello(h wire.Hello, authenticated raft.NodeID) error {
	if err := checkHead(h.Head); err != nil {
		return err
	}
	switch {
	case h.Cluster != n.options.Cluster:
		return transport.Refused(transport.RefusedCluster, "cluster %q, want %q", h.Cluster, n.options.Cluster)
	case h.To != n.options.Self:
		return transport.Refused(transport.RefusedNode, "looks for node %d, this is %d", h.To, n.options.Self)
	case h.From == n.options.Self:
		return transport.Refused(transport.RefusedSelf, "says that it is node %d too", h.From)
	case n.options.Identity != nil && authenticated != h.From:
		return transport.Refused(transport.RefusedIdentity, "says that it is node %d, certificate of node %d",
			h.From, authenticated)
	}
	if err := n.checkMember(h); err != nil {
		return err
	}
	if err := n.checkProcess(h); err != nil {
		return err
	}
	return n.askAdmit(transport.Greeting{
		Node: h.From, Disk: h.Disk, Incarnation: h.Incarnation, Nonce: h.Nonce, Previous: h.Previous,
	})
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

// Welcome returns the answer to a hello: the reason of the refusal when err has one.
func (n *Node) Welcome(err error) wire.Welcome {
	return wire.Welcome{
		Head: wire.OwnHead(), Refusal: transport.OwnReasonOf(err), Node: n.options.Self,
		Incarnation: n.options.Incarnation, Instance: n.instance, Disk: n.options.Disk,
		Nonce: n.options.Nonce, Previous: n.options.Previous,
		Cluster: n.options.Cluster, Address: n.options.Advertise,
	}
}

// WriteWelcome writes it. The dialer does so too, when it refuses the accepter.
func (n *Node) WriteWelcome(w io.Writer, err error) error {
	if _, err := w.Write(wire.AppendFrame(nil, wire.KindWelcome, n.Welcome(err).Append(nil))); err != nil {
		return fmt.Errorf("write welcome: %w", err)
	}
	return nil
}

// Guard looks after a connection of TLS: when the certificate of its peer has expired or was revoked, that is
// counted as a refusal, and end is called. The caller calls release when the connection has ended.
func (n *Node) Guard(connection tls.ConnectionState, remote string, end func()) (release func()) {
	return n.options.Identity.Guard(connection, func(err error) {
		n.Refuse(transport.RefuseIdentity(err), remote)
		end()
	})
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
