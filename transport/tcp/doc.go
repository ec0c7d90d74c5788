// Package tcp carries messages over TCP: plaintext between loopback addresses, TLS 1.3 with an identity.
//
// There is one connection for each directed pair of nodes and lane: the dialer writes messages, the accepter reads
// them, and after the greeting nothing travels the other way. So three nodes hold twelve connections, a stalled append
// lane cannot hold back a heartbeat, and each side learns from its own connections whether the other one is there.
//
//	dialer                                     accepter
//	TCP connect, TLS with both certificates ─►
//	hello(lane, from, to, incarnation,
//	      disk, address) ────────────────────►  checks, admission
//	  ◄───────────────────────────────────────  welcome(refusal or none)
//	messages ────────────────────────────────►  deliver
//	messages ────────────────────────────────►  deliver
//
// A frame is written with one writev (over TLS: one write for each long span and each run of what is not), and read
// into large chunks that the delivered spans alias.
//
// A peer whose process dies is noticed at once by the end of the connection, one whose host dies by WriteTimeout or
// keep-alive, whichever is first.
package tcp
