// Package rafttest runs several cores of package raft in one goroutine, with a network and disks that do
// only what they are told: nothing is delivered, made durable, applied or ticked unless a test says so, and
// the same calls give the same run.
//
//	     Tick Propose                    Deliver Drop Duplicate
//	        │                                     │
//	        ▼                                     ▼
//	┌──────────────┐  SendNow            ┌─────────────────┐
//	│  raft.Core   │────────────────────▶│ queue of packets│──▶ Step of another core
//	│  of a Node   │                     └─────────────────┘
//	└──────┬───────┘                              ▲
//	       │ HardState, Append, SendAfterSync     │ released by Persist
//	       ▼                                      │
//	┌──────────────┐   Persist                    │
//	│ writes, FIFO │──────────▶ durable log ──────┘     Report ──▶ Synced
//	└──────────────┘   Crash loses what is not durable
//
// After each call that changes something a [Checker] compares the cluster with the five properties of the
// paper's Figure 3, named as there, and with what an implementation on real disks owes beside them. The
// first breach is kept, and [Cluster.Err] returns it.
//
// A [Script] runs a cluster from lines of text, for the files in raft/testdata.
//
// # Smallest use
//
//	c, err := rafttest.New(rafttest.Options{Nodes: 3})
//	c.Timeout(1)
//	c.Settle()
//	c.Propose(1, "x")
//	c.Settle()
//	err = c.Err()
//
// # What is modelled
//
//  1. Messages are lost, duplicated, reordered and cut off one way; they are never changed, and a
//     message whose entries change under way is a breach.
//  2. Writes become durable in order, each whole or not at all. A crash loses those that are not
//     durable, and the messages that waited for them.
//  3. The state machine may be behind the log after a crash, and is never ahead of it; what was made
//     durable for a compaction stays. Its state is a sum over what it was given, so that two that differ
//     are told apart.
//  4. Snapshots are made when they are asked for, kept in memory by who made them, and stored chunk by
//     chunk by who gets them. An install has steps that a crash may come between: the snapshot is stored,
//     the log begins anew, the state machine is restored, the snapshot is discarded. A start does what is
//     left of them.
//  5. Servers join with nothing on their disks. A disk may be lost; its server then comes back under its
//     old name only if a test wants to see what happens.
//  6. Each node has a clock that shows what it is told.
//
// # What is checked
//
//  1. Election Safety, Leader Append-Only, Log Matching, Leader Completeness, State Machine Safety.
//  2. Votes: one a term, durable before it leaves; a leader has those of a majority.
//  3. Commitment: durable at a majority of the configuration that counts (of both halves of a joint one)
//     from the first instant, by an entry of the leader's own term, and never taken back.
//  4. Configurations: the last one in the log counts; a leader adds one after an entry of its own term and
//     the one before are committed; quorums of neighbours intersect, which is tried with all sets of servers.
//  5. Snapshots: of what is committed, with the configuration as of it; an install brings something new and
//     removes nothing that agrees with it; a log is compacted after the state is durable.
//  6. Reads see all that was committed when they were asked for, and are answered once.
//  7. What a leader believes of a follower is true on the follower's disk; windows and messages keep to
//     their caps; no correct server refuses what another one sends.
//
// It does not model damaged disks (package storage and the simulator do), and it does not choose what
// happens next: tests do.
package rafttest
