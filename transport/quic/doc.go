// Package quic carries messages over QUIC, always encrypted. It is the only importer of quic-go.
//
// There is one connection for each directed pair of nodes: the dialer writes messages, the accepter reads them. Each
// lane is a unidirectional stream of its own, so that a lost packet or a stalled reader holds back one lane only, and
// the control lane's packets go first.
//
//	dialer                                         accepter
//	QUIC and TLS 1.3, both certificates ─────────►
//	stream 0 (both ways)   hello(control) ───────►  checks
//	  ◄──────────────────  welcome(refusal or none)
//	stream of each lane    hello(lane) ──────────►  admission
//	                       messages ─────────────►  deliver
//
// Both directions of all peers share one UDP socket. A dialer that refuses the accepter says why in the code that it
// closes the connection with.
//
// # A peer that dies
//
// Nothing tells a sender of datagrams that its peer's process is gone. What is done about it:
//
//  1. A peer that is back connects to us at once; its newer incarnation ends our old connection to it.
//  2. A peer that is back answers packets of connections it does not know with a stateless reset, whose key comes from
//     its identity, and so is the same after a restart.
//  3. Otherwise the connection ends after IdleTimeout without an answer.
//
// An attempt to dial gives up when the peer connects to us, and begins again: its first packets may have been sent
// before the peer was back, and would be repeated only after a while.
//
// 0-RTT and session tickets are off: every connection is authenticated in full.
package quic
