// Package transport holds what all transports share: their options, lanes, errors and metrics.
//
// A transport carries raft messages between the nodes of one cluster. It implements the driver's port
// (Start, Send, Close) without importing it; which transports there are:
//
//	transport/tcp     one connection a peer and lane, plaintext (loopback only) or TLS 1.3
//	transport/quic    one connection a peer, one stream a lane, TLS 1.3 always
//	transport/mem     in one process, with links that can be cut
//
// All three are built from the same parts, so that they promise the same and differ only in the way of the
// bytes:
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
// Messages to one peer travel in three [Lane]s that never wait for each other: control (votes, heartbeats),
// append, snapshot. Order holds within a lane of one connection, and nowhere else.
//
// # Who may connect
//
// A peer is a node of SetPeers, or a learned one. Members change while the transport runs, so SetPeers may
// be called at any time: peers that are new are dialed, those that are gone disconnected, and those that
// moved dialed at their new address; what waits for a peer that stays is not lost.
//
// A node of the same cluster that is not among the peers becomes a learned peer when it connects: it can be
// answered, at the address that its greeting advertises. Raft needs this to stay alive: requests are
// processed without consulting one's own configuration (thesis §4.1), for
//
//   - a server that joins knows nobody, and must answer the leader that brings it its configuration;
//   - a voter that missed the configuration with a new member must be able to vote for it, when no
//     majority is to be had without that vote.
//
// With an identity, such a node has proved to be the one of the cluster that it says; without, everybody is
// on the loopback network. A learned peer is dialed only when there is a message for it, and forgotten when
// it had no connection for LearnedIdleTimeout; there are at most LearnedPeersMax, of which one without a
// connection gives way to one that comes. Options.PeersOnly has none.
//
// Who was removed is refused (RefusedRemoved): the nodes up to SetPeers' removedUpTo that are not among its
// peers.
//
// A node that lost its disk must not come back under its old id: it would vote a second time in a term in
// which it has voted, and have lost entries that were counted as durable. Nor must one whose disk was put
// back to an older state, or copied. A [Greeting] travels with every hello and welcome: the disk, the
// incarnation, a nonce of it, and those of some incarnations before. Options.Admit says whether that node
// may be in that state (RefusedDisk, RefusedLife). A refusal is counted and logged at both ends.
//
// # Obligations of the caller
//
//  1. Call Start once; call Close once Start returned.
//  2. The functions given to Start do not block and call neither Close nor SetPeers.
//  3. Never change the entries or the encoding of a span, or the data of a chunk, that was sent or
//     delivered.
//  4. Until a configuration is committed, give SetPeers the members of the committed one too, and
//     removedUpTo as of the committed one: a removal that is only appended may be undone by the very node
//     that it removes, once that leads.
//  5. SetPeers refuses all when it refuses one address; leave out what CheckLoopback refuses when there
//     is no identity.
//
// # Invariants
//
//  1. A delivered message's From is the peer that the connection was greeted by and, with an
//     [identity.Identity], that its certificate names; its To is this node. Admit had nothing against it,
//     and it was not known as removed.
//  2. Each queue holds at most QueueMessagesMax messages and QueueBytesMax bytes; what does not fit is
//     dropped, newest first, and counted.
//  3. Of two live connections of one peer and lane the newer survives; a node of an older incarnation is
//     refused while a newer one is connected.
//  4. While a peer cannot be reached, what is queued for it is dropped with each failed attempt, so that
//     a peer that comes back is not told yesterday's news.
//  5. When SetPeers has returned, a peer that is gone has no connection and no queue, every hint about
//     it was given, and at most the message or frame that was being delivered still is.
//
// It does not retry, acknowledge or persist messages: Raft does.
package transport
