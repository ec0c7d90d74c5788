// Package pebble is the raft log on Pebble: it implements replica.Log on a Pebble instance of its own.
//
//	Append ──► plan: merge spans ──► one batch ──► WAL buffer + memtable ──► return
//	                                                   │
//	wait   ◄── group sync of the WAL  ◄────────────────┘          memtable full ──► table, never merged again
//
// The smallest use:
//
//	log, err := pebble.Open(storage.Options{Dir: dir, Cluster: "demo", Node: 1})
//
// # Layout
//
// Keys, in order; integers of keys are big-endian, so that they sort, and those of values little-endian:
//
//	01 01               begin of the log, see below
//	01 02               hard state   version 1 B | term | vote | commit | recover term, index: 8 B each | crc32c 4 B
//	01 03               end record   version 1 B | sequence | chain | last term, index: 8 B each | crc32c 4 B
//	01 ff               guard        version 1 B; it only parts the tables, see placeGuard
//	02 | first index    run of entries:
//
//	+---------+-----------+-----------+----------+----------+---------------------------+
//	| version | prev term | last term |  count   |  crc32c  | entries, in raft's one    |
//	| 1 B     | 8 B       | 8 B       |  4 B     |  4 B     | encoding (AppendEntries)  |
//	+---------+-----------+-----------+----------+----------+---------------------------+
//
// A run is what one Append brought, at most about 1 MiB of it (more only for a single larger entry). The
// checksum covers the key's index and all of the value but itself, so that a run under a wrong key is found
// too. Runs follow each other without a hole and link by their terms: each prev term is the last term of
// the run before.
//
// Each batch sets the end record: its sequence number, which grows by one for ever, the log's last entry after
// it, and a hash over all batches (chain n = hash of chain n-1 and what batch n wrote, by its checksums).
//
// A conflicting suffix is removed by one range deletion; a run that it cuts is written again, shortened, in
// the same batch.
//
// # Compaction
//
// What the log begins after is one record, the last compacted entry together with the configuration as of
// it, so that neither is ever without the other:
//
//	+---------+------+-------+---------------------+---------------+--------+
//	| version | term | index | configuration index | configuration | crc32c |
//	| 1 B     | 8 B  | 8 B   | 8 B                 | (AppendTo)    | 4 B    |
//	+---------+------+-------+---------------------+---------------+--------+
//
// A compaction writes this record and syncs it, in either durability class. Runs below it are out of reach
// from then on. Those in memory only are deleted in its batch, and reach no table. The others are dropped later,
// table by table, when all runs of a table are (Excise: the engine forgets the tables, rewrites nothing, and
// waits for one sync of its manifest, behind which appends queue). The run that the log begins inside of stays
// whole. So at most about one table and one memtable of compacted runs is kept.
//
// When the log does not have the snapshot's entry, one batch holds the new record and the deletion of all
// runs: a crash leaves all of the old log or none of it.
//
// # What is durable when
//
// An Append is one Pebble batch, so it is atomic, and batches survive as a prefix: one WAL carries them in
// order. Its wait is the sync of that WAL; appends made while a sync is under way share the next. With
// storage.SyncNone waits do not wait.
//
// Pebble's first WAL of a new store is written in its oldest format, in which damage in the middle looks
// like the end. So a store is created, closed and opened again before its first use. At every opening a few
// WALs are filled and rotated: overwriting a file syncs faster than making it longer, and Pebble recycles
// only WALs of its own life (Options.WALPrimeBytes).
//
// # Watermark
//
// Pebble takes damage in the last 32 KiB block of its WAL for a torn tail, and where batches are larger than a
// block damage anywhere in it, and drops what follows in silence. So how far the log was durable is kept apart
// from it too, in DIR/WATERMARK, three slots 4 KiB apart:
//
//	+------------+---------+-----+----------+-------+------------+------+------+---------------+-------+---------+
//	| "raftmark" | version | 0   | sequence | chain | last term, | term | vote | recover term, | 0     | crc32c  |
//	| 8 B        | 1 B     | 7 B | 8 B      | 8 B   | index 16 B | 8 B  | 8 B  | index 16 B    | 428 B | 4 B     |
//	+------------+---------+-----+----------+-------+------------+------+------+---------------+-------+---------+
//
// After its sync, each wait writes to a slot that its batch is durable, and does not wait for that. The file is
// synced by a goroutine, at most once in Options.WatermarkSyncInterval; one slot is always synced and let alone.
// A wait whose batch changed term, vote or Recover waits for the watermark too. Load compares the log's end
// record r with the newest whole slot D, and brings the watermark up to r:
//
//	r > D                   normal: the watermark lags
//	r = D, one chain        normal
//	r = D, two chains       storage.ErrCorrupt: one of them is of another history
//	r < D                   the log lost its end: term and vote are the newer of both, and HardState.Recover
//	                        says what it ended in, durable before Load returns as batch D+1
//	no file or whole slot   storage.ErrCorrupt, unless the log has no batch: it is created then
//
// Not found is damage to what was written within the last interval before a power loss (votes excepted), and to
// a batch whose wait had not returned. With SyncNone the watermark moves only in Load and in Close, when all is
// durable: what was durable then is checked whatever the class is, and between there is no promise to check.
//
// # When the disk fails
//
// The first failed write, sync, creation or removal, of the log's or of the engine's own work, is sticky:
// every later call returns it, and nothing more reaches the disk, see [FailStopFS]. A node that starts
// again finds what a crash at that moment would have left.
//
// # Obligations of the caller
//
//  1. Call Load before the first Append; refuse to go on when it fails.
//  2. Call Append from one goroutine at a time, and each wait once, in order; at most 511 may be
//     outstanding before Append blocks.
//  3. Stop at the first error: it is sticky, and what it left on disk is only known after opening again.
//
// # Invariants
//
//  1. first.Index <= last.Index, and every index of (first.Index, last.Index] is in exactly one run.
//     Of the compacted runs some are still there; the last of them ends in first, or holds it.
//  2. HardState is never newer than the entries stored with it: both go in one batch.
//  3. Damage and holes are storage.ErrCorrupt or, at the end, HardState.Recover; they are never skipped.
//  4. What the watermark says is durable in the log first.
//
// # What it does not do
//
// It reads no older layout: what was written before version 3 was never released, and is storage.ErrFormat. A
// folder put back as a whole, log and watermark, is for package storage to find.
package pebble
