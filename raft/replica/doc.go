// Package replica runs one server: it drives a [raft.Core] with real time, and pays what the core says is
// owed to a [Log], a [Transport], a [Machine] and its [Snapshots].
//
//	callers ──Propose──▶ ┌───────┐           ┌────────┐ sync ┌─────┐
//	        ──Read─────▶ │ inbox │──▶ loop ──▶ writer │─────▶│ Log │
//	Transport ─messages─▶└───────┘    │  │   └────────┘      └─────┘
//	     ▲                  ▲  ▲      │  │        │ votes, acknowledgements
//	     │ AppendEntries    │  │      │  │        ▼
//	     └──────────────────┼──┼──────┘  │     Transport
//	                        │  │         │   ┌─────────┐      ┌─────────┐
//	              synced ───┘  └ applied └───▶ applier │─────▶│ Machine │
//	                                         └─────────┘      └─────────┘
//
// One goroutine, the loop, owns the core; nothing answers a peer beside it. It takes everything that waits
// as one batch (a leader lets other proposers run first, when nothing but proposals waits), gives it to the core, and
// pays one Ready: AppendEntries leave at once, the writes go to the
// writer. The writer merges all that came while the disk was busy into one synced write (group commit),
// then releases the votes and acknowledgements that waited for it. The applier applies what is committed
// and completes the proposals, a batch in one pass. The fetcher reads old entries for slow followers. What takes long
// is done by two more goroutines, so that neither heartbeats nor commits wait for it: the compactor, and the
// snapshots' goroutine.
//
// # Compaction (§7)
//
// When SnapshotLogBytes were applied, the applier takes a view of the machine, which is cheap; the compactor makes the
// view's state durable; the loop has the core forget the log up to there, but for SnapshotKeepEntries and for what
// followers lack that are less than one such period behind; the writer compacts the stored log. [Replica.Compact] does
// it on demand, at once.
//
// # Snapshots
//
// For a follower that is farther behind, the snapshots' goroutine streams a view of the machine to a file, unless the
// file that is there still does, and reads it in parts; the core sends them as its window allows. At the follower
// the same goroutine stores the parts. When all of it is stored, checked and durable, the core wants it installed:
//
//	received snapshot durable ─▶ writer: Log.Compact ─▶ applier: Machine.Restore ─▶ Snapshots.Discard
//
// Each step comes after everything that was asked of the same goroutine before. A crash anywhere leaves the received
// snapshot, and the next start does what is left to do: the install happens as a whole or not at all. It reads the
// snapshot to its end first, and boots without one that is damaged, as long as the log is still there.
//
// # Reads (§8)
//
// All reads that wait when the loop turns share one question to the core, and so one round of heartbeats, or one
// message to the leader. The time that leases are measured by is read after they were taken, so that each was called
// before. A read is done when the machine here has applied the index that it got. Refused or lost questions are asked
// again, until ReadTimeout.
//
// # Room
//
// Somebody tells the replica how much room its disk has ([Replica.SetDisk]), and it counts the bytes of its log against
// Options.LogBytesMax. Without room it takes no commands, neither proposed (ErrDiskFull, which is definite) nor from a
// leader; its answers to heartbeats say so; it compacts its log without regard to followers, creates no snapshots, and
// gives leadership to a server with room, if a majority has some. Votes, heartbeats, reads and entries that are no
// commands go on, so that the cluster has a leader all the time. A leader with room refuses proposals as long as too
// few others have. What was on its way when the room ended is taken, up to an eighth of the reserve.
//
// # Stalls
//
// A write that is not durable Options.DiskStallMax after it was handed over, a compaction of the log, or a call of
// the machine's Apply that takes so long, is a stall: the server hands leadership over or gives it up, and does not
// stand for election, until that is done. Making the machine durable (View.Persist) may take as long as it likes:
// nobody waits for it. While it hangs the log grows up to its budget, and then the room has ended.
//
// # Obligations of the caller
//
//  1. Done of a [Proposal] or [Read] must not block: it runs on the applier's or the loop's goroutine.
//  2. An outcome for which [Definite] is false says nothing: the command may have been applied or may be
//     applied later.
//  3. When Done() is closed and Err() is not nil, a port failed. The process should end; what was
//     acknowledged is durable.
//  4. Tell the transport the addresses of EventConfig: the replica only reports them.
//  5. Count raft.Config.Incarnation up with each start.
//
// # Invariants
//
//  1. No vote and no acknowledgement leaves before the writes it speaks of are durable.
//  2. Writes reach the log in the order of the core's Readys, applies the machine in the order of the
//     log. An install is in both orders.
//  3. Each proposal and each read is completed exactly once.
//  4. The log never begins after what the machine durably holds, but between two steps of an install.
//  5. Every queue is bounded: proposals and messages by the inbox's caps, the loop's backlog and its
//     proposals in the log by the same, and with them a leader's writes; a follower's writes by the
//     leader's window; applies by the core's cap on what is under way, fetches and parts to be read by one a
//     follower; parts to be stored by the core's SnapshotInflightBytes and one part; reads by ReadsMax; compactions by
//     one; files by one snapshot created, one arriving and one received.
//
// # What it does not do
//
// It does not retry proposals, nor remember which a client sent twice: sessions are the machine's. It does not place
// snapshots by size of the machine, only by that of the log. It does not measure the disk. A start reads the
// whole log twice, once in Log.Load and once for the configurations in it.
package replica
