// Package quic carries messages over QUIC, always encrypted. It is the only importer of quic-go.
//
// Two nodes have one connection, whoever dialed it, and both write on it. Each lane is a unidirectional stream of its
// own in each direction (Options.AppendStreams: several for appends), so that a lost packet or a stalled reader holds
// back one lane only, and the control lane's packets go first.
//
//	dialer                                         accepter
//	QUIC and TLS 1.3, both certificates ─────────►  door: crowds, proof of the address (Retry)
//	stream 0 (both ways)   hello(control) ───────►  checks
//	  ◄──────────────────  welcome(refusal or none)
//	stream of each lane    hello(lane) ──────────►  admission
//	                       messages ─────────────►  deliver
//	deliver  ◄───────────  hello(lane), messages    streams of its own lanes
//
// Both directions of all peers share one UDP socket. A dialer that refuses the accepter says why in the code that it
// closes the connection with.
//
// # One connection
//
// When two dials cross, the node with the smaller id decides: it answers the other's greeting, or closes it (crossed)
// because it uses its own. An accepter writes on a connection only when the dialer has opened a lane on it, and so
// agrees with what was said in the greeting. A node writes on the connection of its session, and reads from all that
// are greeted: when two nodes differ for a while, or one is not at the address at which the other would dial it,
// there are two connections, each with one writer, and nothing is lost.
//
// Note: a lane that breaks, is replaced or stopped ends the connection, and so all lanes of both directions.
//
// # A peer that dies
//
// Nothing tells a sender of datagrams that its peer's process is gone. What is done about it:
//
//  1. A peer that is back connects to us at once; its newer incarnation ends our old connection to it.
//  2. A peer that is back answers packets of connections it does not know with a stateless reset, whose key comes from
//     its identity, and so is the same after a restart.
//  3. Otherwise the connection ends when nothing was heard for three quarters of Options.DeadPeerTimeout to all of it;
//     a quiet one is probed four times in that. quic-go's own idle timeout is at least three probe timeouts,
//     which a busy machine stretches.
//
// An attempt to dial gives up when the peer connects to us, and begins again: its first packets may have been sent
// before the peer was back, and would be repeated only after a while.
//
// Sessions are resumed (the certificates are checked again each time); 0-RTT is off.
//
// # The socket
//
// The wrapper of the socket keeps what quic-go looks for in a *net.UDPConn, segmentation offload and ECN, receives
// joined datagrams (UDP_GRO), counts, and asks link faults about each datagram. quic-go would write to the standard
// logger when buffers are small; New tells it not to (QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING, unless it is set), and
// says so itself. [Transport.Status] has what was granted.
//
// # Heartbeats as datagrams
//
// With Options.HeartbeatDatagrams, heartbeats and their replies that fit in a packet are not repeated when lost, and
// pass a control lane that is held up. Every node takes them.
package quic
