// Package etcdraft puts go.etcd.io/raft into a harness as its maintainers advise for speed, so that it can be measured.
//
//	Propose ──► inbox ──► loop (RawNode) ──MsgStorageAppend──► append: one Pebble batch, one sync ──responses──┐
//	                        ▲   │ └────────MsgStorageApply───► apply: answers those who wait ──responses────────┤
//	                        │   └──other messages──► a sender a peer ──TCP──► its inbox                         │
//	                        └──────────────────────────────────────────────────────────────────────────────────┘
//
// The library is a state machine without disk or network; all of that is ours, and what is slow in it is our fault:
//
//  1. AsyncStorageWrites: the leader's disk writes while it replicates, and messages that a write has to precede are
//     delivered after it.
//  2. RawNode in one loop, not Node: no channel for each message. What came during one round is stepped in the next,
//     all proposals as one MsgProp.
//  3. Appends that wait are written in one Pebble batch with one sync. Pebble v2, the same version as raftmark's.
//  4. Recent entries are answered from the library's MemoryStorage; older ones are compacted away.
//
// What it does not do: snapshots (a follower that has been away for more than the log keeps cannot come back),
// changes of membership, reads.
package etcdraft
