// Package storage holds what every kind of stable storage of a node shares: the options, the errors, and
// the claim on the data folder.
//
//	DIR/                 Options.Dir, one node of one cluster, one process at a time
//	├── IDENTITY         cluster, node, disk and format: written once, then only compared
//	├── INCARNATION      how often the folder was opened: bumped and synced at each claim
//	├── PEERS            the disk that each member was first seen with, see PeerDisks
//	├── LOCK             flock held while claimed; names the process that holds it
//	├── log/             the raft log   (storage/pebble)
//	├── snapshot/        snapshots      (storage/snapshot)
//	└── kv/              the state machine (kv)
//
// The smallest use is through a log, which claims the folder that it lives in:
//
//	log, err := pebble.Open(storage.Options{Dir: dir, Cluster: "demo", Node: 1})
//
// The logs themselves live below: storage/pebble on disk, storage/mem in memory, storage/storagetest the
// conformance suite of both. They implement replica.Log by their shape; this package knows raft's types
// only.
//
// # Files
//
// IDENTITY, INCARNATION and PEERS are text, so that a person can read them, with a checksum, so that damage
// is found:
//
//	raftmark-identity 2            name and version of the format
//	cluster: demo                  field: value, in a fixed order
//	node: 1
//	disk: 3607120931750482011      random, of the folder; version 1 had none and gets one when it is claimed
//	crc32c: 5f0a91c3               of all bytes above
//
// The fields of PEERS are node ids, ascending, and disks.
//
// They are written to a temporary file, synced, renamed, and the folder synced: a crash leaves the old file
// or the new. INCARNATION is written before IDENTITY, so that a folder with an identity always has both.
//
// # Obligations of the caller
//
//  1. Claim the folder (or open the log, which does) before anything else in it is touched.
//  2. Tell peers the incarnation at each connection, so that they can tell this life of the node from
//     the one before.
//  3. Tell them the disk too, and hold no conversation with a peer that PeerDisks does not admit: a node
//     whose disk was wiped has forgotten its votes and acknowledgements, and must come back under a new
//     node id.
//  4. Close the claim last.
//
// # Invariants
//
//  1. A folder belongs to one cluster and one node for ever; nothing here deletes or rewrites another's
//     folder.
//  2. Of two processes that claim one folder at the same time, at most one succeeds.
//  3. Incarnations of a folder strictly increase, over crashes too.
//  4. The disk of a folder never changes, and a peer is admitted with one disk only, over crashes too.
//
// # What it does not do
//
// It cannot see that a folder was copied, or rolled back to an older backup, both of which break the
// promise that a vote is never forgotten: such a folder has the right disk. A server that never met a peer
// admits it with any. Locks are advisory, and not to be trusted on network file systems.
package storage
