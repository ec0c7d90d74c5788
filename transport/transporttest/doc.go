// Package transporttest is the conformance suite of transports: what the driver's port promises, as tests that any
// implementation passes in three lines.
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, func() transporttest.New { return newTransport }, transporttest.Config{Secure: true})
//	}
//
// The cases, in the order in which they run:
//
//	kinds       every kind of message arrives as it was sent, between every pair of three nodes
//	order       one lane keeps the order of a long run of messages, and loses none while connected
//	spans       spans of all sizes arrive intact, stay intact after later ones, and carry their encoding
//	chunks      a snapshot in chunks of 256 KiB arrives intact on its own lane, and its answer on the control lane
//	dead        Send does not block, and the queue is bounded, when nobody listens at the peer's address
//	stalled     the same when the peer listens but takes nothing on the append lane; control messages pass meanwhile
//	large       heartbeats pass while large appends are under way
//	restart     a peer that comes back at the same address is connected again, in both directions, soon
//	hints       connections made and broken are told to both sides
//	silence     quiet connections stay; when nothing comes through any more, each is given up in time, at both ends
//	admission   wrong cluster, node, sender, and stale incarnations are refused and counted
//	members     peers are added, removed, moved and put back while messages flow; who was removed is refused
//	learned     a node that nobody configured is answered, up to the cap, and forgotten when it is gone
//	disk        Options.Admit hears each greeting, in both directions, and decides
//	close       Close ends every goroutine and every delivery, also under load and with a stalled peer
//
// [RunHostile] has hostile parties attack a busy node: the rows of docs/security.md that concern a transport. A sample
// runs with all tests, all of it with RAFTMARK_HOSTILE=long (make test-hostile).
//
// [RoundTrip] and [Throughput] are benchmarks of the same transports.
package transporttest
