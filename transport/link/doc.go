// Package link is what all transports have in common: a [Node] with one [Peer] for each other node, their queues,
// senders and receivers, the greeting, and the rules of who may connect. A transport adds only how to dial, how to
// accept and how bytes are written.
//
//	Send ─► Queue ─► sender (a goroutine a peer and lane) ─► Outgoing.Write
//	                  │  ▲
//	             Dial ▼  │ Kick: the peer just connected to us, so it is alive
//	                 greeting
//
//	accepted connection ─► Welcome (greeting, checks) ─► Serve ─► Receive ─► deliver
//
// # Members
//
// The table of peers is replaced as a whole, so that Send reads it without a lock. SetPeers and an admission change
// it under one lock, which is held while a peer is stopped: what is hinted about a peer that is gone is hinted before
// it can come back as another [Peer].
//
// # A sender's life
//
//	          ┌──────────── dial failed: drop the queue, pause (BackoffMin..BackoffMax) ◄─┐
//	          ▼                                                                           │
//	idle ─► dialing ──► connected ──► broken ─────────────────────────────────────────────┘
//	          │             │
//	          └── Kick: give up this attempt, it may have begun before the peer was back; dial again at once
//
// Idle is only the snapshot lane before its first use, and a learned peer before the first message to it. After a
// refusal for a disk, its state, or a removal the pause is a second: it will hardly be taken back.
//
// # Rules of admission
//
//  1. The hello's protocol, features, cluster, receiver and sender must be right; with an identity, the sender
//     must be the node of its certificate. It must be a peer, or one that may be learned: not removed, at an address
//     that can be answered at, and not one too many. Then Options.Admit is asked about its disk and life; the dialer
//     asks its own about the welcome.
//  2. While a connection of a newer incarnation of the peer is live, one of an older is refused. A newer one ends
//     all connections from, and to, an older one.
//  3. A learned peer moves to the address of its latest greeting, a peer of SetPeers to that of SetPeers only.
//  4. A second connection of the same peer, lane and process replaces the first: the peer knows better which of
//     them is alive.
//  5. Two processes of the same incarnation, told apart by a random number of each and by their address, cannot
//     both be the node: while one is connected, in either direction, and the other one greets, both are disconnected
//     and refused, with an error in the log, until only one has greeted for five seconds or a newer incarnation
//     comes. A process that connects again is the same one.
//
// # Limits
//
// A [Visit] counts an accepted connection: of one address (of IPv6: one network of 64 bits) there are at most
// ConnectionsPerAddressMax, of which GreetingsPerAddressMax are not greeted; of all there are at most GreetingsMax
// that are not. A quarter of those is kept for addresses where a peer is configured, by its IP
// address, or connected.
//
// [Peer.Receive] refuses a frame that has begun and goes on slower than BodyRateMin, after two seconds of grace,
// whether its header or its body dribbles. Where the connection leads back it answers what it hears, at most eight
// times in DeadPeerTimeout, with a frame that carries nothing; the sender of an [Outgoing] that is a [Prober] probes
// it when nothing was written for as long.
//
// # Hints
//
// The peer function hears (id, true) when a connection of one lane and direction was made and (id, false) when it
// broke; the calls of one peer are ordered, and a replaced connection breaks before its successor is made. All lanes
// and directions report, so that the last hint about a peer in good health is true and about a dead one false.
//
// # Obligations of a transport
//
//  1. Start calls Node.Start, then listens; Close calls Node.Shutdown, closes its listener, then Node.Wait.
//  2. Every goroutine is started with Node.Go and ends when Node.Context does.
package link
