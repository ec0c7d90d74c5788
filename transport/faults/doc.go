// Package faults breaks the links between nodes on purpose, without any privilege: cuts, delay, loss, bandwidth.
//
//	                      ┌──────────────────── Links: rules, in their order ◄── admin port, configuration, tests
//	                      ▼
//	transport/tcp ──► Dial, Accepted ──► Conn ── bytes, held ──► net.Conn        connection level
//	transport/quic ─► Datagram: each one passes, is lost, or held ──► socket     datagram level
//
// The smallest use:
//
//	links := faults.New(faults.ConnectionLevel, seed)
//	err := links.Add(faults.Rule{Peer: 2, Direction: faults.Out, Action: faults.Cut})
//	links.Clear("")
//
// # Rules
//
// A rule is for a directed link of this node: what it sends to a peer (out), what it hears from it (in), or both;
// and, at connection level, for one lane or all. All rules that fit act together:
//
//	cut        nothing passes
//	delay      what passes is later by Delay, give or take up to Jitter
//	drop       each packet is lost with Probability
//	bandwidth  what passes is spread over time, Bandwidth bytes a second for the peer and direction
//
// A cut may flap: it is in force and healed in turns whose lengths are drawn between FlapMin and FlapMax, in force
// first. Chance is drawn from a seed, for each rule, peer, direction and lane apart, so that the n-th packet of a
// link meets the same fate each time.
//
// Each rule counts what it acted upon (hits). What Clear heals is healed at once: what was held goes on its way then.
//
// # Two levels
//
// Datagrams (QUIC) are lost, late, and overtake each other when there is jitter, as on a real link. Those that would
// wait longer than QueueDelayMax for a bandwidth are lost, as at a router's queue.
//
// A connection (TCP, TLS) shows only its bytes, and the kernel has acknowledged them before they are seen here. So
//
//   - a cut holds what is written, as a kernel does that retransmits, and what was read, and delivers it when the
//     cut is healed. Real retransmissions come later, by up to twice the length of the cut.
//   - a write counts as so many packets as it fills. A lost one holds up what follows in its lane: until a round trip
//     after something follows that arrives, as RACK does it, or else for Retransmit, doubled each time that it is lost
//     again. That is a model, and no measurement of TCP's recovery; a round trip is twice the delay of the rules.
//   - nothing overtakes: a jitter delays what follows, too. A writer waits when HeldBytesMax are held.
//   - to dial takes the delays of this node's rules; with a cut it hangs. Who connected is known after the greeting:
//     rules for one peer act from there on, those for all peers from the first byte.
//   - Close of a connection that is cut tells the peer nothing until the cut is healed.
//   - acknowledgements of the kernel pass a cut of one direction. On a real link that is cut one way, the other stops
//     too when its sender's window is full; with datagrams it does so here.
//
// # Obligations of the caller
//
//  1. Call Close when the node ends, before waiting for what may be held.
//  2. Tell a Conn whom it is from with Greeted as soon as that is known.
//  3. Hold the datagrams that Datagram says to hold, and bound them.
//
// # Invariants
//
//  1. A nil *Links has no faults, and costs a comparison; without rules a write costs an atomic load.
//  2. The bytes of a connection arrive in their order, once, or not at all from one byte on.
//  3. Conn.Close returns at once, and nothing is held after Links.Close.
//  4. At most HeldBytesMax are held for each direction of a connection.
//
// # What it does not do
//
// It touches no bytes, and no client's or admin's connection. Cuts of transport/mem are its own.
package faults
