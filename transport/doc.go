// Package transport holds what all transports share: their options, lanes, errors and metrics.
//
// A transport carries raft messages between the nodes of one cluster. It implements the driver's port (Start, Send,
// Close) without importing it; which transports there are:
//
//	transport/tcp     one connection a peer and lane, plaintext (loopback only) or TLS 1.3
//	transport/quic    one connection a peer, one stream a lane, TLS 1.3 always
//	transport/mem     in one process, with links that can be cut
//
// All three are built from the same parts, so that they promise the same and differ only in the way of the bytes:
//
//	Send ─► queue of (peer, lane) ─► sender ─► wire.Encoder ─► connection
//	                                                             │
//	deliver ◄─ checks of from and to ◄─ wire.DecodeMessage ◄─ wire.Reader
//
//	transport/identity         who a node is: certificates that carry cluster and node
//	transport/wire             messages to bytes and back
//	transport/link             queues, senders, receivers, greetings, reconnects
//	transport/transporttest    the conformance suite
//
// # Lanes
//
// Messages to one peer travel in three [Lane]s that never wait for each other: control (votes, heartbeats), append,
// snapshot. Order holds within a lane of one connection, and nowhere else.
//
// # Obligations of the caller
//
//  1. Call SetPeers, if at all, before Start; call Start once; call Close once Start returned.
//  2. The functions given to Start do not block and do not call Close.
//  3. Never change the entries or the encoding of a span that was sent or delivered.
//
// # Invariants
//
//  1. A delivered message's From is the peer that the connection was greeted by and, with an [identity.Identity],
//     that its certificate names; its To is this node.
//  2. Each queue holds at most QueueMessagesMax messages and QueueBytesMax bytes; what does not fit is dropped, newest
//     first, and counted.
//  3. Of two live connections of one peer and lane the newer survives; a node of an older incarnation is refused
//     while a newer one is connected.
//  4. While a peer cannot be reached, what is queued for it is dropped with each failed attempt, so that a peer that
//     comes back is not told yesterday's news.
//
// It does not retry, acknowledge or persist messages: Raft does.
package transport
