// Package wholetest tests whole clusters where they meet their disks: real replicas, with the raft log and the
// state machine on Pebble and the folder of snapshots, connected in memory, on file systems in memory that can
// lose what was not synced, and in virtual time. It has tests only.
//
//	clients ──writes, reads──► 3 to 5 replicas ──► log/ kv/ snapshot/ WATERMARK of every node ──► one crashable disk
//	   │                                                                                               │ cut: all nodes
//	   └── history of all lives ──► bench/check: nothing lost, linearizable      next life ◄── clone ──┘ at one instant
//
// TestSweepPowerLoss cuts the power of a cluster at a random operation of its disks, and starts it again on what
// that left, several times; all lives together must look like one register a key to their clients. Syncs of the
// log take some virtual time in some lives: otherwise hardly anything could be acknowledged too early.
//
// TestSweepCorruption damages one file of a stopped node, or of one that was killed with a received snapshot on
// its disk, in every way of a list and at every place of a raster. The node is refused with an error that names
// what, or is repaired by the others, or does not differ. Anything else is a silent difference, and fails. All of
// it writes the table results/corruption.md. TestSweepClaimCorruption does the same to the files that say whose
// folder it is, on the real file system.
//
// TestSweepLostTail zeroes the end of a live write-ahead log: the node must neither vote nor stand until it has
// caught up, also over another start, and together with one that lacks what was acknowledged it must not elect.
//
// The samples run with all tests, RAFTMARK_STORAGE=long runs all of them: see storage/sweep.
//
// # How it stays fast and sharp
//
//  1. All nodes of a life are on one file system, so that one clone cuts all of them between two operations.
//  2. Time is virtual: nobody waits for an election. The engine must not sleep with a mutex held, so that only
//     group syncs of the log take time, see disk.takeTime.
//  3. The clock of the histories counts calls and returns: virtual time stands still while nodes work.
//  4. What is acknowledged after the cut has begun counts as unknown, and what is read then is left out.
//
// # What it does not do
//
// It does not run the server's ports, the real transports or the real file system, but for the claim; bench does.
// It damages one file at a time, and leaves out one pair: another node's whole write-ahead log in the place of
// one's own is not noticed when that node has written more batches.
package wholetest
