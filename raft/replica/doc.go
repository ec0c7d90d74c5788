// Package replica runs one server: it drives a [raft.Core] with real time, and pays what the core says is
// owed to a [Log], a [Transport] and a [Machine].
//
//	callers ──Propose──▶ ┌───────┐           ┌────────┐ sync ┌─────┐
//	                     │ inbox │──▶ loop ──▶ writer │─────▶│ Log │
//	Transport ─messages─▶└───────┘    │  │   └────────┘      └─────┘
//	     ▲                  ▲  ▲      │  │        │ votes, acknowledgements
//	     │ AppendEntries    │  │      │  │        ▼
//	     └──────────────────┼──┼──────┘  │     Transport
//	                        │  │         │   ┌─────────┐      ┌─────────┐
//	              synced ───┘  └ applied └───▶ applier │─────▶│ Machine │
//	                                         └─────────┘      └─────────┘
//
// One goroutine, the loop, owns the core; nothing answers a peer beside it. It takes everything that waits
// as one batch, gives it to the core, and pays one Ready: AppendEntries leave at once, the writes go to the
// writer. The writer merges all that came while the disk was busy into one synced write (group commit),
// then releases the votes and acknowledgements that waited for it. The applier applies what is committed
// and completes the proposals, a batch in one pass. The fetcher reads old entries for slow followers.
//
// # Obligations of the caller
//
//  1. Done of a [Proposal] must not block: it runs on the applier's or the loop's goroutine.
//  2. An outcome for which [Definite] is false says nothing: the command may have been applied or may be
//     applied later.
//  3. When Done() is closed and Err() is not nil, a port failed. The process should end; what was
//     acknowledged is durable.
//
// # Invariants
//
//  1. No vote and no acknowledgement leaves before the writes it speaks of are durable.
//  2. Writes reach the log in the order of the core's Readys, applies the machine in the order of the
//     log.
//  3. Each proposal is completed exactly once.
//  4. Every queue is bounded: proposals and messages by the inbox's caps, the loop's backlog and its
//     proposals in the log by the same, and with them a leader's writes; a follower's writes by the
//     leader's window; applies by the core's cap on what is under way, fetches by one a follower.
package replica
