// Package server is one node of the cluster: the data folder, the replica and its state machine, a port for
// Redis clients, and an HTTP port to look inside.
//
//	Redis clients ──► server/resp ──► commands ──Propose, Read──► replica ──► kv
//	                      ▲               │                          │  ▲
//	                      └──── replies ──┴──◄── reads of kv         │  └── raft log, snapshots
//	curl, Prometheus ──► admin port ──► Status, metrics, profiles    │
//	server/control   ──► admin port ──► members, transfer, snapshot  └─► other nodes
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
// GET, SET (NX, XX, GET), DEL, EXISTS, INCR, MGET and CAS key old new; SESSION; PING, ECHO, HELLO, INFO,
// ROLE, CLUSTER, and what client libraries say when they connect. All commands about keys are linearizable,
// and an answered write is applied here and durable on a majority. Errors say what is known of the outcome:
//
//	-MOVED <slot> host:port     not executed: that node leads or, when this one was removed, may know who does
//	-CLUSTERDOWN no leader      not executed: nobody leads, as far as this node knows
//	-DISKFULL ...               not executed: too little room on the disk, or in the budget of the log
//	-TRYAGAIN ...               not executed: too much waits, leadership is handed over, or the node is stopping
//	-ERR ...                    not executed: the command is wrong or too large
//	-UNKNOWN outcome not known  may have been applied, or may be later; also after Client.RequestTimeout
//
// Writes go through the log. Reads (GET, MGET, EXISTS) are served as Config.Reads says: by the state
// machine of the leader after a round of heartbeats, through the log, or under a lease, which trusts the
// clocks. READONLY makes a connection's reads be served by the node that it is connected to, which asks the
// leader how far its machine must have come: they are linearizable, too (with Reads log, it does nothing).
// In a pipeline a read sees the writes before it, and none of those after it that are of its keys.
//
// A session executes a command once, however often it is sent, so that one whose answer was -UNKNOWN can be
// repeated:
//
//	SESSION OPEN                          the id of a new session
//	SESSION DO id seq ack command ...     the command's reply, the same for each time that seq is sent
//
// Each command has a seq of its own; ack promises that those below it will not be sent again. The errors
// that begin with SESSION are those of kv: SESSIONEXPIRED, SESSIONSTALE, SESSIONFULL, SESSIONREPLYLOST.
//
// # Members
//
// Config.Peers are the members that a cluster begins with, their addresses included ([Peer.Encode] in
// raft.Member.Address); later ones come with changes in the log. MOVED, CLUSTER, /status and the transport
// go by the configuration that counts in this node's log. A node with Join waits to be added. One whose
// data folder was wiped, copied or put back to an older state (package storage has the table) is refused
// under its old id, one that was removed under any circumstances; /readyz says so at that node, /status and
// the metrics at the others. Who is refused for its folder by one peer hangs up on all of them.
//
// # Room
//
// The node measures the free bytes of the file system of its data folder. Below Config.DiskReserve it refuses
// commands that go through the log, and its replica does what else package replica says under Room; with a quarter
// more than that, it goes on. /status has it under disk, /metrics as raftmark_disk_*.
//
// # Admin port
//
// /healthz answers ok while the process lives and its disk has not failed, /readyz when the node knows a
// leader and has applied what it knows to be committed; /status is [Status] as JSON, with a hash of the
// whole state on ?hash=1; /log/chain is [LogChain], a hash over the stored entries ?after=A&upto=B; /stages is
// [StagesAnswer], the sampled ways of entries; /members is [MembersAnswer]. POST
// /members, /transfer and /snapshot take [MembersRequest], [TransferRequest] and {}, and answer with
// [AdminError] when they refuse. With Config.EnableFaults /faults is [FaultsAnswer]: POST /faults/disk adds
// the rules of [FaultsRequest] to the file system under log, machine and snapshots (storage/faultfs),
// POST /faults/links those of [LinkFaultsRequest] to the transport (transport/faults); DELETE removes all, or
// with ?name= those of a name. /metrics and /debug/pprof are what their names say. No port asks who is there: all
// listen on the loopback network only.
//
// # A disk that fails
//
// The first error of the disk ends the node, whatever part stands on it and whether somebody waits for it or
// not. Nothing is tried again: after a sync that failed the next one can succeed without the data. The reason
// is in one line of the log, in the event storage_failed, in raftmark_storage_failed, in [StorageError], and
// until the end in /healthz. A call that does not return from the disk is left behind after two seconds.
//
// # Obligations of the caller
//
//  1. Stop or Abort a node that was started, or Wait for its end.
//  2. End the process when Wait returns an error: a disk has failed, and nothing is retried (fail-stop).
//  3. Never start a node with log_storage mem again under the same id while its cluster runs: it has
//     forgotten its vote. It is for measuring what the disk costs.
//
// # Invariants
//
//  1. Replies of a connection leave in the order of its requests, its writes enter the log in that
//     order, and its reads see what that order says.
//  2. After Start failed, or Wait returned, no goroutine, port or lock of the node is left, but what hangs in
//     a disk that failed.
//  3. The transport talks to the members of the committed configuration, and to those of a later one
//     before it is.
//  4. Events are written off the replica's goroutines; a full queue drops and counts them.
//
// # What it does not do
//
// It has no users, no TLS on the client port, no transactions, expiry or publish/subscribe.
package server
