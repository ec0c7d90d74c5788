// Package raft is the Raft consensus algorithm as one server's decisions, and nothing else: no disk, no
// network, no clock, no goroutine. A [Core] takes what happened (a tick, a message, a proposal, a finished
// write) and says what is owed (messages to send, entries to make durable, entries to apply). The same
// calls give the same answers, byte for byte.
//
//	   Tick  Step(Message)  Propose  ReadIndex  ChangeConfig  Transfer
//	     │        │            │         │            │           │      Synced Applied Fetched ChunkRead ChunkStored
//	     ▼        ▼            ▼         ▼            ▼           ▼             ▲
//	┌────────────────────────────────────────────────────────────────┐          │
//	│                              Core                              │──Ready──▶ disk, machine, network
//	└────────────────────────────────────────────────────────────────┘
//
// # Reading it with the paper
//
//	core.go                 state of a server (Figure 2), ticks, proposals
//	step.go                 messages: terms first ("Rules for Servers", Figure 2), and what is not believed
//	election.go             elections (§5.2), the restriction on them (§5.4.1), pre-vote (thesis §9.6), check-quorum
//	leader.go               log replication from the leader's side (§5.3), the commit rule (§5.4.2)
//	follower.go             AppendEntries' receiver (§5.3, Figure 2)
//	configuration*.go       the set of servers, changes to it, its bytes (§6)
//	membership.go           membership changes: joint consensus (§6), the single-server change (thesis §4)
//	snapshot_send.go        log compaction (§7) and InstallSnapshot's sender
//	snapshot_receive.go     InstallSnapshot's receiver (Figure 13)
//	recovery.go             what a server does whose disk lost the end of its log
//	read.go                 linearizable reads (§8, thesis §6.4), leases (thesis §6.4.1)
//	transfer.go             leadership transfer (thesis §3.10)
//	tail.go, disk.go        the end of the log that is kept in memory; what of it is durable
//	ready.go                what is owed
//
// # Messages
//
// Beside kind, from, to and term, which all have:
//
//	kind                   uses                        answers, or is answered by
//	PreVote                Last                        PreVoteReply; Term is the one to be campaigned in
//	PreVoteReply           Reject                      Term: as asked when granted, else the own
//	RequestVote            Last, Transfer              RequestVoteReply
//	RequestVoteReply       Reject
//	AppendEntries          Span, Commit, Seq           AppendEntriesReply
//	AppendEntriesReply     Match, Reject, Last, Seq    refused: Match is the index refused, Last the hint
//	Heartbeat              Commit, Seq                 HeartbeatReply
//	HeartbeatReply         Seq
//	InstallSnapshot        Chunk, Seq                  InstallSnapshotReply
//	InstallSnapshotReply   Chunk, Match, Reject, Seq   Chunk.Offset is what is stored; with Done Match
//	TimeoutNow                                         RequestVote, of the next term
//	ReadIndex              Seq                         ReadIndexReply; Seq is the follower's
//	ReadIndexReply         Commit, Reject, Seq
//	Recover                Seq                         ReadIndexReply; Seq is the follower's
//
// # Obligations of the driver
//
//  1. Call one method at a time. After any calls, call Ready until it returns false, and pay each Ready
//     in full.
//  2. Send SendNow whenever convenient; losing a message is allowed, changing one is not.
//  3. Make HardState, Restore and Append durable, in one batch or in this order, in the order of the
//     Readys; then call Synced. A write that fails stops the server: it is never retried and never reported
//     as done.
//  4. Send SendAfterSync only when that write and all earlier ones are durable, also when this Ready has
//     none of its own.
//  5. Apply and restore in order, then call Applied. Fetch, then call Fetched; read and store chunks, in
//     order, then call ChunkRead and ChunkStored; with the error if there was one. A snapshot that was
//     stored as a whole survives a crash: at the next start it is installed first.
//  6. Call Compact only for what the state machine holds durably, and forget no more than it says.
//  7. After a restart, call New with exactly what was durable, and a greater Incarnation. When less is there than
//     was durable once, say so: HardState.Recover. Term and vote must never be less.
//
// # Invariants
//
//  1. lastApplied <= applying <= min(commitIndex, durable); commitIndex <= last index.
//  2. All entries above commitIndex are in memory; what was handed out is never overwritten.
//  3. A server votes at most once a term, and neither vote nor acknowledgement leaves before its disk
//     has it (§5.2, §5.3).
//  4. The leader never truncates (Leader Append-Only), and commits by counting only entries of its term
//     (§5.4.2).
//  5. Nothing at or below commitIndex is ever truncated.
//  6. The latest configuration in the log counts, committed or not; at most one is not committed, and
//     the quorums of two that follow each other share a server (§6).
//  7. A read is answered only after a majority has answered a message that was sent after the question,
//     or under a lease (thesis §6.4).
//  8. The log begins at or below what the state machine holds: first <= lastApplied, except while a
//     snapshot is being restored.
//  9. A server that lost entries that it had acknowledged neither votes nor stands until its log reaches, durably,
//     what a leader had committed after it was told of the loss.
//  10. What a core holds, and what it is owed, is bounded, whatever members send and however long the disk hangs: at
//     the bound a message is lost, or a span cut.
package raft
