// Package server is one node of the cluster: the data folder, the replica and its state machine, a port for Redis
// clients, and an HTTP port to look inside.
//
//	Redis clients ──► server/resp ──► commands ──Propose──► replica ──► kv
//	                      ▲               │                    │  ▲
//	                      └──── replies ──┘      other nodes ◄─┘  └── raft log
//	curl, Prometheus ──► admin port ──► Status, metrics, profiles
//	                     events.jsonl ◄── recorder ◄── what the replica lives through
//
// The smallest use:
//
//	node, err := server.Start(server.Config{
//		Node: 1, DataDir: dir, ClientListen: "127.0.0.1:7001",
//		Peers: map[raft.NodeID]server.Peer{1: {Peer: "127.0.0.1:7101", Client: "127.0.0.1:7001"}},
//	})
//	...
//	err = node.Stop(ctx)
//
// # What clients see
//
// GET, SET (NX, XX, GET), DEL, EXISTS, INCR, MGET and CAS key old new; PING, ECHO, HELLO, INFO, ROLE, CLUSTER, and
// what client libraries say when they connect. Commands about keys go through the log, reads too: all are
// linearizable, and an answered write is applied here and durable on a majority. Errors say what is known of the
// outcome:
//
//	-MOVED <slot> host:port     not applied: that node leads
//	-CLUSTERDOWN no leader      not applied: nobody leads, as far as this node knows
//	-TRYAGAIN ...               not applied: too much waits, or the node is stopping
//	-ERR ...                    not applied: the command is wrong or too large
//	-UNKNOWN outcome not known  may have been applied, or may be later; also after Client.RequestTimeout
//
// # Admin port
//
// /healthz answers while the process lives, /readyz when the node knows a leader and has applied what it knows to
// be committed; /status is [Status] as JSON, with a hash of the whole state on ?hash=1; /stages the sampled ways of
// proposals; /metrics and /debug/pprof are what their names say. No port asks who is there: all listen on the
// loopback network only.
//
// # Obligations of the caller
//
//  1. Stop or Abort a node that was started, or Wait for its end.
//  2. End the process when Wait returns an error: a disk has failed, and nothing is retried (fail-stop).
//  3. Never start a node with log_storage mem again under the same id while its cluster runs: it has forgotten its
//     vote. It is for measuring what the disk costs.
//
// # Invariants
//
//  1. Replies of a connection leave in the order of its requests, and its commands enter the log in that order.
//  2. After Start failed, or Wait returned, no goroutine, port or lock of the node is left.
//  3. Events are written off the replica's goroutines; a full queue drops and counts them.
//
// # What it does not do
//
// It has no users, no TLS on the client port, no transactions, expiry or publish/subscribe.
package server
