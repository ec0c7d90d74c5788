// Package etcdclient is the load generator's target over etcd's own client: the same operations, instants and outcomes
// as package loadgen/resp, so that the figures of raftmark load and of raftmark-peers load can be put side by side.
//
//	Submit ──► a goroutine ──► clientv3 of the leader ──gRPC──► served, refused, not applied, unknown
//	                               ▲                                        │
//	     minders: Status of each server: who leads             not applied: again, elsewhere
//
// # How operations are asked
//
//	GET   Get, linearizable
//	SET   Put
//	CAS   Txn: if the value is the old one, put the new one
//	INCR  Txn: if nobody wrote since the counter was read, put one more; else read it, and again. Its first try
//	      supposes that there is no counter yet. Under conflict one INCR is several attempts: etcd has no counter.
//
// # What is tried again
//
// The client's own retries are off (MaxUnaryRetries 1, no gRPC retries, no WaitForReady): what is tried again is decided
// here, by the rules of every target, and counted in Attempts. What is left is gRPC's transparent retry of a request
// that no server saw; it is counted, too.
//
//   - Nothing was handed to a connection, "too many requests", "no leader": definitely not applied. It is tried again
//     after a back-off, at the next server, until the operation's deadline, then Failed.
//   - An error of the request or of its rights, no space: Failed.
//   - Anything else, and the deadline: a write ends Unknown and is never sent again, a read is tried again.
//
// # Instants
//
// Sent is when gRPC gave the request's header to the transport of a connection that stands, before any of its payload:
// what waited for a connection waited in the client.
//
// # Invariants
//
//  1. done is called exactly once for each operation, and not after Close has returned.
//  2. A write is sent again only when every earlier attempt was definitely not applied.
//
// What it does not do: TLS and authentication.
package etcdclient
