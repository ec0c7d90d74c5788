// Package kv is the replicated state machine: a map of byte strings and a table of client sessions, on
// Pebble, in memory, or null. Each implements replica.Machine by its shape.
//
//	client ─► AppendSet(...) ─► raft log ─► Apply(span) ─► one batch: data + sessions + applied index
//	client ◄─ DecodeReply    ◄─ results  ◄─────┘
//	client ─► AppendGet(...) ─► ReadIndex ─► Read(command) ─► reply      Snapshot() ─► View ─► Restore
//
// The smallest use:
//
//	machine, err := kv.OpenPebble(kv.Options{Dir: dir})
//	command := kv.AppendSet(nil, key, value, 0)      // the data of a raft entry
//	reply, err := kv.DecodeReply(result)             // what Apply made of it
//
// # Commands
//
// Every command starts with a version and an operation; byte strings follow as length (uvarint) and bytes:
//
//	+---------+----+-----------------------------+
//	| version | op | Get     key                 |   reply Bulk or Nil
//	| 1 B     | 1B | Set     flags (1 B) key value|  OK, or Nil when NX or XX forbids it; with GET the old value or Nil
//	|         |    | Del     count key ...       |   Int: keys that were there
//	|         |    | Exists  count key ...       |   Int: keys that are there, repeats counted
//	|         |    | Incr    key                 |   Int: the new value
//	|         |    | MGet    count key ...       |   Array of Bulk or Nil
//	|         |    | CAS     key old new         |   Int: 1 when old was there and was replaced, else 0
//	|         |    | OpenSession                 |   Int: the session's id, the index of this entry
//	|         |    | Session id seq ack command  |   the command's; id, seq, ack are uvarints, the command is the rest
//	+---------+----+-----------------------------+
//
// # Replies
//
//	Nil 1 | OK 2 | Int 3, varint | Bulk 4, length, bytes | Array 5, count, elements (Nil or Bulk) | Error 6, length, text
//
// A command that cannot be decoded, or that breaks a limit, has an Error reply and changes nothing. So has
// one that the data do not allow. What a reply says depends on the log alone, so it is the same on every
// node.
//
// Results cost memory: a copy of what was read. Gets of the same large value in one span share one, so
// results are for reading only. Where nobody waits, as on a follower, Apply takes nil results; then it
// replies nothing and leaves out the commands that only read, which have no effect.
//
// # Sessions
//
// A command of a session is executed once for each sequence number, however often it is in the log (thesis
// §6.3); the reply is kept until the client acknowledges it, and given again. Commands may arrive in any
// order. Ones that only read keep no reply: repeated, they read again. The first word of an Error says what
// became of the command: see [SessionExpired], [SessionStale], [SessionFull], [SessionReplyLost]. Bounds
// are constants; at [SessionsMax] the session ends whose last entry is the oldest in the log. No clock
// decides anything.
//
// # Records and streams
//
// A state is a list of records, see layout.go, the same for every kind of machine. A stream is one whole
// state:
//
//	+--------------+---------+-------+----------------------------+-----+---------+--------+
//	| magic (8 B)  | version | index | key length, key,           | 0   | records | CRC32C |
//	| "raftmark"   | 1 B     | 8 B LE| value length, value  × n   | 1 B | uvarint | 4 B LE |
//	+--------------+---------+-------+----------------------------+-----+---------+--------+
//
// Keys ascend; the checksum is of everything before it, and nothing comes after. Lengths are uvarints. A
// machine in memory that has a folder keeps one stream there, in the file STATE, written beside
// (STATE.tmp), synced and renamed.
//
// # Durability
//
// The raft log is the redo log: Pebble runs without a WAL here, and the applied index is in the batch of
// the data. After a crash the machine holds a prefix of the commands, [Pebble.Applied] says which, and the
// replica applies the rest again. A view's Persist raises that prefix: Pebble writes what is in memory to
// tables beside Apply; Mem and Null write their file, or nothing when they have no folder: such a machine
// goes only with a log that is lost with it. Restore builds the new state aside, and it replaces the old
// one in one edit of Pebble's manifest, or by renaming the file.
//
// The first error of the disk is sticky, of a read and of Pebble's own work too: Failure tells it at once, every call
// returns it, and nothing reaches the disk after it.
//
// # Obligations of the caller
//
//  1. One goroutine calls Apply, Snapshot and Restore, Apply with consecutive spans, from Applied on.
//  2. What ReadOnly refuses goes only to Apply. A Read is linearizable when Applied has reached the read
//     index before.
//  3. Never write to a result.
//  4. Close views. An open one keeps what was overwritten since: on the disk with Pebble, in memory with
//     Mem.
//
// # Invariants
//
//  1. Data, sessions and applied index change together or not at all.
//  2. Two machines that applied the same commands have the same Hash, whatever they are built on,
//     however their spans were cut, and whether they were restored in between.
//  3. A command of a session changes the data at most once for each sequence number. (I16)
//  4. A stream that is malformed anywhere is an error of Restore, and leaves the state.
//
// # What it does not do
//
// A command outside of a session that is proposed twice is applied twice. It does not say whose a session
// is: who knows the id may use it. It has no expiry of keys and no types but byte strings. Streams are not
// compressed, and hold a whole state, never a difference.
package kv
