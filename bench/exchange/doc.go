// Package exchange measures a transport without raft: two operating system processes on the loopback network exchange
// messages over it, each with the transport that a node of that configuration has.
//
//	bench ──commands──► driver (node 1) ═══ lanes of the transport ═══ echo (node 2)
//	      ◄─answers────                                                  │
//	      ◄────────────────────────── what it used ──────────────────────┘
//
// The ends are the program itself, started with a hidden command; they take commands on standard input and answer on
// standard output, so that nothing but what is measured is on the network, and end when their input does.
//
// [MeasureLocal] is the short form for a calibration: both ends in the calling process, one message under way, and
// nothing is counted but the time.
//
// Smallest use:
//
//	pair, err := exchange.Start(ctx, exchange.Options{Executable: "raftmark", Dir: dir, Transport: "quic"})
//	defer pair.Close()
//	cell, err := pair.Loop(ctx, exchange.Loop{Mode: exchange.Echo, SizeBytes: 256, InFlight: 16, Duration: time.Second})
//
// # What is exchanged
//
//	echo        an append with one entry of so many bytes; it comes back as it is. In flight: so many at any time.
//	stream      the same one way, answered as a follower does, with a small reply; the window is a leader's default,
//	            8 MiB, and at most 1024 messages.
//	heartbeat   one each millisecond on the control lane while another lane is idle, or kept full.
//	connect     a connection to a peer, with all that belongs to it, until both of its first lanes are greeted.
//
// Loops are closed: the next message is sent where the last one is delivered. The times are those of a round trip as
// the transport's user has them, from Send to delivery. They are not what a user waits whose requests come at their own
// times.
//
// # What is counted
//
// CPU time, heap allocations and socket counters are read before a command begins and after it has ended, of both ends,
// and divided by all messages in between, the warm-up's too: a message of an echo is one that went there and came back.
// CPU time is that of the processes; what the kernel does in interrupts for nobody in particular is apart.
//
// # Invariants
//
//  1. What is not known is absent, never zero and never guessed.
//  2. A message that was lost or dropped makes the measurement fail: the transport had no reason to.
//  3. No end outlives Close, nor the process that started it.
//
// It does not draw, compare, or judge a transport.
package exchange
