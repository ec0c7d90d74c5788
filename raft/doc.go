// Package raft is the Raft consensus algorithm as one server's decisions, and nothing else: no disk, no
// network, no clock, no goroutine. A [Core] takes what happened (a tick, a message, a proposal, a finished
// write) and says what is owed (messages to send, entries to make durable, entries to apply). The same
// calls give the same answers, byte for byte.
//
//	   Tick  Step(Message)  Propose        Synced  Applied  Fetched
//	     │        │            │              ▲       ▲        ▲
//	     ▼        ▼            ▼              │       │        │
//	┌─────────────────────────────┐           │       │        │
//	│            Core             │──Ready──▶ disk   machine  storage,
//	└─────────────────────────────┘                            and the network
//
// # Reading it with the paper
//
//	core.go      state of a server (Figure 2), ticks, proposals
//	step.go      messages: terms first ("Rules for Servers", Figure 2)
//	election.go  leader election (§5.2), the election restriction (§5.4.1), pre-vote (thesis §9.6), check-quorum (§6.2)
//	leader.go    log replication from the leader's side (§5.3), the commit rule (§5.4.2)
//	follower.go  AppendEntries' receiver (§5.3, Figure 2)
//	tail.go      the end of the log that is kept in memory
//	disk.go      what was asked to be written, and what of it is durable
//	ready.go     what is owed
//
// # Obligations of the driver
//
//  1. Call one method at a time. After any calls, call Ready until it returns false, and pay each Ready
//     in full.
//  2. Send SendNow whenever convenient; losing a message is allowed, changing one is not.
//  3. Make HardState and Append durable, in one batch, in the order of the Readys; then call Synced. A
//     write that fails stops the server: it is never retried and never reported as done.
//  4. Send SendAfterSync only when that write and all earlier ones are durable, also when this Ready has
//     none of its own.
//  5. Apply in order, then call Applied. Fetch, then call Fetched, with the error if there was one.
//  6. After a restart, call New with exactly what was durable.
//
// # Invariants
//
//  1. lastApplied <= applying <= min(commitIndex, durable); commitIndex <= last index.
//  2. All entries above commitIndex are in memory; what was handed out is never overwritten.
//  3. A server votes at most once a term, and neither vote nor acknowledgement leaves before its disk
//     has it (§5.2, §5.3).
//  4. The leader never truncates (Leader Append-Only), and commits by counting only entries of its term
//     (§5.4.2).
//
// What it does not do yet: snapshots (§7), membership changes (§6), reads without a log entry (§8),
// leadership transfer.
package raft
