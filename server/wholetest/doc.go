// Package wholetest tests whole clusters where they meet their disks: real replicas, with the raft log and the state
// machine on Pebble and the folder of snapshots, connected in memory, on file systems in memory that can lose what was
// not synced, and in virtual time. It has tests only.
//
//	clients ──writes, reads──► 3 to 5 replicas ──► log/ kv/ snapshot/ WATERMARK of every node ──► one crashable disk
//	   │                                                                                               │ cut: all nodes
//	   └── history of all lives ──► bench/check: nothing lost, linearizable      next life ◄── clone ──┘ at one instant
//
// TestSweepPowerLoss cuts the power of a cluster at a random operation of its disks, and starts it again on what that
// left, several times; all lives together must look like one register a key to their clients.
//
// TestSweepCorruption damages one file of a stopped node, in every way of a list and at every place of a raster. The
// node is refused with an error that names what, or is repaired by the others, or does not differ. Anything else is a
// silent difference, and fails.
//
// TestSweepLostTail zeroes the end of a live write-ahead log: the node must neither vote nor stand until it has caught
// up.
//
// The samples run with all tests; RAFTMARK_STORAGE=long runs all of them, see the target test-storage.
package wholetest
