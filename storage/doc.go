// Package storage holds what every kind of stable storage of a node shares: the options, the errors, and
// the claim on the data folder.
//
//	DIR/                 Options.Dir, one node of one cluster, one process at a time
//	├── IDENTITY         cluster, node, disk, and where it was written: then only compared
//	├── INCARNATION      the life of the folder, see Life: a new one is synced at each claim
//	├── PEERS            the disk of each member and its newest life that was seen, see PeerLives
//	├── LOCK             flock held while claimed; names the process that holds it
//	├── WATERMARK        how far the log was durable (storage/pebble)
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
//	raftmark-identity 3            name and version of the format
//	cluster: demo                  field: value, in a fixed order
//	node: 1
//	disk: 3607120931750482011      random, of the folder
//	adoptions: 0                   how often it was claimed as a copy, with Options.AdoptCopied
//	file system: ext4              its type
//	folder: inode 5311370 born 2026-01-31T12:09:56.155730223Z
//	file: inode 5311374 born 2026-01-31T12:09:56.159730223Z
//	crc32c: 5f0a91c3               of all bytes above
//
// INCARNATION has the number of the claim, its nonce, those of up to PreviousMax claims before it, the last
// first, its own file, the disk, and whether there is a log: that is said from the first Claim.NoteLog on,
// and here because no folder is claimed without this file. The fields of PEERS are node ids, ascending; each
// has disk, incarnation and nonce, and "forked" when another line of lives was refused. Earlier versions lack
// some of it, and are brought up to date when they are next written.
//
// They are written to a temporary file, synced, renamed, and the folder synced: a crash leaves the old file
// or the new. PEERS, empty, and INCARNATION are written before IDENTITY, so that a folder with an identity
// always has all three.
//
// # Who finds what
//
// A folder that is not what it was has forgotten votes and acknowledgements, or two nodes share them.
//
//	what happened to the folder             found by          because
//	used by another process                 the claim         LOCK
//	given to another node or cluster        the claim         IDENTITY
//	a bit of a record changed               the claim         the checksum
//	INCARNATION or PEERS lost               the claim         IDENTITY is never alone
//	INCARNATION of another folder           the claim         it names the disk
//	renamed, mounted anew, reboot           nobody: allowed   inodes and births stay; device numbers, which
//	                                                          do not, are not compared
//	copied, moved to another file system    the claim         the folder or IDENTITY is another file
//	restored over itself, file by file      the claim         INCARNATION is another file
//	the end of log/ lost, or log/ put back  the log           WATERMARK is newer
//	log/ or WATERMARK lost, or both         the log           INCARNATION says that there was a log
//	emptied                                 each peer         another disk
//	put back by a snapshot of the file      each peer that    its incarnation is lower than the newest seen,
//	system, the volume or the machine; or   saw a life after  or the same with another nonce, or greater and
//	restored or copied, and adopted in      that state        names another nonce for that one
//	spite of that
//	the same, then more than PreviousMax    the same          "forked" stays: what cannot name the newest life
//	lives while it was refused                                seen is not admitted any more
//	lived lives that no peer saw            nobody: allowed   the newest seen is among the previous, or the
//	                                                          gap is too long to tell and the number is greater
//
// Not found are: a snapshot put back that was taken in the newest life that a peer has seen, by that peer; a
// rollback that only peers could tell of that are away, have never met the node, or were rolled back with it
// (whoever restores a whole cluster, from one instant, needs that); more than PreviousMax lives after a
// rollback in the absence of all peers; a copy on a file system with neither lasting inodes nor births, which
// the claim logs (FUSE without births, FAT); on macOS a clone of a volume. False alarms are: a file system
// that was shrunk or converted so that files got new inodes, a folder on NFS moved to its server. An operator
// who knows that nothing is missing sets Options.AdoptCopied, once.
//
// # Obligations of the caller
//
//  1. Claim the folder (or open the log, which does) before anything else in it is touched.
//  2. Tell peers the life at each connection, and hold no conversation with one that PeerLives does not
//     admit: it must come back under a new node id.
//  3. Hang up on all peers when one of them says so of this node: the others may not know.
//  4. Close the claim last.
//
// # Invariants
//
//  1. A folder belongs to one cluster and one node for ever; nothing here deletes or rewrites another's
//     folder.
//  2. Of two processes that claim one folder at the same time, at most one succeeds.
//  3. Incarnations of a folder strictly increase, over crashes too.
//  4. The disk of a folder never changes, and a peer is admitted with one disk only, and in no life but
//     the newest that was seen or one after it, over crashes too.
//
// # What it does not do
//
// It does not look into the log or the machine. Locks are advisory, and not to be trusted on network file
// systems.
package storage
