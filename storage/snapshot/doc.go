// Package snapshot keeps snapshots of a state machine in plain files of one folder: the newest one that this server
// made, for followers, and the one that a leader sends. It implements replica.Snapshots by its shape.
//
//	machine ── stream ──► Create ──► created.snap ──► Read ──► chunks ──► a follower
//	a leader ── chunks ──► Store ──► incoming.tmp ── verify, sync, rename, sync folder ──► received.snap ──► Received
//
// The smallest use:
//
//	folder, err := snapshot.Open(snapshot.Options{Dir: storage.SnapshotDir(dir)})
//
// # File
//
// The bytes that travel in chunks are those of the file. Integers are little-endian, uv is an unsigned varint:
//
//	header   magic 8 B | version 1 B | name length 4 B | name | crc32c 4 B of all before
//	block    length 4 B | crc32c 4 B | data              one after the other, all full but the last
//	...
//	trailer  0, 4 B | crc32c 4 B | data length 8 B | crc32c 4 B of header and blocks
//
//	name     last term uv | last index uv | configuration index uv | length uv | configuration
//
// The checksum of a block covers its number too, and the trailer counts as a block whose data are its last 12 bytes. A
// full block has 64 KiB. Nothing follows the trailer. So every flipped bit, lost end, and block in another place is
// found, before any byte of the block at fault is handed out.
//
// # What is durable when
//
// A received snapshot is synced before it gets its name, and the folder after: a crash leaves it whole or not at all.
// A created one can be made again and is not synced; it does not survive its process. Open removes what is left of it
// and of half received ones.
//
// # Obligations of the caller
//
//  1. Hold the claim on the data folder (storage.Claim).
//  2. Use a Folder from one goroutine at a time. A reader that Received returned may be used beside it.
//  3. Close that reader.
//
// # Invariants
//
//  1. received.snap was verified from its first byte to its last and was synced before it had this name.
//  2. A failed Create leaves the snapshot created before; a failed Store leaves the one received before, unless it is
//     the folder that could not be synced: then it is one of the two, whole.
//  3. No file exceeds Options.BytesMax, and there are at most four: two whole ones, and two that come to be.
//  4. Temporary files do not outlive the call that failed, unless the disk did, and nothing outlives Open but
//     received.snap.
//
// # What it does not do
//
// It does not know what a machine's state looks like, and does not compress it. It does not retry: the first error of
// the disk, of a read, too, is sticky, and nothing reaches the disk after it. Damage is no such error.
package snapshot
