// Package resp is the load generator's target over the Redis protocol: pipelined connections to every node of a
// cluster, of which the one to the leader carries the load.
//
//	Submit ──► leader known? ──yes──► conn: queue ──writer──► socket ──reader──► FIFO match ──► done
//	              │ no                                                              │ MOVED, CLUSTERDOWN, refused
//	              ▼                                                                 ▼
//	           waiting ◄────────────────────────── definitely not applied ──────────┘
//	              │ the minder probes all nodes, the first that answers is the leader
//	              └──► flushed to the leader's connections
//
// # Who is the leader
//
// The node that answers a GET. While no leader is known every connected node is asked, all in parallel, again
// Options.ProbeInterval after its last answer; so is every other node while the leader owes an answer for longer
// than Options.SuspectAfter. A linearizable GET is answered only by a leader that can commit, so the moment at which
// operations flow again is the cluster's, to within the probe interval and one round trip: that is the resolution of
// an outage measured here. A MOVED reply makes everybody let go of the node that sent it, and probe the node that it
// names at once.
//
// # What is tried again
//
//   - MOVED, CLUSTERDOWN, LOADING, MASTERDOWN, a refused or broken connection before the request was written:
//     definitely not applied; waits for a leader until the operation's deadline, then Failed.
//   - TRYAGAIN: the same, after a back-off of its own.
//   - Connection broken after the request was (perhaps only in part) written, UNKNOWN reply, deadline passed while
//     the answer is owed: a write ends Unknown and is never sent again; a read has no effect and is tried again
//     until its deadline, then Failed.
//   - Any other error reply: Failed, not tried again.
//
// # Invariants
//
//  1. done is called exactly once for each operation, and not after Close has returned.
//  2. A write is sent again only when every earlier attempt was definitely not applied.
//  3. Sent is when the first attempt was handed to a connection's socket, before any of it can reach a server; it
//     never moves. What waited for a leader before that waited in the client; what is tried again spans all attempts.
//  4. All queues are bounded: Options.InflightPerConnMax a connection, Options.WaitingMax and WaitingBytesMax in the
//     wait for a leader; what is beyond ends Failed with [ErrOverload]. Nothing else grows with the load.
//
// What it does not do: TLS, authentication, RESP3, the slots of a Redis Cluster (one leader serves all keys), and
// replies larger than Options.ReplyBytesMax.
package resp
