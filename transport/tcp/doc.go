// Package tcp carries messages over TCP: plaintext between loopback addresses, TLS 1.3 with an identity.
//
// There is one connection for each directed pair of nodes and lane: the dialer writes messages, the accepter reads
// them, and after the greeting only signs of life travel the other way. So three nodes hold twelve connections, a
// stalled append lane cannot hold back a heartbeat, and each side learns from its own connections whether the other one
// is there.
//
//	dialer                                     accepter
//	TCP connect, TLS with both certificates ─►
//	hello(lane, from, to, incarnation,
//	      disk, address) ────────────────────►  checks, admission
//	  ◄───────────────────────────────────────  welcome(refusal or none)
//	messages ────────────────────────────────►  deliver
//	messages ────────────────────────────────►  deliver
//
// A frame is written with one writev (over TLS: one write for each long span and each run of what is not), and what
// waits for a lane while a frame is written is the next frame.
//
// # Reads
//
// There is no pool of read buffers. A delivered span aliases the chunk that it was read into, and lives as long as the
// log's tail refers to it, which nobody counts: a buffer could never be given back. The type says so (wire.Reader,
// wire.Aliases): a chunk is carved up, the part of it that was retained is not touched again, and one of which nothing
// was retained is used again. So heartbeats, votes and replies allocate nothing to be read, and appends their own bytes
// once: 128 bytes of command cost 218 bytes in one allocation a message, delivered and answered, that of the slice of
// entries included (BenchmarkThroughput).
//
// # A peer that is gone
//
//  1. Of a process that died the kernel tells at once, by the end of the connection.
//  2. Of a host that died, a link that was cut, or a process that was stopped nobody tells. A quiet lane is therefore
//     probed with an empty frame, at least twice in Options.DeadPeerTimeout, and the accepter answers with one, at
//     most eight times in that: who hears nothing for DeadPeerTimeout gives the connection up, at both ends and on
//     each lane. Only time in which this node ran counts: the timeout has four parts, and
//     one that ends late is one part still.
//  3. What is sent and not acknowledged for as long ends the connection, too (TCP_USER_TIMEOUT, on Linux).
//
// A one-way failure of the network is noticed by both: TCP needs both directions to carry anything.
//
// # Limits
//
// Before the first byte is read an accepted connection is counted with its address, see link.Visit. TLS and greeting
// share one deadline; a frame that has begun must go on, see Options.BodyRateMin. A connection whose peer has closed it
// is not admitted any more: its peer has made another one since, which it would replace.
package tcp
