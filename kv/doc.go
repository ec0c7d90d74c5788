// Package kv is the replicated state machine: a map of byte strings, on Pebble, in memory, or null. Each
// implements replica.Machine by its shape.
//
//	client ─► AppendSet(...) ─► raft log ─► Apply(span) ─► one batch: data + applied index
//	client ◄─ DecodeReply    ◄─ results  ◄─────┘
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
// Results cost memory: a copy of what was read. Gets of the same large value in one span share one, so results are for
// reading only. Where nobody waits, as on a follower, Apply takes nil results; then it replies nothing and leaves out
// the commands that only read, which have no effect.
//
// # Durability
//
// The raft log is the redo log: Pebble runs without a WAL here, and the applied index is in the batch of
// the data. After a crash the machine holds a prefix of the commands, [Pebble.Applied] says which, and the
// replica applies the rest again.
//
// # Obligations of the caller
//
//  1. One goroutine calls Apply, with consecutive spans, from Applied on.
//  2. Give commands only to Apply; a read is a command too.
//  3. Never write to a result.
//
// # Invariants
//
//  1. State and applied index change together or not at all.
//  2. Two machines that applied the same commands have the same Hash, whatever they are built on.
//
// # What it does not do
//
// It has no sessions: a command that is proposed twice is applied twice. It has no expiry and no types but
// byte strings.
package kv
