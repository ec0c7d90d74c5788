// Package peers is other Raft libraries behind the runner of raftmark, in a module of their own: who uses raftmark
// never downloads them.
//
//	floor, raftmark (package bench) ─┐
//	etcdraft, hashicorp,             ├──► bench.System ──► the same closed loop, open loop and stops ──► result, report
//	dragonboat (Pebble, tan), etcd ──┘
//
// Smallest use, from the root of the repository:
//
//	make bench-peers
//
// # What all of them have in common
//
//  1. Three nodes in one process, each with a folder of its own on disk; loopback TCP between them.
//  2. An acknowledged command was synced to the disks of a majority, and applied at the leader. The tests kill all nodes,
//     and find what was acknowledged again with each pair of them.
//  3. The same driver, payloads, and election timeouts of 150 to 300 ms; a state machine that keeps nothing (but etcd's).
//  4. All of them live in one module: dragonboat's Pebble is v1 and ours is v2, which are different import paths.
//
// # What it does not do
//
// It does not tune a library beyond what its documentation advises: docs/peers says for each setting why. A result that
// a library's maintainers would call unfair is a bug.
package peers
