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
//  3. The state machine may be behind the log after a crash, and is never ahead of it.
//
// It does not model time, broken disks, membership changes or snapshots, and it does not choose what
// happens next: tests do.
package rafttest
